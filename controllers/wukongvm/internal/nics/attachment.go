package nics

import (
	"fmt"
	"slices"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/cni"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
)

// attach makes the NetworkAttachmentDefinition of an interface that has more than its network gives, or says why it
// cannot be had. What KubeVirt serves by DHCP is not for cloud-init.
func (p *Plan) attach(
	nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork, resolved *cloudinit.Interface,
) *cause.Cause {
	if network == nil || nic.Pod != nil {
		return nil
	}
	extras := cni.Extras{Bandwidth: nic.Bandwidth}
	if extras.Bandwidth == nil {
		extras.Bandwidth = network.Spec.Bandwidth
	}
	if refused := p.in.refuseBandwidth(nic, network, extras.Bandwidth); refused != nil {
		return refused
	}
	if nic.AddressDelivery == v1alpha1.DeliverByDHCP {
		if len(resolved.Addresses) != 1 || !resolved.Addresses[0].Addr().Is4() ||
			network.Spec.Type != v1alpha1.NetworkTypeBridge {
			return &cause.Cause{Reason: v1alpha1.ReasonAddressInvalid, Blocking: true, Message: fmt.Sprintf(
				"addressDelivery DHCP of interface %s takes exactly one IPv4 address, on a network of type Bridge; "+
					"leave it out, or give the one address", nic.Name)}
		}
		extras.Address, extras.Routes = resolved.Addresses[0], resolved.Routes
		resolved.Mode, resolved.Addresses, resolved.Gateways, resolved.Routes = v1alpha1.AddressDHCP, nil, nil, nil
	}
	if extras.Empty() {
		return nil
	}
	attachment, err := cni.ForInterface(network, p.in.VM.Name, nic.Name, extras)
	if err != nil {
		return &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Blocking: true, Message: err.Error()}
	}
	// A pod could use one that no guest has: what the namespace may not use is not offered to it.
	if p.withheld[nic.Name] && !p.HasAttachment(network.Namespace+"/"+attachment.Name) {
		return nil
	}
	p.attachments[nic.Name] = attachment
	return nil
}

// refuseBandwidth says why an interface cannot have the limits that it, or its network, asks for.
func (in Inputs) refuseBandwidth(
	nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork, bandwidth *v1alpha1.Bandwidth,
) *cause.Cause {
	switch {
	case bandwidth == nil:
		return nil
	case network.Spec.Type != v1alpha1.NetworkTypeBridge:
		return &cause.Cause{Reason: v1alpha1.ReasonBandwidthUnsupported, Blocking: in.Machine == nil,
			Message: fmt.Sprintf(
				"bandwidth of interface %s: only networks of type Bridge can limit it, and WukongNetwork %s is of "+
					"type %s; leave it out",
				nic.Name, network.Name, network.Spec.Type)}
	case outside(bandwidth.Ingress) || outside(bandwidth.Egress):
		return &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Blocking: in.Machine == nil, Message: fmt.Sprintf(
			"bandwidth of interface %s is in bits per second, from %s to %s: correct it here or in WukongNetwork %s",
			nic.Name, &slowest, &fastest, network.Name)}
	}
	return nil
}

// The limits of limits, in bits per second.
var slowest, fastest = resource.MustParse("1k"), resource.MustParse("1T")

func outside(rate *resource.Quantity) bool {
	return rate != nil && (rate.Cmp(slowest) < 0 || rate.Cmp(fastest) > 0)
}

// Attachments are the NetworkAttachmentDefinitions that interfaces have of their own, by the name of the interface.
func (p Plan) Attachments() map[string]*networkv1.NetworkAttachmentDefinition { return p.attachments }

// HasAttachment reports whether the machine has an interface on a NetworkAttachmentDefinition (namespace/name), in its
// template or in its guest. One whose network is withheld has it only in a guest that runs.
func (p Plan) HasAttachment(attachment string) bool {
	present := slices.DeleteFunc(p.in.template(), func(one interfaces.Interface) bool {
		return p.withheld[one.Device.Name]
	})
	if instance := p.in.Running(); instance != nil {
		present = append(present, ofInstance(instance)...)
	}
	return slices.ContainsFunc(present, func(item interfaces.Interface) bool {
		return item.Network.Multus != nil && item.Network.Multus.NetworkName == attachment
	})
}

// attachment is the NetworkAttachmentDefinition of an interface, as namespace/name; empty for the pod network.
func (p Plan) attachment(nic *v1alpha1.VMNetwork) string {
	if own := p.attachments[nic.Name]; own != nil {
		return p.in.VM.Namespace + "/" + own.Name
	}
	if object := p.in.Networks[model.NetworkName(p.in.VM, nic)]; object != nil {
		return object.AttachmentName()
	}
	return ""
}

func (in Inputs) template() []interfaces.Interface {
	if in.Machine == nil || in.Machine.Spec.Template == nil {
		return nil
	}
	return interfaces.Of(&in.Machine.Spec.Template.Spec)
}

func ofInstance(instance *kubevirtv1.VirtualMachineInstance) []interfaces.Interface {
	return interfaces.Of(&instance.Spec)
}
