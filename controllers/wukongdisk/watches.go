package wukongdisk

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/source"
)

// The predicates that decide which changes matter are in the package of the part that reads the object.

// gather is how long a change of a DataVolume or its claim waits for further changes. A disk that is made quickly
// passes through all its states in less time, and each pass that reads another state writes status. The delay harms
// nobody: a VirtualMachine needs only the claim's name, and KubeVirt watches the DataVolume itself.
const gather = time.Second

func newList() client.ObjectList { return &v1alpha1.WukongDiskList{} }

// disksBy maps an object to the disks that an index finds by its name.
func disksBy(field string) func(*Reconciler, context.Context, client.Object) []reconcile.Request {
	return func(r *Reconciler, ctx context.Context, obj client.Object) []reconcile.Request {
		return r.requestsFor(ctx, client.InNamespace(obj.GetNamespace()), client.MatchingFields{field: obj.GetName()})
	}
}

// requestsFor are requests for the disks that match the options.
func (r *Reconciler) requestsFor(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	return watches.Requests(ctx, r.client, newList(), options...)
}

// requestFor is a request for one disk; none without a name.
func requestFor(namespace, name string) []reconcile.Request {
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}

// changesOnly delays changes of an object, but not its creation and deletion, which others wait for.
func changesOnly(_, now client.Object) time.Duration {
	if now == nil || !now.GetDeletionTimestamp().IsZero() {
		return 0
	}
	return gather
}

// clonesOf maps an object of a kind to the disks in all namespaces that are clones of it.
func clonesOf(of string) kind.Watch {
	return kind.Map(func(r *Reconciler, ctx context.Context, obj client.Object) []reconcile.Request {
		return r.clonesOf(ctx, model.Origin{Kind: of, Namespace: obj.GetNamespace(), Name: obj.GetName()})
	}, source.OriginChange())
}

// filledFromVolumeSnapshot maps a VolumeSnapshot to the disks in all namespaces that are clones of it, or of the
// WukongSnapshot that it belongs to, and to the disks that are being restored from it.
func filledFromVolumeSnapshot() kind.Watch {
	restored := disksBy(index.DiskByRestore)
	return kind.Map(func(r *Reconciler, ctx context.Context, obj client.Object) []reconcile.Request {
		requests := restored(r, ctx, obj)
		for _, origin := range source.OriginsIn(obj) {
			requests = append(requests, r.clonesOf(ctx, origin)...)
		}
		return requests
	}, source.OriginChange())
}

func (r *Reconciler) clonesOf(ctx context.Context, origin model.Origin) []reconcile.Request {
	return r.requestsFor(ctx, client.MatchingFields{index.DiskByOrigin: origin.Key()})
}

// clonesOfDisksOf maps a WukongVM to the disks that are clones of its disks: none is made while its guest uses them.
func (r *Reconciler) clonesOfDisksOf() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, vm client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, name := range model.UsedDisks(vm.(*v1alpha1.WukongVM)) {
			origin := model.Origin{Kind: model.KindDisk, Namespace: vm.GetNamespace(), Name: name}
			requests = append(requests, r.clonesOf(ctx, origin)...)
		}
		return requests
	})
}

// originOfClone maps a clone to the disk that it is made from.
func originOfClone(_ context.Context, obj client.Object) []reconcile.Request {
	origin, ok := model.OriginOf(obj.(*v1alpha1.WukongDisk))
	if !ok || origin.Kind != model.KindDisk {
		return nil
	}
	return requestFor(origin.Namespace, origin.Name)
}

// diskOfExport maps an export to its disk.
func diskOfExport(_ context.Context, obj client.Object) []reconcile.Request {
	return requestFor(obj.GetNamespace(), model.ExportedDisk(obj.(*v1alpha1.WukongExport), nil))
}

// diskOfClone maps a WukongClone to the disk that it makes.
func diskOfClone(_ context.Context, obj client.Object) []reconcile.Request {
	return requestFor(obj.GetNamespace(), obj.(*v1alpha1.WukongClone).Spec.TargetName)
}

// disksOfSnapshot maps a snapshot to its disk, or to those of its WukongVM.
func (r *Reconciler) disksOfSnapshot(ctx context.Context, obj client.Object) []reconcile.Request {
	source, namespace := obj.(*v1alpha1.WukongSnapshot).Spec.Source, obj.GetNamespace()
	if source.VMRef == nil {
		return requestFor(namespace, source.DiskRef.Name)
	}
	vm := &v1alpha1.WukongVM{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: source.VMRef.Name}, vm)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		log.FromContext(ctx).Error(err, "Cannot read the WukongVM of a snapshot", "WukongSnapshot", obj.GetName())
		return nil
	}
	var requests []reconcile.Request
	for _, name := range model.DiskNames(vm) {
		requests = append(requests, requestFor(namespace, name)...)
	}
	return requests
}

// disksOfClaimName maps a claim to the disks that have it.
func (r *Reconciler) disksOfClaimName() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, claim client.Object) []reconcile.Request {
		return disksBy(index.DiskByClaim)(r, ctx, claim)
	}, changesOnly)
}

// othersOnClaims maps a disk to the other disks that have one of its claims.
func (r *Reconciler) othersOnClaims() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, claim := range model.ClaimsOf(obj.(*v1alpha1.WukongDisk)).All() {
			disks := r.requestsFor(ctx,
				client.InNamespace(obj.GetNamespace()), client.MatchingFields{index.DiskByClaim: claim})
			for _, request := range disks {
				if request.Name != obj.GetName() {
					requests = append(requests, request)
				}
			}
		}
		return requests
	})
}

// disksOfFailure maps an event of a provisioner to the disks that have the claim. The event may be about a claim that
// CDI made for that claim.
func (r *Reconciler) disksOfFailure() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, uid := range index.ClaimsOfFailure(obj) {
			requests = append(requests, r.disksOfClaim(ctx, uid)...)
		}
		return requests
	}, changesOnly)
}

// disksOfClaim are requests for the disks that have the claim with a UID.
func (r *Reconciler) disksOfClaim(ctx context.Context, uid string) []reconcile.Request {
	var requests []reconcile.Request
	claims := watches.Requests(
		ctx, r.client, &corev1.PersistentVolumeClaimList{}, client.MatchingFields{index.ClaimByUID: uid})
	for _, claim := range claims {
		requests = append(requests, r.requestsFor(ctx,
			client.InNamespace(claim.Namespace), client.MatchingFields{index.DiskByClaim: claim.Name})...)
	}
	return requests
}

// unsettledDisks maps a StorageClass to the disks that may have waited for it.
func (r *Reconciler) unsettledDisks() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		disks := &v1alpha1.WukongDiskList{}
		requests := watches.Requests(ctx, r.client, disks)
		var unsettled []reconcile.Request
		for i := range disks.Items {
			status := &disks.Items[i].Status
			moves := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionStorageMoved) != nil
			if status.Phase != v1alpha1.DiskReady || moves {
				unsettled = append(unsettled, requests[i])
			}
		}
		return unsettled
	})
}

// disksOfVM maps a WukongVM to the disks that it uses or used, because a disk that is being deleted waits for it, and
// to those that it owns, because a protected one survives it.
func (r *Reconciler) disksOfVM() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		vm := obj.(*v1alpha1.WukongVM)
		requests := r.requestsFor(ctx,
			client.InNamespace(vm.Namespace), client.MatchingFields{index.DiskByOwner: vm.Name})
		for _, name := range model.UsedDisks(vm) {
			requests = append(requests, requestFor(vm.Namespace, name)...)
		}
		return requests
	})
}

// created accepts objects that are created or seen for the first time.
func created() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
