package wukongaddress

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// addressesOf maps a WukongVM or network to the addresses that an index finds by its namespace and name.
func addressesOf(field string, news predicate.Predicate) []kind.Watch {
	return []kind.Watch{kind.Map(func(r *Reconciler, ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, &v1alpha1.WukongAddressList{},
			client.MatchingFields{field: obj.GetNamespace() + "/" + obj.GetName()})
	}, news)}
}

// changed accepts deletions, and relevant updates. A new object has no addresses yet.
func changed(news func(before, after client.Object) bool) predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || news(e.ObjectOld, e.ObjectNew)
		},
	}
}

// vmChanged accepts a new spec, and that the WukongVM has observed and written it.
func vmChanged() predicate.Predicate {
	return changed(func(before, after client.Object) bool {
		old, now := before.(*v1alpha1.WukongVM), after.(*v1alpha1.WukongVM)
		return old.Generation != now.Generation || old.Status.ObservedGeneration != now.Status.ObservedGeneration ||
			unsynchronized(old) != unsynchronized(now)
	})
}

func networkChanged() predicate.Predicate {
	return changed(func(before, after client.Object) bool { return before.GetGeneration() != after.GetGeneration() })
}

func templateChanged() predicate.Predicate {
	return changed(func(before, after client.Object) bool { return before.GetGeneration() != after.GetGeneration() })
}

// guestChanged accepts the end of a guest, and changes of its reported interfaces.
func guestChanged() predicate.Predicate {
	return changed(func(before, after client.Object) bool {
		old, now := before.(*kubevirtv1.VirtualMachineInstance), after.(*kubevirtv1.VirtualMachineInstance)
		return old.IsFinal() != now.IsFinal() ||
			!equality.Semantic.DeepEqual(old.Status.Interfaces, now.Status.Interfaces)
	})
}
