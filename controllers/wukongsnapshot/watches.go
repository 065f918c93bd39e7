package wukongsnapshot

import (
	"context"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// unfinished lists the snapshots of a disk or a machine, by an index, that are not finished.
func (r *Reconciler) unfinished(ctx context.Context, namespace, field, name string) []reconcile.Request {
	snapshots := &v1alpha1.WukongSnapshotList{}
	requests := watches.Requests(ctx, r.client, snapshots, client.InNamespace(namespace), client.MatchingFields{field: name})
	var under []reconcile.Request
	for i := range snapshots.Items {
		if !snapshots.Items[i].Finished() {
			under = append(under, requests[i])
		}
	}
	return under
}

func (r *Reconciler) ofDisk() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		disk := obj.(*v1alpha1.WukongDisk)
		requests := r.unfinished(ctx, disk.Namespace, index.SnapshotByDisk, disk.Name)
		if vm := disk.Status.AttachedTo; vm != "" {
			requests = append(requests, r.unfinished(ctx, disk.Namespace, index.SnapshotByVM, vm)...)
		}
		return requests
	})
}

// ofMachine maps a machine to its snapshots and those of its disks: whether it may write to them decides how consistent
// they are.
func (r *Reconciler) ofMachine() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, vm client.Object) []reconcile.Request {
		requests := r.unfinished(ctx, vm.GetNamespace(), index.SnapshotByVM, vm.GetName())
		for _, disk := range model.UsedDisks(vm.(*v1alpha1.WukongVM)) {
			requests = append(requests, r.unfinished(ctx, vm.GetNamespace(), index.SnapshotByDisk, disk)...)
		}
		return requests
	})
}

// ofInstance maps an instance to the snapshots of its machine.
func (r *Reconciler) ofInstance() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, instance client.Object) []reconcile.Request {
		return r.unfinished(ctx, instance.GetNamespace(), index.SnapshotByVM, instance.GetName())
	})
}

// instanceChange accepts changes of what is read of an instance.
func instanceChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.VirtualMachineInstance), e.ObjectNew.(*kubevirtv1.VirtualMachineInstance)
			return !guestOf(before).is(guestOf(after))
		},
	}
}

// diskChange lets pass what is read of a disk.
func diskChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			return before.UID != after.UID || before.Complete() != after.Complete() || before.Status.ClaimName != after.Status.ClaimName ||
				before.Status.AttachedTo != after.Status.AttachedTo || (before.Status.Move == nil) != (after.Status.Move == nil) || before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() || model.Ready(before).Message != model.Ready(after).Message
		},
	}
}

// machineChange lets pass what is read of a machine.
func machineChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || model.MayRun(before) != model.MayRun(after) ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(model.UsedDisks(before), model.UsedDisks(after))
		},
	}
}

// snapshotChange lets pass what is read of a VolumeSnapshot.
func snapshotChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*snapshotv1.VolumeSnapshot), e.ObjectNew.(*snapshotv1.VolumeSnapshot)
			return before.UID != after.UID || before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) || !sameStatus(before.Status, after.Status)
		},
	}
}

// sameStatus leaves out the time of an error, which a sidecar that tries again writes each time.
func sameStatus(one, two *snapshotv1.VolumeSnapshotStatus) bool {
	timeless := func(status *snapshotv1.VolumeSnapshotStatus) *snapshotv1.VolumeSnapshotStatus {
		if status == nil || status.Error == nil {
			return status
		}
		status = status.DeepCopy()
		status.Error.Time = nil
		return status
	}
	return equality.Semantic.DeepEqual(timeless(one), timeless(two))
}
