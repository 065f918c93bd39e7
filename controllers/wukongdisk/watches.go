package wukongdisk

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// gather is how long news of a DataVolume and its claim wait for more: a disk that is made quickly goes through all its states in less, and
// each look that finds something new is a write of status. Nothing waits for that: machines start on the claim's name, and KubeVirt watches
// the DataVolume itself.
const gather = time.Second

// disksOnClaim maps a claim to the disks that stand on it.
func (r *Reconciler) disksOnClaim() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, newList(), client.InNamespace(obj.GetNamespace()), client.MatchingFields{index.DiskByClaim: obj.GetName()})
	}, whileItLives)
}

// diskOfDataVolume maps a DataVolume to the disk that controls it.
func diskOfDataVolume() handler.EventHandler {
	return watches.Gather(func(_ context.Context, obj client.Object) []reconcile.Request {
		owner := metav1.GetControllerOf(obj)
		if owner == nil || owner.Kind != "WukongDisk" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: obj.GetNamespace(), Name: owner.Name}}}
	}, whileItLives)
}

// whileItLives gathers what happens to an object between its creation and its end, which others wait for.
func whileItLives(before, now client.Object) time.Duration {
	if now == nil || !now.GetDeletionTimestamp().IsZero() {
		return 0
	}
	return gather
}

// unsettledDisks maps a new StorageClass to the disks that may have waited for it.
func (r *Reconciler) unsettledDisks() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		disks := &v1alpha1.WukongDiskList{}
		requests := watches.Requests(ctx, r.client, disks)
		var unsettled []reconcile.Request
		for i := range disks.Items {
			if disks.Items[i].Status.Phase != v1alpha1.DiskReady {
				unsettled = append(unsettled, requests[i])
			}
		}
		return unsettled
	})
}

// disksOfVM maps a machine that comes, changes or goes to the disks that it uses, or used: a disk that is being deleted waits for it.
func disksOfVM() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		vm := obj.(*v1alpha1.WukongVM)
		var requests []reconcile.Request
		for _, name := range index.DiskNames(vm) {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: vm.Namespace, Name: name}})
		}
		return requests
	})
}

// appears lets pass objects that come into being, and the first sight of those that are there.
func appears() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(event.UpdateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// claimChange lets pass what a disk reads of a claim. Claims of everyone are watched, because one may have the name of a disk.
func claimChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.PersistentVolumeClaim), e.ObjectNew.(*corev1.PersistentVolumeClaim)
			return before.UID != after.UID ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
				before.Status.Phase != after.Status.Phase ||
				!equality.Semantic.DeepEqual(before.Status.Capacity, after.Status.Capacity)
		},
	}
}
