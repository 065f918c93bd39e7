package nics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
)

// Status is the interfaces of spec, and after them what the guest still has beyond.
func (p Plan) Status() []v1alpha1.VMNetworkStatus {
	plan := p.Template()
	list := Of(p.in.VM)
	var result []v1alpha1.VMNetworkStatus
	for i := range list {
		nic := &list[i]
		status := v1alpha1.VMNetworkStatus{
			Name:        nic.Name,
			NetworkName: model.NetworkName(p.in.VM, nic),
			Attachment:  p.attachment(nic),
			MACAddress:  model.MAC(p.in.VM, nic),
		}
		p.in.report(&status, plan)
		p.allocated(&status)
		result = append(result, status)
	}
	for _, item := range plan.Interfaces {
		if contains(list, item.Device.Name) {
			continue
		}
		status := v1alpha1.VMNetworkStatus{Name: item.Device.Name, MACAddress: item.Device.MacAddress}
		if item.Network.Multus != nil {
			status.Attachment = item.Network.Multus.NetworkName
		}
		p.in.report(&status, plan)
		result = append(result, status)
	}
	return result
}

func contains(list []v1alpha1.VMNetwork, name string) bool {
	return slices.ContainsFunc(list, func(nic v1alpha1.VMNetwork) bool { return nic.Name == name })
}

// report adds what KubeVirt says of an interface, and where it stands.
func (in Inputs) report(status *v1alpha1.VMNetworkStatus, plan interfaces.Plan) {
	if instance := in.Running(); instance != nil {
		for _, nic := range instance.Status.Interfaces {
			if nic.Name == status.Name {
				status.InterfaceName, status.LinkState, status.Addresses = nic.InterfaceName, nic.LinkState, nic.IPs
				status.AddressSources = sources(nic.InfoSource, status.Addresses)
			}
		}
	}
	status.State = plan.States[status.Name]
	status.Message = in.message(status)
}

func (in Inputs) message(status *v1alpha1.VMNetworkStatus) string {
	list := Of(in.VM)
	switch status.State {
	case v1alpha1.VMNetworkWaiting:
		for i := range list {
			if found := in.unsettled(&list[i]); list[i].Name == status.Name && found != nil {
				return found.Message
			}
		}
		return "the guest is starting; it gets this interface when it runs"
	case v1alpha1.VMNetworkRestartNeeded:
		return fmt.Sprintf("an interface of this type cannot be added, removed or changed while the guest runs: "+
			"'virtctl restart %s', or powerState Stopped and back to Running", in.VM.Name)
	case v1alpha1.VMNetworkAttaching, v1alpha1.VMNetworkDetaching:
		if in.migrationRequired() {
			message, _ := in.migrationMessage()
			return message
		}
		if status.State == v1alpha1.VMNetworkDetaching && contains(list, status.Name) {
			return "the interface is unplugged, and plugged in again with the new spec"
		}
	}
	return ""
}

// sources are where KubeVirt has addresses from. It says for an interface, not for each address, who has seen it.
func sources(infoSource string, list []string) []v1alpha1.VMAddress {
	source := v1alpha1.VMAddressStatus
	if strings.Contains(infoSource, "guest-agent") {
		source = v1alpha1.VMAddressAgent
	}
	var result []v1alpha1.VMAddress
	for _, address := range list {
		result = append(result, v1alpha1.VMAddress{Address: address, Source: source})
	}
	return result
}

// allocated adds the addresses that the interface was given and nothing has reported.
func (p Plan) allocated(status *v1alpha1.VMNetworkStatus) {
	for _, item := range p.given[status.Name] {
		if address := item.Addr().String(); !slices.Contains(status.Addresses, address) {
			status.AddressSources = append(status.AddressSources,
				v1alpha1.VMAddress{Address: address, Source: v1alpha1.VMAddressAllocation})
		}
	}
}
