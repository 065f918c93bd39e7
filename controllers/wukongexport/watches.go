package wukongexport

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// exportOfPod maps a pod to the export in its label, and ends the connection to the mover of one that is being deleted.
func (r *Reconciler) exportOfPod() handler.EventHandler {
	request := func(_ context.Context, obj client.Object) []reconcile.Request {
		name := obj.GetLabels()[v1alpha1.LabelExport]
		if name == "" {
			return nil
		}
		if !obj.GetDeletionTimestamp().IsZero() {
			r.followers.Stop(obj.GetUID())
		}
		key := types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}
		return []reconcile.Request{{NamespacedName: key}}
	}
	return handler.EnqueueRequestsFromMapFunc(request)
}

// unfinished maps an object to the exports of its namespace that are not finished: they are few, and each reads several
// objects.
func (r *Reconciler) unfinished() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Unfinished(ctx, r.client, &v1alpha1.WukongExportList{}, client.InNamespace(obj.GetNamespace()))
	})
}

// claimChange accepts claims that are created or deleted: their mode and class do not change.
func claimChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() },
	}
}

// diskChange accepts changes of what is read of a disk.
func diskChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			readyBefore, readyAfter := model.Ready(before), model.Ready(after)
			return before.UID != after.UID || before.Status.ClaimName != after.Status.ClaimName ||
				before.Status.AttachedTo != after.Status.AttachedTo || before.Complete() != after.Complete() ||
				readyBefore.Message != readyAfter.Message
		},
	}
}

// vmChange accepts changes of what is read of a WukongVM.
func vmChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || before.Generation != after.Generation ||
				model.MayRun(before) != model.MayRun(after) ||
				!equality.Semantic.DeepEqual(before.Status.Disks, after.Status.Disks)
		},
	}
}
