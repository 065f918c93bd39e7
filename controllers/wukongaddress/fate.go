package wukongaddress

import (
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/segment"
)

// facts decide about an address. All objects have the holder's name; nil means that one does not exist.
type facts struct {
	vm             *v1alpha1.WukongVM
	virtualMachine *kubevirtv1.VirtualMachine
	instance       *kubevirtv1.VirtualMachineInstance
	// network through which the address was taken.
	network *v1alpha1.WukongNetwork
	// held are the addresses of the same interface of the same WukongVM, including this one.
	held []v1alpha1.WukongAddress
}

// fate is the decision about an address.
type fate int

const (
	fateStay fate = iota
	// fateMark: it remains, and spec.reserved must follow keepAddresses.
	fateMark
	fateFree
)

func decide(lock *v1alpha1.WukongAddress, found *facts) fate {
	reserved := ptr.Deref(lock.Spec.Reserved, false) && found.network != nil
	if found.vm == nil || string(found.vm.UID) != lock.Spec.Holder.UID {
		if reserved || found.carried(lock) {
			return fateStay
		}
		return fateFree
	}
	nic := interfaceOf(found.vm, lock.Spec.Holder.InterfaceName)
	if nic != nil && found.wants(nic, lock) {
		if ptr.Deref(nic.KeepAddresses, false) != ptr.Deref(lock.Spec.Reserved, false) {
			return fateMark
		}
		return fateStay
	}
	switch {
	case found.vm.Status.ObservedGeneration != found.vm.Generation,
		found.virtualMachine != nil && unsynchronized(found.vm),
		nic != nil && !found.replaced(nic),
		nic == nil && (reserved || inTemplate(found.virtualMachine, lock.Spec.Holder.InterfaceName)),
		found.uses(lock):
		return fateStay
	default:
		return fateFree
	}
}

// unsynchronized reports whether the VirtualMachine may still give the guest the previous addresses: the WukongVM has
// observed its spec and could not write it.
func unsynchronized(vm *v1alpha1.WukongVM) bool {
	return meta.IsStatusConditionFalse(vm.Status.Conditions, v1alpha1.ConditionSynchronized)
}

// carried reports whether KubeVirt still has the VirtualMachine or instance that held the address.
func (f *facts) carried(lock *v1alpha1.WukongAddress) bool {
	uid := lock.Spec.Holder.UID
	return f.virtualMachine != nil && f.virtualMachine.Labels[v1alpha1.LabelVM] == uid ||
		f.instance != nil && f.instance.Labels[v1alpha1.LabelVM] == uid
}

func interfaceOf(vm *v1alpha1.WukongVM, name string) *v1alpha1.VMNetwork {
	for i := range vm.Spec.Networks {
		if vm.Spec.Networks[i].Name == name {
			return &vm.Spec.Networks[i]
		}
	}
	return nil
}

// wants reports whether an interface asks for an address. A deleted network or pool does not release addresses.
func (f *facts) wants(nic *v1alpha1.VMNetwork, lock *v1alpha1.WukongAddress) bool {
	if model.NetworkName(f.vm, nic) != lock.Spec.Network.Name {
		return false
	}
	if f.network != nil {
		if name, ok := segment.Of(f.network); !ok || name != lock.Spec.Segment {
			return false
		}
	}
	if lock.Spec.MACAddress != "" {
		return strings.EqualFold(nic.MACAddress, lock.Spec.MACAddress)
	}
	address := addresslock.AddressOf(lock)
	switch nic.AddressMode {
	case v1alpha1.AddressDHCP, v1alpha1.AddressNone:
		return false
	case v1alpha1.AddressPooled:
	default:
		if len(nic.Addresses) > 0 {
			return slices.Contains(static(nic), address)
		}
	}
	chosen := addresslock.Chosen(f.onSegment(lock.Spec.Segment), f.network, address.Is4())
	return chosen != nil && chosen.Name == lock.Name
}

func (f *facts) onSegment(name string) []v1alpha1.WukongAddress {
	return slices.DeleteFunc(slices.Clone(f.held),
		func(lock v1alpha1.WukongAddress) bool { return lock.Spec.Segment != name })
}

func static(nic *v1alpha1.VMNetwork) []netip.Addr {
	var result []netip.Addr
	for _, text := range nic.Addresses {
		bare, _, _ := strings.Cut(string(text), "/")
		if address, err := netip.ParseAddr(bare); err == nil {
			result = append(result, address)
		}
	}
	return result
}

// replaced reports whether an interface has what its spec asks for, so that no guest starts with the previous
// addresses. An interface that changed to another network, or to DHCP, has what it needs once the WukongVM has
// observed its spec.
func (f *facts) replaced(nic *v1alpha1.VMNetwork) bool {
	if f.network == nil || model.NetworkName(f.vm, nic) != f.network.Name {
		return true
	}
	name, ok := segment.Of(f.network)
	if !ok {
		return true
	}
	has := func(lockName string) bool {
		return slices.ContainsFunc(f.held, func(lock v1alpha1.WukongAddress) bool { return lock.Name == lockName })
	}
	if nic.MACAddress != "" && !has(addresslock.MACName(name, nic.MACAddress)) {
		return false
	}
	return !slices.ContainsFunc(static(nic),
		func(address netip.Addr) bool { return !has(addresslock.Name(name, address)) })
}

func inTemplate(virtualMachine *kubevirtv1.VirtualMachine, interfaceName string) bool {
	return virtualMachine != nil && virtualMachine.Spec.Template != nil &&
		slices.ContainsFunc(virtualMachine.Spec.Template.Spec.Networks,
			func(network kubevirtv1.Network) bool { return network.Name == interfaceName })
}

// uses reports whether a guest may use an address. Only its agent can report that it does not: without one, the guest
// keeps what it started with.
func (f *facts) uses(lock *v1alpha1.WukongAddress) bool {
	if f.instance == nil || f.instance.IsFinal() || f.instance.Labels[v1alpha1.LabelVM] != lock.Spec.Holder.UID {
		return false
	}
	if !f.instance.IsRunning() {
		return true
	}
	for _, nic := range f.instance.Status.Interfaces {
		switch {
		case nic.Name != lock.Spec.Holder.InterfaceName:
		case lock.Spec.MACAddress != "":
			return nic.MAC == "" || strings.EqualFold(nic.MAC, lock.Spec.MACAddress)
		case !strings.Contains(nic.InfoSource, "guest-agent"):
			return true
		default:
			return slices.Contains(nic.IPs, string(lock.Spec.Address))
		}
	}
	return false
}
