package wukongvm

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/naming"
)

// macAddress is the given address, else one derived from the machine's UID and the interface's name: known before the first boot and the
// same for ever.
func macAddress(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) string {
	if network.MACAddress != "" {
		return network.MACAddress
	}
	return naming.MAC(vm.UID, network.Name)
}

// attachments are the interfaces of the machine's template and the networks behind them, of equal names as KubeVirt demands.
func attachments(vm *v1alpha1.WukongVM, observed *observation) ([]kubevirtv1.Interface, []kubevirtv1.Network) {
	var devices []kubevirtv1.Interface
	var networks []kubevirtv1.Network
	for _, item := range observed.planInterfaces(vm).Interfaces {
		devices = append(devices, item.Device)
		networks = append(networks, item.Network)
	}
	return devices, networks
}

// bindInterface says by what KubeVirt hands the pod's interface to the guest. A bridge in the pod carries every layer-2 network; a
// virtual function is a device of the guest's own.
func bindInterface(nic *kubevirtv1.Interface, spec *v1alpha1.WukongNetworkSpec) {
	switch plugin := binding.Plugin(spec); {
	case plugin != "":
		nic.Binding = &kubevirtv1.PluginBinding{Name: plugin}
	case spec.Type == v1alpha1.NetworkTypePod:
		nic.Masquerade = &kubevirtv1.InterfaceMasquerade{}
	case virtualFunction(spec):
		nic.SRIOV = &kubevirtv1.InterfaceSRIOV{}
	default:
		nic.Bridge = &kubevirtv1.InterfaceBridge{}
	}
}

func virtualFunction(spec *v1alpha1.WukongNetworkSpec) bool {
	return spec.Type == v1alpha1.NetworkTypeSRIOV ||
		spec.Type == v1alpha1.NetworkTypeAttachment && spec.NetworkAttachmentDefinition.Binding == v1alpha1.AttachmentBindingSRIOV
}

// specOf is what the network of an interface is: that of its WukongNetwork, else the pod network.
func specOf(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork, observed *observation) *v1alpha1.WukongNetworkSpec {
	if object := observed.networks[index.NetworkName(vm, network)]; object != nil {
		return &object.Spec
	}
	return &v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod, Pod: network.Pod}
}

// attachmentOf is the NetworkAttachmentDefinition of an interface, as namespace/name; empty for the pod network.
func attachmentOf(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork, observed *observation) string {
	if own := observed.attachments[network.Name]; own != nil {
		return vm.Namespace + "/" + own.Name
	}
	if object := observed.networks[index.NetworkName(vm, network)]; object != nil {
		return object.AttachmentName()
	}
	return ""
}
