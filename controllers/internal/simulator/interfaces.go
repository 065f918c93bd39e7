package simulator

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// plugInterfaces gives a running instance the interfaces of its VirtualMachine as KubeVirt does
// (pkg/network/controllers/vm.go), and migrates at once. It requires a restart after other changes of the template
// (pkg/network/vmliveupdate). It reports whether it wrote something.
func (s *Simulator) plugInterfaces(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) (bool, error) {
	if plugInterfaces(virtualMachine, instance) {
		return true, s.client.Update(ctx, instance)
	}
	if migrateInterfaces(instance) {
		return true, s.client.Update(ctx, instance)
	}
	template := &virtualMachine.Spec.Template.Spec
	before := len(template.Domain.Devices.Interfaces)
	dropAbsent(template, func(name string) bool { return device(&instance.Spec, name) == nil && !seen(instance, name) })
	if len(template.Domain.Devices.Interfaces) < before {
		return true, s.client.Update(ctx, virtualMachine)
	}
	if restartRequired(virtualMachine, instance) &&
		!hasCondition(virtualMachine, kubevirtv1.VirtualMachineRestartRequired) {
		virtualMachine.Status.Conditions = append(virtualMachine.Status.Conditions, kubevirtv1.VirtualMachineCondition{
			Type: kubevirtv1.VirtualMachineRestartRequired, Status: corev1.ConditionTrue,
			Message: "a non-live-updatable field was changed in the template spec",
		})
		return true, s.client.Status().Update(ctx, virtualMachine)
	}
	return false, nil
}

func plugInterfaces(virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) bool {
	changed := false
	template, spec := &virtualMachine.Spec.Template.Spec, &instance.Spec
	for _, wanted := range template.Domain.Devices.Interfaces {
		has := device(spec, wanted.Name)
		switch {
		case has == nil && wanted.State != kubevirtv1.InterfaceStateAbsent &&
			(wanted.Bridge != nil || wanted.SRIOV != nil):
			spec.Domain.Devices.Interfaces = append(spec.Domain.Devices.Interfaces, wanted)
			at := slices.IndexFunc(template.Networks,
				func(network kubevirtv1.Network) bool { return network.Name == wanted.Name })
			spec.Networks = append(spec.Networks, template.Networks[at])
			changed = true
		case has != nil && has.State != wanted.State && has.State != kubevirtv1.InterfaceStateAbsent:
			has.State = wanted.State
			changed = true
		}
	}
	before := len(spec.Domain.Devices.Interfaces)
	dropAbsent(spec, func(name string) bool { return !seen(instance, name) })
	return changed || len(spec.Domain.Devices.Interfaces) < before
}

// migrateInterfaces updates the status to match the spec, and reports whether they differed.
func migrateInterfaces(instance *kubevirtv1.VirtualMachineInstance) bool {
	before := len(instance.Status.Interfaces)
	instance.Status.Interfaces = slices.DeleteFunc(instance.Status.Interfaces,
		func(status kubevirtv1.VirtualMachineInstanceNetworkInterface) bool {
			has := device(&instance.Spec, status.Name)
			return has == nil || has.State == kubevirtv1.InterfaceStateAbsent
		})
	changed := len(instance.Status.Interfaces) < before
	for i, nic := range instance.Spec.Domain.Devices.Interfaces {
		if nic.State == kubevirtv1.InterfaceStateAbsent {
			continue
		}
		if !seen(instance, nic.Name) {
			address := fmt.Sprintf("10.0.%d.10", i)
			instance.Status.Interfaces = append(instance.Status.Interfaces,
				kubevirtv1.VirtualMachineInstanceNetworkInterface{
					Name: nic.Name, MAC: nic.MacAddress, IP: address, IPs: []string{address}, InfoSource: "domain",
					LinkState: linkState(nic),
				})
			changed = true
		}
		for j := range instance.Status.Interfaces {
			if status := &instance.Status.Interfaces[j]; status.Name == nic.Name && status.LinkState != linkState(nic) {
				status.LinkState = linkState(nic)
				changed = true
			}
		}
	}
	return changed
}

func linkState(nic kubevirtv1.Interface) string {
	if nic.State == kubevirtv1.InterfaceStateLinkDown {
		return "down"
	}
	return "up"
}

func device(spec *kubevirtv1.VirtualMachineInstanceSpec, name string) *kubevirtv1.Interface {
	for i := range spec.Domain.Devices.Interfaces {
		if spec.Domain.Devices.Interfaces[i].Name == name {
			return &spec.Domain.Devices.Interfaces[i]
		}
	}
	return nil
}

func seen(instance *kubevirtv1.VirtualMachineInstance, name string) bool {
	return slices.ContainsFunc(instance.Status.Interfaces,
		func(status kubevirtv1.VirtualMachineInstanceNetworkInterface) bool { return status.Name == name })
}

// dropAbsent removes the interfaces with state absent that are gone.
func dropAbsent(spec *kubevirtv1.VirtualMachineInstanceSpec, gone func(string) bool) {
	spec.Domain.Devices.Interfaces = slices.DeleteFunc(spec.Domain.Devices.Interfaces,
		func(nic kubevirtv1.Interface) bool {
			return nic.State == kubevirtv1.InterfaceStateAbsent && gone(nic.Name)
		})
	spec.Networks = slices.DeleteFunc(spec.Networks,
		func(network kubevirtv1.Network) bool { return device(spec, network.Name) == nil })
}

// restartRequired reports whether an interface of the instance is missing or different in the template.
func restartRequired(virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) bool {
	template := &virtualMachine.Spec.Template.Spec
	for _, nic := range instance.Spec.Domain.Devices.Interfaces {
		wanted := device(template, nic.Name)
		if wanted == nil || wanted.MacAddress != nic.MacAddress || (wanted.Bridge == nil) != (nic.Bridge == nil) ||
			(wanted.SRIOV == nil) != (nic.SRIOV == nil) {
			return true
		}
	}
	for _, network := range instance.Spec.Networks {
		at := slices.IndexFunc(template.Networks, func(wanted kubevirtv1.Network) bool {
			return wanted.Name == network.Name
		})
		if at < 0 || (template.Networks[at].Multus == nil) != (network.Multus == nil) ||
			network.Multus != nil && template.Networks[at].Multus.NetworkName != network.Multus.NetworkName {
			return true
		}
	}
	return false
}
