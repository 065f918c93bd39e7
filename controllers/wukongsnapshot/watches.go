package wukongsnapshot

import (
	"context"

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

// unfinished are requests for the snapshots of a disk or a WukongVM, by an index, that are not finished.
func (r *Reconciler) unfinished(ctx context.Context, namespace, field, name string) []reconcile.Request {
	return watches.Unfinished(ctx, r.client, &v1alpha1.WukongSnapshotList{},
		client.InNamespace(namespace), client.MatchingFields{field: name})
}

// ofDisk maps a disk to its snapshots, and to those of the WukongVM that has it.
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

// ofVM maps a WukongVM to its snapshots and those of its disks: how consistent they are depends on whether its guest
// may write to the disks.
func (r *Reconciler) ofVM() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, vm client.Object) []reconcile.Request {
		requests := r.unfinished(ctx, vm.GetNamespace(), index.SnapshotByVM, vm.GetName())
		for _, disk := range model.UsedDisks(vm.(*v1alpha1.WukongVM)) {
			requests = append(requests, r.unfinished(ctx, vm.GetNamespace(), index.SnapshotByDisk, disk)...)
		}
		return requests
	})
}

// ofInstance maps an instance to the snapshots of its WukongVM.
func (r *Reconciler) ofInstance() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, instance client.Object) []reconcile.Request {
		return r.unfinished(ctx, instance.GetNamespace(), index.SnapshotByVM, instance.GetName())
	})
}

// diskChange accepts changes of what is read of a disk.
func diskChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			return before.UID != after.UID || before.Complete() != after.Complete() ||
				before.Status.ClaimName != after.Status.ClaimName ||
				before.Status.AttachedTo != after.Status.AttachedTo ||
				(before.Status.Move == nil) != (after.Status.Move == nil) ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				model.Ready(before).Message != model.Ready(after).Message
		},
	}
}

// vmChange accepts changes of what is read of a WukongVM.
func vmChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || model.MayRun(before) != model.MayRun(after) ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(model.UsedDisks(before), model.UsedDisks(after))
		},
	}
}
