// Package interfaces decides how the network interfaces of a running machine come to be as its spec says.
//
// KubeVirt v1.7 plugs an interface in when the VirtualMachine's template gains one with the binding bridge or sriov on
// a Multus network (pkg/network/controllers/vm.go, applyDynamicIfaceRequestOnVMI), and plugs one with the binding
// bridge out when its state becomes absent (pkg/network/admitter/admit.go). Both need a live migration, which it asks
// for itself (pkg/network/migration/evaluator.go). It carries over the state of the link at once. Everything else, an
// interface that leaves the template or changes in it, makes KubeVirt ask for a restart for as long as the instance
// lives, even when the change is taken back a moment later (pkg/network/vmliveupdate/restart.go). So the template of a
// running machine keeps what the instance has until that is gone:
//
//	          wanted            unplugged (bridge)            gone
//	(none) ----------> Attaching -> Attached -> Detaching -> (none) -> Attaching, when another of its name is wanted
//	   |                                 |
//	   | other bindings                  | other bindings
//	   v                                 v
//	RestartNeeded                   RestartNeeded
package interfaces

import (
	"slices"
	"strings"

	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Interface joins the two halves by which KubeVirt describes a network interface. Their names are equal.
type Interface struct {
	Device  kubevirtv1.Interface
	Network kubevirtv1.Network
}

// Plan is the interfaces of a VirtualMachine's template, and where each stands that is wanted or still there.
type Plan struct {
	Interfaces []Interface
	States     map[string]v1alpha1.VMNetworkState
}

// Named are the interfaces in a state, by name.
func (p Plan) Named(state v1alpha1.VMNetworkState) []string {
	var names []string
	for name, has := range p.States {
		if has == state {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Find is the interface of a name, or nil.
func Find(list []Interface, name string) *Interface {
	for i := range list {
		if list[i].Device.Name == name {
			return &list[i]
		}
	}
	return nil
}

// Equal tells whether two lists are the same to KubeVirt.
func Equal(one, two []Interface) bool {
	return slices.EqualFunc(one, two, func(a, b Interface) bool {
		return a.Device.Name == b.Device.Name && a.Device.State == b.Device.State && a.same(b)
	})
}

// Of are the interfaces that KubeVirt lists.
func Of(spec *kubevirtv1.VirtualMachineInstanceSpec) []Interface {
	var result []Interface
	for _, device := range spec.Domain.Devices.Interfaces {
		at := slices.IndexFunc(spec.Networks, func(network kubevirtv1.Network) bool {
			return network.Name == device.Name
		})
		if at >= 0 {
			result = append(result, Interface{Device: device, Network: spec.Networks[at]})
		}
	}
	return result
}

// Make is the plan by which a machine gets the wanted interfaces. The template is what the VirtualMachine has now; the
// instance is nil when no guest runs, and then the next one starts with what is wanted.
func Make(wanted, template []Interface, instance *kubevirtv1.VirtualMachineInstance) Plan {
	plan := Plan{Interfaces: wanted, States: map[string]v1alpha1.VMNetworkState{}}
	if instance == nil {
		return plan
	}
	plan.Interfaces = nil
	present := Of(&instance.Spec)
	for _, has := range present {
		plan.keep(asWritten(has, template), Find(wanted, has.Device.Name), instance)
	}
	for _, has := range template {
		if Find(present, has.Device.Name) == nil {
			plan.written(has, Find(wanted, has.Device.Name))
		}
	}
	for _, wish := range wanted {
		switch {
		case plan.States[wish.Device.Name] != "":
		case wish.pluggable() && instance.IsRunning():
			plan.add(wish, v1alpha1.VMNetworkAttaching)
		case wish.pluggable():
			plan.States[wish.Device.Name] = v1alpha1.VMNetworkWaiting
		default:
			plan.States[wish.Device.Name] = v1alpha1.VMNetworkRestartNeeded
		}
	}
	return plan
}

// asWritten is an interface of the instance as the template has it, without what KubeVirt adds in an instance.
func asWritten(has Interface, template []Interface) Interface {
	if written := Find(template, has.Device.Name); written != nil && written.same(has) {
		state := has.Device.State
		has = *written
		has.Device.State = state
	}
	return has
}

// keep decides about an interface of the instance.
func (p *Plan) keep(has Interface, wish *Interface, instance *kubevirtv1.VirtualMachineInstance) {
	absent := has.Device.State == kubevirtv1.InterfaceStateAbsent
	switch {
	case wish != nil && wish.same(has) && !absent:
		state := v1alpha1.VMNetworkAttaching
		if Plugged(instance, has.Device.Name) {
			state = v1alpha1.VMNetworkAttached
		}
		p.add(*wish, state)
	case absent, has.unpluggable() && instance.IsRunning():
		has.Device.State = kubevirtv1.InterfaceStateAbsent
		p.add(has, v1alpha1.VMNetworkDetaching)
	default:
		p.add(has, v1alpha1.VMNetworkRestartNeeded)
	}
}

// written decides about an interface that the VirtualMachine has and the instance, as far as is known, has not:
// KubeVirt may just be giving it.
func (p *Plan) written(has Interface, wish *Interface) {
	switch {
	case wish != nil && wish.same(has) && has.pluggable():
		p.add(*wish, v1alpha1.VMNetworkAttaching)
	case has.unpluggable():
		has.Device.State = kubevirtv1.InterfaceStateAbsent
		p.add(has, v1alpha1.VMNetworkDetaching)
	case has.pluggable():
		p.add(has, v1alpha1.VMNetworkRestartNeeded)
	}
}

func (p *Plan) add(item Interface, state v1alpha1.VMNetworkState) {
	p.Interfaces = append(p.Interfaces, item)
	p.States[item.Device.Name] = state
}

// Plugged tells whether a running guest has an interface: KubeVirt has seen it in the domain, or the guest agent has.
func Plugged(instance *kubevirtv1.VirtualMachineInstance, name string) bool {
	return slices.ContainsFunc(instance.Status.Interfaces,
		func(status kubevirtv1.VirtualMachineInstanceNetworkInterface) bool {
			return status.Name == name &&
				(strings.Contains(status.InfoSource, "domain") || strings.Contains(status.InfoSource, "guest-agent"))
		})
}

func (i *Interface) pluggable() bool {
	return i.Network.Multus != nil && (i.Device.Bridge != nil || i.Device.SRIOV != nil)
}

func (i *Interface) unpluggable() bool { return i.Network.Multus != nil && i.Device.Bridge != nil }

// same compares what cannot change while a guest has the interface: all but the state of its link. KubeVirt may add
// fields of its own.
func (i *Interface) same(other Interface) bool {
	return i.Device.MacAddress == other.Device.MacAddress && i.binding() == other.binding() &&
		i.source() == other.source()
}

func (i *Interface) binding() string {
	switch device := &i.Device; {
	case device.Binding != nil:
		return "plugin " + device.Binding.Name
	case device.Masquerade != nil:
		return "masquerade"
	case device.SRIOV != nil:
		return "sriov"
	default:
		return "bridge"
	}
}

func (i *Interface) source() string {
	if i.Network.Multus != nil {
		return i.Network.Multus.NetworkName
	}
	return ""
}
