package nics

import (
	"fmt"
	"slices"
	"strings"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
)

// FromTemplate is the WukongNetwork of a template.
func FromTemplate(vm *v1alpha1.WukongVM, nic *v1alpha1.VMNetwork) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: child.Metadata(vm, model.NetworkName(vm, nic), nic.Template.Labels),
		Spec:       *nic.Template.Spec.DeepCopy(),
	}
}

// IsSurplus reports whether a WukongNetwork that was made from a template is neither in the spec nor used by the guest.
func (p Plan) IsSurplus(network *v1alpha1.WukongNetwork) bool {
	listed := func(nic v1alpha1.VMNetwork) bool { return model.NetworkName(p.in.VM, &nic) == network.Name }
	return network.DeletionTimestamp.IsZero() && !slices.ContainsFunc(p.in.VM.Spec.Networks, listed) &&
		!p.HasAttachment(network.AttachmentName())
}

// OwnAttachments are the NetworkAttachmentDefinitions that interfaces have of their own, as they are written.
func (p Plan) OwnAttachments() []*networkv1.NetworkAttachmentDefinition {
	var result []*networkv1.NetworkAttachmentDefinition
	for _, attachment := range p.attachments {
		desired := attachment.DeepCopy()
		metadata := child.Metadata(p.in.VM, desired.Name, nil)
		metadata.Annotations = desired.Annotations
		desired.ObjectMeta = metadata
		result = append(result, desired)
	}
	return result
}

// IsSurplusAttachment reports whether a NetworkAttachmentDefinition that the WukongVM made is needed by no interface:
// not by the spec, not by the VirtualMachine, and not by the guest.
func (p Plan) IsSurplusAttachment(attachment *networkv1.NetworkAttachmentDefinition) bool {
	for _, desired := range p.attachments {
		if desired.Name == attachment.Name {
			return false
		}
	}
	return metav1.IsControlledBy(attachment, p.in.VM) && attachment.DeletionTimestamp.IsZero() &&
		!p.HasAttachment(attachment.Namespace+"/"+attachment.Name)
}

// BridgeNodes are the labels of the nodes that have the managed bridges of the networks.
func (p Plan) BridgeNodes() []map[string]string {
	var result []map[string]string
	list := Of(p.in.VM)
	for i := range list {
		if network := p.in.Networks[model.NetworkName(p.in.VM, &list[i])]; network != nil {
			result = append(result, placement.BridgeNodes(&network.Status))
		}
	}
	return result
}

// RestartMessage reports the interfaces that cannot change before the guest restarts; empty without any.
func (p Plan) RestartMessage() string {
	names := p.Template().Named(v1alpha1.VMNetworkRestartNeeded)
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("interfaces that cannot change while the guest runs: %s; see status.networks",
		strings.Join(names, ", "))
}
