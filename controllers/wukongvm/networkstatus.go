package wukongvm

import (
	"fmt"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

// networkStatus is the interfaces of spec, and after them what the guest still has beyond.
func networkStatus(vm *v1alpha1.WukongVM, observed *observation) []v1alpha1.VMNetworkStatus {
	plan := observed.planInterfaces(vm)
	list := nics.Of(vm)
	var result []v1alpha1.VMNetworkStatus
	for i := range list {
		network := &list[i]
		status := v1alpha1.VMNetworkStatus{
			Name:        network.Name,
			NetworkName: index.NetworkName(vm, network),
			Attachment:  attachmentOf(vm, network, observed),
			MACAddress:  macAddress(vm, network),
		}
		observed.reportInterface(&status, vm, plan)
		observed.addresses(&status)
		result = append(result, status)
	}
	for _, item := range plan.Interfaces {
		if !contains(list, item.Device.Name) {
			status := v1alpha1.VMNetworkStatus{Name: item.Device.Name, MACAddress: item.Device.MacAddress}
			if item.Network.Multus != nil {
				status.Attachment = item.Network.Multus.NetworkName
			}
			observed.reportInterface(&status, vm, plan)
			result = append(result, status)
		}
	}
	return result
}

func contains(list []v1alpha1.VMNetwork, name string) bool {
	for i := range list {
		if list[i].Name == name {
			return true
		}
	}
	return false
}

// reportInterface adds what KubeVirt says of an interface, and where it stands.
func (o *observation) reportInterface(status *v1alpha1.VMNetworkStatus, vm *v1alpha1.WukongVM, plan interfaces.Plan) {
	if instance := o.Running(); instance != nil {
		for _, nic := range instance.Status.Interfaces {
			if nic.Name == status.Name {
				status.InterfaceName, status.LinkState, status.Addresses = nic.InterfaceName, nic.LinkState, nic.IPs
				status.AddressSources = sources(nic.InfoSource, status.Addresses)
			}
		}
	}
	status.State = plan.States[status.Name]
	status.Message = o.interfaceMessage(status, vm)
}

func (o *observation) interfaceMessage(status *v1alpha1.VMNetworkStatus, vm *v1alpha1.WukongVM) string {
	wanted := contains(nics.Of(vm), status.Name)
	switch status.State {
	case v1alpha1.VMNetworkWaiting:
		list := nics.Of(vm)
		for i := range list {
			if found := o.unsettled(vm, &list[i]); list[i].Name == status.Name && found != nil {
				return found.Message
			}
		}
		return "the machine starts; it gets this interface when the guest runs"
	case v1alpha1.VMNetworkRestartNeeded:
		return fmt.Sprintf("an interface of this type cannot come, go or change while the machine runs: 'virtctl restart %s', "+
			"or powerState Stopped and back to Running", vm.Name)
	case v1alpha1.VMNetworkAttaching, v1alpha1.VMNetworkDetaching:
		if o.migrationRequired() {
			message, _ := o.migrationMessage(vm)
			return message
		}
		if status.State == v1alpha1.VMNetworkDetaching && wanted {
			return "the interface goes, and comes back as spec says now"
		}
	}
	return ""
}

// sources tells where KubeVirt has addresses from. It says for an interface, not for each address, who has seen it.
func sources(infoSource string, addresses []string) []v1alpha1.VMAddress {
	source := v1alpha1.VMAddressStatus
	if strings.Contains(infoSource, "guest-agent") {
		source = v1alpha1.VMAddressAgent
	}
	var result []v1alpha1.VMAddress
	for _, address := range addresses {
		result = append(result, v1alpha1.VMAddress{Address: address, Source: source})
	}
	return result
}

// addresses adds what the interface was given and nothing has reported.
func (o *observation) addresses(status *v1alpha1.VMNetworkStatus) {
	seen := map[string]bool{}
	for _, address := range status.Addresses {
		seen[address] = true
	}
	for _, item := range o.given[status.Name] {
		if address := item.Addr().String(); !seen[address] {
			status.AddressSources = append(status.AddressSources, v1alpha1.VMAddress{Address: address, Source: v1alpha1.VMAddressAllocation})
		}
	}
}
