package wukongvm

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
)

// gather is how long news of KubeVirt and of imports wait for more: a machine that starts changes a dozen times in its first second, and
// each look that finds something new is a write of status.
const gather = time.Second

// vmsUsing maps a disk or network to the machines that use it: at once when it decides whether the machine can be written, else
// with others.
func vmsUsing(field string) kind.Watch {
	soon := func(before, now client.Object) time.Duration {
		if before == nil || now == nil || decides(before.(v1alpha1.Object), now.(v1alpha1.Object)) {
			return 0
		}
		return gather
	}
	return kind.On(func(r *Reconciler) handler.EventHandler {
		return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
			return watches.Requests(ctx, r.client, newList(),
				client.InNamespace(obj.GetNamespace()), client.MatchingFields{field: obj.GetName()})
		}, soon)
	}, childChanged())
}

// vmsThatNeedBindings are the machines that reach the pod network by a plugin of KubeVirt, without a WukongNetwork.
func (r *Reconciler) vmsThatNeedBindings(ctx context.Context) []reconcile.Request {
	machines := &v1alpha1.WukongVMList{}
	requests := watches.Requests(ctx, r.client, machines)
	var affected []reconcile.Request
	for i := range requests {
		if podPlugin(&machines.Items[i]) != "" {
			affected = append(affected, requests[i])
		}
	}
	return affected
}

func (r *Reconciler) vmsOfBindings(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.vmsThatNeedBindings(ctx)
}

// everyVM is all machines.
func (r *Reconciler) everyVM(ctx context.Context, _ client.Object) []reconcile.Request {
	return watches.Requests(ctx, r.client, newList())
}

// decides tells whether a change of a disk or network may let the machine be written, or forbid it.
func decides(before, now v1alpha1.Object) bool {
	if before.GetGeneration() != now.GetGeneration() || before.GetDeletionTimestamp().IsZero() != now.GetDeletionTimestamp().IsZero() {
		return true
	}
	if disk, ok := now.(*v1alpha1.WukongDisk); ok {
		old := before.(*v1alpha1.WukongDisk).Status
		return old.ClaimName != disk.Status.ClaimName || old.AttachedTo != disk.Status.AttachedTo || !equality.Semantic.DeepEqual(old.Move, disk.Status.Move)
	}
	return model.Ready(before).Status != model.Ready(now).Status
}

// sameName maps KubeVirt's objects to the WukongVM: we name the VirtualMachine as it, and KubeVirt the instance as the VirtualMachine.
func sameName() handler.EventHandler {
	return watches.Gather(func(_ context.Context, obj client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(obj)}}
	}, func(_, _ client.Object) time.Duration { return gather })
}

// ofMachine maps a Service to the WukongVM that made it.
func ofMachine() handler.EventHandler {
	return watches.Gather(func(_ context.Context, obj client.Object) []reconcile.Request {
		return maker(obj)
	}, func(_, _ client.Object) time.Duration { return gather })
}

// ofService maps an EndpointSlice to the WukongVM that made its Service.
func (r *Reconciler) ofService() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
		service, err := read.Get(ctx, r.client, obj.GetNamespace(), obj.GetLabels()[discoveryv1.LabelServiceName], &corev1.Service{})
		if err != nil || service == nil {
			return nil
		}
		return maker(service)
	}, func(_, _ client.Object) time.Duration { return gather })
}

// maker is a request for the WukongVM that made an object.
func maker(obj client.Object) []reconcile.Request {
	name := model.MadeBy(obj)
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: obj.GetNamespace(), Name: name}}}
}

// endpointsChanged lets pass a different number of pods that answer.
func endpointsChanged() predicate.Predicate {
	count := func(obj client.Object) int32 {
		slice := obj.(*discoveryv1.EndpointSlice)
		return services.CountEndpoints([]discoveryv1.EndpointSlice{*slice})[slice.Labels[discoveryv1.LabelServiceName]]
	}
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return count(e.ObjectOld) != count(e.ObjectNew) }}
}

