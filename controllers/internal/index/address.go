package index

import (
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/segment"
)

const (
	// NetworkBySegment finds the WukongNetworks on a segment, in all namespaces.
	NetworkBySegment = "segment"
	// AddressBySegment finds the WukongAddresses of a segment.
	AddressBySegment = "spec.segment"
	// AddressByInterface finds the WukongAddresses of an interface, by InterfaceKey, for any UID of its WukongVM.
	AddressByInterface = "spec.holder.interface"
	// AddressByMachine finds the WukongAddresses of WukongVMs with a name, as namespace/name.
	AddressByMachine = "spec.holder"
	// AddressByNetwork finds the WukongAddresses that were taken for a WukongNetwork, as namespace/name.
	AddressByNetwork = "spec.network"
	// VMByObservedAddress finds the WukongVMs whose status shows an IP address, or a MAC address that no user chose, in
	// lower case, in all namespaces.
	VMByObservedAddress = "status.networks.addresses"
)

// InterfaceKey returns the value by which AddressByInterface finds the locks of an interface.
func InterfaceKey(holder v1alpha1.AddressHolder) string {
	return holder.Namespace + "/" + holder.Name + "/" + holder.InterfaceName
}

func networkSegment(obj client.Object) []string {
	if name, ok := segment.Of(obj.(*v1alpha1.WukongNetwork)); ok {
		return []string{name}
	}
	return nil
}

func addressSegment(obj client.Object) []string {
	return []string{obj.(*v1alpha1.WukongAddress).Spec.Segment}
}

func addressInterface(obj client.Object) []string {
	return []string{InterfaceKey(obj.(*v1alpha1.WukongAddress).Spec.Holder)}
}

func addressMachine(obj client.Object) []string {
	holder := obj.(*v1alpha1.WukongAddress).Spec.Holder
	return []string{holder.Namespace + "/" + holder.Name}
}

func addressNetwork(obj client.Object) []string {
	network := obj.(*v1alpha1.WukongAddress).Spec.Network
	return []string{network.Namespace + "/" + network.Name}
}

// vmAddresses returns the addresses that a WukongVM shows on managed networks. A MAC address that the user chose is
// left out, because it has a lock. A derived one has none.
func vmAddresses(obj client.Object) []string {
	vm := obj.(*v1alpha1.WukongVM)
	var found []string
	for i := range vm.Status.Networks {
		status := &vm.Status.Networks[i]
		if status.NetworkName == "" {
			continue
		}
		found = append(found, status.Addresses...)
		given := slices.ContainsFunc(vm.Spec.Networks,
			func(nic v1alpha1.VMNetwork) bool { return nic.Name == status.Name && nic.MACAddress != "" })
		if status.MACAddress != "" && !given {
			found = append(found, strings.ToLower(status.MACAddress))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
