package wukongnetwork

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// networksOf maps a NetworkAttachmentDefinition to the networks that stand on it, or want its name, in all namespaces: a network
// may refer to an attachment of another one.
func (r *Reconciler) networksOf() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, attachment client.Object) []reconcile.Request {
		name := attachment.GetNamespace() + "/" + attachment.GetName()
		return watches.Requests(ctx, r.client, newList(), client.MatchingFields{index.NetworkByAttachment: name})
	})
}

// attachmentChange lets pass attachments that come, go or begin to go, and all changes of those that a WukongNetwork controls. What
// a foreign one says is between its owner and Multus.
func attachmentChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			if ours(e.ObjectOld) || ours(e.ObjectNew) {
				return e.ObjectOld.GetResourceVersion() != e.ObjectNew.GetResourceVersion()
			}
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

func ours(attachment client.Object) bool {
	controller := metav1.GetControllerOf(attachment)
	return controller != nil && controller.Kind == "WukongNetwork" && controller.APIVersion == v1alpha1.GroupVersion.String()
}

// networksThatNeedMultus are all but those of the pod network.
func (r *Reconciler) networksThatNeedMultus(ctx context.Context) []reconcile.Request {
	networks := &v1alpha1.WukongNetworkList{}
	requests := watches.Requests(ctx, r.client, networks)
	var affected []reconcile.Request
	for i := range networks.Items {
		if networks.Items[i].Spec.Type != v1alpha1.NetworkTypePod {
			affected = append(affected, requests[i])
		}
	}
	return affected
}