// serviceChanged lets pass what others do to a Service, and what the load balancer says. Its creation is known.
func serviceChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.Service), e.ObjectNew.(*corev1.Service)
			return !equality.Semantic.DeepEqual(before.Spec, after.Spec) || !equality.Semantic.DeepEqual(before.Status, after.Status) ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!equality.Semantic.DeepEqual(before.Labels, after.Labels) || !equality.Semantic.DeepEqual(before.Annotations, after.Annotations)
		},
	}
}

// changedByOthers lets pass what others do to an object of the machine's that nobody but the machine writes. Its creation is known.
func changedByOthers() predicate.TypedPredicate[client.Object] {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() },
	}
}

// childChanged accepts what a machine reads of a disk or network: its spec, its condition, its claim or attachment. The
// progress of an import is no news to it, nor is that a disk or network is there which the machine has just made.
func childChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return model.MadeBy(e.Object) == "" },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(v1alpha1.Object), e.ObjectNew.(v1alpha1.Object)
			return before.GetGeneration() != after.GetGeneration() ||
				before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() ||
				before.GetPhase() != after.GetPhase() ||
				!sameReady(before, after) || !sameFacts(before, after)
		},
	}
}

func sameReady(before, after v1alpha1.Object) bool {
	one, two := model.Ready(before), model.Ready(after)
	return one.Status == two.Status && one.Reason == two.Reason && one.Message == two.Message
}

func sameFacts(before, after v1alpha1.Object) bool {
	switch typed := after.(type) {
	case *v1alpha1.WukongDisk:
		old := before.(*v1alpha1.WukongDisk).Status
		return before.GetAnnotations()[v1alpha1.AnnotationClaimInUse] == typed.Annotations[v1alpha1.AnnotationClaimInUse] &&
			old.ClaimName == typed.Status.ClaimName && old.AttachedTo == typed.Status.AttachedTo &&
			equality.Semantic.DeepEqual(old.Capacity, typed.Status.Capacity) && equality.Semantic.DeepEqual(old.Move, typed.Status.Move)
	case *v1alpha1.WukongNetwork:
		old := before.(*v1alpha1.WukongNetwork).Status
		return old.Attachment == typed.Status.Attachment && maps.Equal(placement.BridgeNodes(&old), placement.BridgeNodes(&typed.Status))
	default:
		return false
	}
}

// ownerReferencesChanged lets pass an object whose umbrella reference someone took off.
func ownerReferencesChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(e.ObjectOld.GetOwnerReferences(), e.ObjectNew.GetOwnerReferences())
		},
	}
}

// addressTaken maps an address that was taken to the machines whose guests show it, which have it no more by right.
func (r *Reconciler) addressTaken() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		lock := obj.(*v1alpha1.WukongAddress)
		address := cmp.Or(string(lock.Spec.Address), lock.Spec.MACAddress)
		return watches.Requests(ctx, r.client, &v1alpha1.WukongVMList{}, client.MatchingFields{index.VMByObservedAddress: address})
	})
}

// addressFreed maps an address that was let go to those that wait for it, and to its holder, should it still need it.
func (r *Reconciler) addressFreed() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		lock := obj.(*v1alpha1.WukongAddress)
		holder := lock.Spec.Holder
		requests := []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: holder.Namespace, Name: holder.Name}}}
		woken := r.waiting.Wake(lock.Name, netip.Addr{})
		if address, err := netip.ParseAddr(string(lock.Spec.Address)); err == nil { // that of a hardware address has none
			woken = append(woken, r.waiting.Wake(lock.Spec.Segment, address)...)
		}
		for _, name := range woken {
			requests = append(requests, reconcile.Request{NamespacedName: name})
		}
		return requests
	})
}

func onlyCreations() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(event.UpdateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

func onlyDeletions() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
}
