package wukongnetwork

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// observeHostAccess returns why a network may not use the node networks that it names, or "".
func (r *Reconciler) observeHostAccess(ctx context.Context, network *v1alpha1.WukongNetwork) (string, error) {
	if refusal := r.outside(network); refusal != "" || !hostaccess.Uses(network) {
		return refusal, nil
	}
	policy, err := read.Get(ctx, r.client, "", v1alpha1.HostNetworkPolicyName, &v1alpha1.WukongHostNetworkPolicy{})
	if err != nil {
		return "", err
	}
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.client.Get(ctx, client.ObjectKey{Name: network.Namespace}, namespace); err != nil {
		return "", fmt.Errorf("get the labels of namespace %s: %w", network.Namespace, err)
	}
	return hostaccess.Refusal(network, namespace.Labels, policy), nil
}

// outside returns why a release that is limited to some namespaces cannot implement a network, or "".
func (r *Reconciler) outside(network *v1alpha1.WukongNetwork) string {
	switch spec := &network.Spec; {
	case !r.namespaces.Limited():
		return ""
	case spec.Bridge != nil && spec.Bridge.Managed != nil:
		return fmt.Sprintf("the release of Wukong for namespace %s works in no others and changes no nodes: remove "+
			"bridge.managed, and ask an administrator to create bridge %s",
			network.Namespace, spec.Bridge.Name)
	case spec.NetworkAttachmentDefinition != nil:
		namespace, name, _ := strings.Cut(network.AttachmentName(), "/")
		if r.namespaces.Contain(namespace) {
			return ""
		}
		return fmt.Sprintf("the release of Wukong for namespace %s does not work in namespace %s, and does not see "+
			"NetworkAttachmentDefinition %s there: "+
			"use one in your own namespace, or ask an administrator to add %s to the release's "+
			"namespaces", network.Namespace, namespace, name, namespace)
	default:
		return ""
	}
}

// withdraw deletes the NetworkAttachmentDefinition of a network that is not permitted, or no longer: a pod could use
// it without a WukongVM. While a guest of the network runs, the attachment remains, since the guest could not migrate
// without it.
func (r *Reconciler) withdraw(ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation) error {
	attachment := observed.attachment
	if attachment == nil || !metav1.IsControlledBy(attachment, network) || !attachment.DeletionTimestamp.IsZero() {
		return nil
	}
	vms := &v1alpha1.WukongVMList{}
	err := r.client.List(ctx, vms, client.InNamespace(network.Namespace),
		client.MatchingFields{index.VMByNetwork: network.Name})
	if err != nil {
		return fmt.Errorf("list the WukongVMs of WukongNetwork %s: %w", network.Name, err)
	}
	for i := range vms.Items {
		if model.HasGuest(&vms.Items[i]) {
			return nil
		}
	}
	err = r.client.Delete(ctx, attachment, client.Preconditions{UID: &attachment.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete NetworkAttachmentDefinition %s: %w", attachment.Name, err)
	}
	return nil
}

// networksOfHostPolicy enqueues all networks that need permission.
func (r *Reconciler) networksOfHostPolicy() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		return r.networksWhere(ctx, hostaccess.Uses)
	})
}

// networksOfNamespace enqueues the networks of a namespace: its labels may permit them something.
func (r *Reconciler) networksOfNamespace() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, namespace client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, newList(), client.InNamespace(namespace.GetName()))
	})
}
