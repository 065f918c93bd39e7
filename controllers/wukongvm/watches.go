package wukongvm

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/changes"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

// gather is how long changes of KubeVirt's objects and of imports wait for more: an instance that starts changes a
// dozen times in its first second, and each pass that finds a change writes the status.
const gather = time.Second

func always(_, _ client.Object) time.Duration { return gather }

// vmsUsing maps a WukongDisk or WukongNetwork to the WukongVMs that use it: at once when the change decides whether a
// VirtualMachine can be written, otherwise together with later changes.
func vmsUsing(field string) kind.Watch {
	after := func(before, now client.Object) time.Duration {
		if before == nil || now == nil || changes.Decides(before.(v1alpha1.Object), now.(v1alpha1.Object)) {
			return 0
		}
		return gather
	}
	return kind.On(func(r *Reconciler) handler.EventHandler {
		return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
			return watches.Requests(ctx, r.client, &v1alpha1.WukongVMList{},
				client.InNamespace(obj.GetNamespace()), client.MatchingFields{field: obj.GetName()})
		}, after)
	}, changes.Child())
}

// restoredFrom maps a WukongSnapshot to the WukongVMs that are restored from it, or had it taken for that.
func (r *Reconciler) restoredFrom() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, &v1alpha1.WukongVMList{},
			client.InNamespace(obj.GetNamespace()), client.MatchingFields{index.VMBySnapshot: obj.GetName()})
	})
}

// vmsOfBindings are the WukongVMs that reach the pod network by a plugin of KubeVirt, without a WukongNetwork.
func (r *Reconciler) vmsOfBindings(ctx context.Context, _ client.Object) []reconcile.Request {
	list := &v1alpha1.WukongVMList{}
	requests := watches.Requests(ctx, r.client, list)
	var affected []reconcile.Request
	for i := range requests {
		if nics.PodPlugin(&list.Items[i]) != "" {
			affected = append(affected, requests[i])
		}
	}
	return affected
}

// everyVM is all WukongVMs.
func (r *Reconciler) everyVM(ctx context.Context, _ client.Object) []reconcile.Request {
	return watches.Requests(ctx, r.client, &v1alpha1.WukongVMList{})
}

// sameName maps a VirtualMachine or an instance to the WukongVM, which has the same name.
func sameName() handler.EventHandler {
	return watches.Gather(func(_ context.Context, obj client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(obj)}}
	}, always)
}

// byOwner maps an object to the WukongVM that made it.
func byOwner() handler.EventHandler {
	return watches.Gather(func(_ context.Context, obj client.Object) []reconcile.Request {
		return ownerOf(obj)
	}, always)
}

// ofService maps an EndpointSlice to the WukongVM that made its Service.
func (r *Reconciler) ofService() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
		name := obj.GetLabels()[discoveryv1.LabelServiceName]
		service, err := read.Get(ctx, r.client, obj.GetNamespace(), name, &corev1.Service{})
		if err != nil || service == nil {
			return nil
		}
		return ownerOf(service)
	}, always)
}

// ownerOf is a request for the WukongVM that made an object.
func ownerOf(obj client.Object) []reconcile.Request {
	name := model.MadeBy(obj)
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: obj.GetNamespace(), Name: name}}}
}

// addressAssigned maps an address to the WukongVMs whose guests show it, but to which it is not assigned any longer.
func (r *Reconciler) addressAssigned() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		lock := obj.(*v1alpha1.WukongAddress)
		address := cmp.Or(string(lock.Spec.Address), lock.Spec.MACAddress)
		byAddress := client.MatchingFields{index.VMByObservedAddress: address}
		return watches.Requests(ctx, r.client, &v1alpha1.WukongVMList{}, byAddress)
	})
}

// addressReleased maps an address to the WukongVMs that wait for it, and to the one that had it, which may still need
// it.
func (r *Reconciler) addressReleased() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		lock := obj.(*v1alpha1.WukongAddress)
		before := types.NamespacedName{Namespace: lock.Spec.Holder.Namespace, Name: lock.Spec.Holder.Name}
		requests := []reconcile.Request{{NamespacedName: before}}
		waiting := r.addresses.Room.Wake(lock.Name, netip.Addr{})
		// The lock of a MAC address has no IP address.
		if address, err := netip.ParseAddr(string(lock.Spec.Address)); err == nil {
			waiting = append(waiting, r.addresses.Room.Wake(lock.Spec.Segment, address)...)
		}
		for _, name := range waiting {
			requests = append(requests, reconcile.Request{NamespacedName: name})
		}
		return requests
	})
}
