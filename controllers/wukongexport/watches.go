package wukongexport

import (
	"context"

	corev1 "k8s.io/api/core/v1"
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

// exportOfPod maps a pod to the export in its label, and ends the following of one that is gone.
func (r *Reconciler) exportOfPod() handler.EventHandler {
	request := func(_ context.Context, obj client.Object) []reconcile.Request {
		name := obj.GetLabels()[v1alpha1.LabelExport]
		if name == "" {
			return nil
		}
		if !obj.GetDeletionTimestamp().IsZero() {
			r.followers.stop(obj.GetUID())
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: name}}}
	}
	return handler.EnqueueRequestsFromMapFunc(request)
}

// unfinished maps an object to the exports of its namespace that are under way: they are few, and each looks at several objects.
func (r *Reconciler) unfinished() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		exports := &v1alpha1.WukongExportList{}
		requests := watches.Requests(ctx, r.client, exports, client.InNamespace(obj.GetNamespace()))
		var under []reconcile.Request
		for i := range exports.Items {
			if !exports.Items[i].Finished() {
				under = append(under, requests[i])
			}
		}
		return under
	})
}

// podChange lets pass what is read of a pod.
func podChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.Pod), e.ObjectNew.(*corev1.Pod)
			return before.UID != after.UID || before.Status.Phase != after.Status.Phase || before.Status.PodIP != after.Status.PodIP ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() || podReady(before) != podReady(after) ||
				waitsFor(before) != waitsFor(after) ||
				!equality.Semantic.DeepEqual(terminationReport(before), terminationReport(after))
		},
	}
}

// claimChange lets pass a claim that comes or goes: its mode and class do not change.
func claimChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() },
	}
}

// diskChange lets pass what is read of a disk.
func diskChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			readyBefore, readyAfter := model.Ready(before), model.Ready(after)
			return before.UID != after.UID || before.Status.ClaimName != after.Status.ClaimName ||
				before.Status.AttachedTo != after.Status.AttachedTo || before.Complete() != after.Complete() || readyBefore.Message != readyAfter.Message
		},
	}
}

// machineChange lets pass what is read of a machine.
func machineChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || before.Generation != after.Generation || model.MayRun(before) != model.MayRun(after) ||
				!equality.Semantic.DeepEqual(before.Status.Disks, after.Status.Disks)
		},
	}
}
