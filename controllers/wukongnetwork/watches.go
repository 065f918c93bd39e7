package wukongnetwork

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/cni"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongnetwork/internal/hostbridge"
)

// networksOf maps a NetworkAttachmentDefinition to the networks that use it, or need its name, in all namespaces: a
// network may refer to an attachment of another namespace.
func (r *Reconciler) networksOf() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, attachment client.Object) []reconcile.Request {
		name := attachment.GetNamespace() + "/" + attachment.GetName()
		return watches.Requests(ctx, r.client, newList(), client.MatchingFields{index.NetworkByAttachment: name})
	})
}

// attachmentChange accepts created and deleted attachments, those that are being deleted, and all changes of those
// that a WukongNetwork controls. The content of an unmanaged one does not matter.
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
	return controller != nil && controller.Kind == "WukongNetwork" &&
		controller.APIVersion == v1alpha1.GroupVersion.String()
}

// networksThatNeedMultus returns all networks except those of the pod network.
func (r *Reconciler) networksThatNeedMultus(ctx context.Context) []reconcile.Request {
	return r.networksWhere(ctx,
		func(network *v1alpha1.WukongNetwork) bool { return network.Spec.Type != v1alpha1.NetworkTypePod })
}

// networksThatNeedBindings returns the networks for which KubeVirt needs a plugin.
func (r *Reconciler) networksThatNeedBindings(ctx context.Context) []reconcile.Request {
	return r.networksWhere(ctx, func(network *v1alpha1.WukongNetwork) bool {
		return binding.Plugin(&network.Spec) != ""
	})
}

func (r *Reconciler) networksOfBindings(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.networksThatNeedBindings(ctx)
}

// networksOn returns the networks on some bridges, in all namespaces.
func (r *Reconciler) networksOn(ctx context.Context, bridges []string) []reconcile.Request {
	var affected []reconcile.Request
	for _, bridge := range bridges {
		affected = append(affected,
			watches.Requests(ctx, r.client, newList(), client.MatchingFields{index.NetworkByBridge: bridge})...)
	}
	return affected
}

// networksOnManaged returns the networks on bridges that a network manages.
func (r *Reconciler) networksOnManaged(ctx context.Context, _ client.Object) []reconcile.Request {
	managed := map[string]bool{}
	r.networksWhere(ctx, func(network *v1alpha1.WukongNetwork) bool {
		if bridge := network.Spec.Bridge; bridge != nil && bridge.Managed != nil {
			managed[bridge.Name] = true
		}
		return false
	})
	return r.networksOn(ctx, slices.Sorted(maps.Keys(managed)))
}

// networksOfBridge maps a network to all that share its bridge: what one asks for affects the others.
func (r *Reconciler) networksOfBridge() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		if bridge := obj.(*v1alpha1.WukongNetwork).Spec.Bridge; bridge != nil {
			return r.networksOn(ctx, []string{bridge.Name})
		}
		return nil
	})
}

// networksOfNodes maps a node to the networks that need a device or a bridge of nodes.
func (r *Reconciler) networksOfNodes() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		return append(r.networksOnManaged(ctx, nil), r.networksWhere(ctx, func(network *v1alpha1.WukongNetwork) bool {
			resource, _ := cni.NodeResource(&network.Spec)
			return resource != ""
		})...)
	})
}

func (r *Reconciler) networksWhere(ctx context.Context, wanted func(*v1alpha1.WukongNetwork) bool) []reconcile.Request {
	networks := &v1alpha1.WukongNetworkList{}
	requests := watches.Requests(ctx, r.client, networks)
	var affected []reconcile.Request
	for i := range requests {
		if wanted(&networks.Items[i]) {
			affected = append(affected, requests[i])
		}
	}
	return affected
}

// nodeChange accepts created and deleted nodes, changes of the devices that they offer, and what matters to bridges.
func nodeChange() predicate.Predicate {
	return predicate.Or(hostbridge.NodeChange(), predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*corev1.Node)
			after, ok2 := e.ObjectNew.(*corev1.Node)
			return ok && ok2 && !maps.Equal(devices(before), devices(after))
		},
	})
}
