package wukongvm

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

const (
	byDisk    = index.VMByDisk
	byNetwork = index.VMByNetwork
)

// vmsUsing maps a disk or network to the machines that use it.
func (r *Reconciler) vmsUsing(field string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, newList(), client.InNamespace(obj.GetNamespace()), client.MatchingFields{field: obj.GetName()})
	})
}

// sameName maps a VirtualMachineInstance to the WukongVM: KubeVirt names it as the VirtualMachine, which we name as the WukongVM.
func sameName() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(obj)}}
	})
}

// childChanged lets pass what a machine reads of a disk or network: its spec, its condition, its claim or attachment. The
// progress of an import is no news to it.
func childChanged() predicate.Predicate {
	return predicate.Funcs{
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
	one, two := conditions.Ready(before), conditions.Ready(after)
	return one.Status == two.Status && one.Reason == two.Reason && one.Message == two.Message
}

func sameFacts(before, after v1alpha1.Object) bool {
	switch typed := after.(type) {
	case *v1alpha1.WukongDisk:
		old := before.(*v1alpha1.WukongDisk).Status
		return old.ClaimName == typed.Status.ClaimName && equality.Semantic.DeepEqual(old.Capacity, typed.Status.Capacity)
	case *v1alpha1.WukongNetwork:
		return before.(*v1alpha1.WukongNetwork).Status.Attachment == typed.Status.Attachment
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
