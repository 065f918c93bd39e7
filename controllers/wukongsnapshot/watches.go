package wukongsnapshot

import (
	"context"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/apimachinery/pkg/api/equality"
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

// unfinished lists the snapshots of a disk that are under way.
func (r *Reconciler) unfinished(ctx context.Context, namespace, disk string) []reconcile.Request {
	snapshots := &v1alpha1.WukongSnapshotList{}
	requests := watches.Requests(ctx, r.client, snapshots, client.InNamespace(namespace), client.MatchingFields{index.SnapshotByDisk: disk})
	var under []reconcile.Request
	for i := range snapshots.Items {
		if !snapshots.Items[i].Finished() {
			under = append(under, requests[i])
		}
	}
	return under
}

func (r *Reconciler) ofDisk() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, disk client.Object) []reconcile.Request {
		return r.unfinished(ctx, disk.GetNamespace(), disk.GetName())
	})
}

// ofMachine maps a machine to the snapshots of its disks: whether it may write to them decides how consistent they are.
func (r *Reconciler) ofMachine() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, vm client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, disk := range model.UsedDisks(vm.(*v1alpha1.WukongVM)) {
			requests = append(requests, r.unfinished(ctx, vm.GetNamespace(), disk)...)
		}
		return requests
	})
}

// diskChange lets pass what is read of a disk.
func diskChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			return before.UID != after.UID || before.Complete() != after.Complete() || before.Status.ClaimName != after.Status.ClaimName ||
				before.Status.AttachedTo != after.Status.AttachedTo || before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() || model.Ready(before).Message != model.Ready(after).Message
		},
	}
}

// machineChange lets pass what is read of a machine.
func machineChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || model.MayRun(before) != model.MayRun(after) ||
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
