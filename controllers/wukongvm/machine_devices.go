package wukongvm

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/naming"
)

// implicitNetwork is the interface of a machine that lists no networks.
const implicitNetwork = "default"

// networksOf are the networks of a machine; one that lists none has the pod network.
func networksOf(vm *v1alpha1.WukongVM) []v1alpha1.VMNetwork {
	if len(vm.Spec.Networks) > 0 {
		return vm.Spec.Networks
	}
	return []v1alpha1.VMNetwork{{Name: implicitNetwork, Pod: &v1alpha1.PodNetwork{}}}
}

// macAddress is the given address, else one derived from the machine's UID and the interface's name: known before the first boot and the
// same for ever.
func macAddress(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) string {
	if network.MACAddress != "" {
		return network.MACAddress
	}
	return naming.MAC(vm.UID, network.Name)
}

// attachments are the interfaces of the machine and the networks behind them, of equal names as KubeVirt demands.
func attachments(vm *v1alpha1.WukongVM, observed *observation) ([]kubevirtv1.Interface, []kubevirtv1.Network) {
	var interfaces []kubevirtv1.Interface
	var networks []kubevirtv1.Network
	list := networksOf(vm)
	for i := range list {
		network := &list[i]
		nic := kubevirtv1.Interface{Name: network.Name, MacAddress: macAddress(vm, network)}
		attached := kubevirtv1.Network{Name: network.Name}
		if attachment := attachmentOf(vm, network, observed); attachment == "" {
			nic.Masquerade = &kubevirtv1.InterfaceMasquerade{}
			attached.Pod = &kubevirtv1.PodNetwork{}
		} else {
			nic.Bridge = &kubevirtv1.InterfaceBridge{}
			attached.Multus = &kubevirtv1.MultusNetwork{NetworkName: attachment}
		}
		interfaces = append(interfaces, nic)
		networks = append(networks, attached)
	}
	return interfaces, networks
}

// attachmentOf is the NetworkAttachmentDefinition of an interface, as namespace/name; empty for the pod network.
func attachmentOf(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork, observed *observation) string {
	if object := observed.networks[index.NetworkName(vm, network)]; object != nil {
		return object.AttachmentName()
	}
	return ""
}
