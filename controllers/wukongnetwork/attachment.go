package wukongnetwork

import (
	"context"
	"encoding/json"
	"fmt"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// applyAttachment writes the NetworkAttachmentDefinition of a network that has its own, unless something stands in its way, and records it in the
// observation.
func (r *Reconciler) applyAttachment(ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation) error {
	if obstacle(network, observed) != nil {
		return nil
	}
	desired, err := desiredAttachment(network)
	if err != nil || desired == nil {
		return err
	}
	applied, err := apply.Child(ctx, r.applier, network, desired)
	if err != nil {
		return err
	}
	observed.attachment = applied
	return nil
}

// desiredAttachment is the NetworkAttachmentDefinition of a network; nil for a type that has none of its own. Its text is stable:
// encoding/json writes a struct's fields in their order.
func desiredAttachment(network *v1alpha1.WukongNetwork) (*networkv1.NetworkAttachmentDefinition, error) {
	config := pluginConfig(network)
	if config == nil {
		return nil, nil
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the CNI configuration of network %s: %w", network.Name, err)
	}
	attachment := &networkv1.NetworkAttachmentDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: network.Name, Namespace: network.Namespace},
		Spec:       networkv1.NetworkAttachmentDefinitionSpec{Config: string(text)},
	}
	if resource, _ := nodeResource(&network.Spec); resource != "" {
		attachment.Annotations = map[string]string{resourceAnnotation: resource}
	}
	return attachment, nil
}
