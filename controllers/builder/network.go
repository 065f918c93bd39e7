package builder

import "github.com/novasphere/wukong/apis/v1alpha1"

// NetworkOption changes the spec of a network, or of a template of networks.
type NetworkOption = func(*v1alpha1.WukongNetworkSpec)

// Network is one on the bridge br0 of the nodes, without subnets.
func Network(namespace, name string, options ...NetworkOption) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{ObjectMeta: meta(namespace, name), Spec: NetworkSpec(options...)}
}

// NetworkSpec is the spec of such a network, for a template.
func NetworkSpec(options ...NetworkOption) v1alpha1.WukongNetworkSpec {
	spec := v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"}}
	apply(&spec, options)
	return spec
}

// OfType is of any type; the options before it count no more.
func OfType(wanted v1alpha1.WukongNetworkSpec) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) { *spec = wanted }
}

// PodNetwork is the cluster's own.
func PodNetwork(spec *v1alpha1.WukongNetworkSpec) {
	*spec = v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}
}

// ExistingAttachment stands on a NetworkAttachmentDefinition of someone else; of the own namespace when that is empty.
func ExistingAttachment(namespace, name string) NetworkOption {
	return OfType(v1alpha1.WukongNetworkSpec{
		Type:                        v1alpha1.NetworkTypeAttachment,
		NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Namespace: namespace, Name: name},
	})
}

// Passthru gives a machine the whole of a NIC of the nodes.
func Passthru(master string) NetworkOption {
	return OfType(v1alpha1.WukongNetworkSpec{
		Type:    v1alpha1.NetworkTypeMacvlan,
		Macvlan: &v1alpha1.MacvlanNetwork{Master: master, Mode: v1alpha1.MacvlanPassthru},
	})
}

// OnBridge is on another bridge than br0.
func OnBridge(name string) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) { spec.Bridge.Name = name }
}

// Unrestricted is made by an administrator.
func Unrestricted(spec *v1alpha1.WukongNetworkSpec) {
	spec.HostAccess = v1alpha1.HostAccessUnrestricted
}

// Managed has the network's bridge made by NMState on ports of the nodes, in a VLAN of them unless that is 0.
func Managed(uplinkVLAN int32, ports ...v1alpha1.InterfaceName) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) {
		Unrestricted(spec)
		spec.Bridge.Managed = &v1alpha1.ManagedBridge{Ports: ports}
		if uplinkVLAN != 0 {
			spec.Bridge.Managed.UplinkVLAN = &uplinkVLAN
		}
	}
}

// Subnet adds a subnet whose addresses are given by hand or by someone else.
func Subnet(cidr string) NetworkOption { return Subnets(v1alpha1.Subnet{CIDR: cidr}) }

// Pool adds a subnet that gives addresses from the first to the last, or all of its addresses when both are empty.
func Pool(cidr string, first, last v1alpha1.IPAddress) NetworkOption {
	pool := &v1alpha1.AddressPool{}
	if first != "" || last != "" {
		pool.Ranges = []v1alpha1.AddressRange{{Start: first, End: last}}
	}
	return Subnets(v1alpha1.Subnet{CIDR: cidr, Pool: pool})
}

// Subnets adds subnets.
func Subnets(subnets ...v1alpha1.Subnet) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) { spec.Subnets = append(spec.Subnets, subnets...) }
}

// Gateway is that of the subnet that was added last.
func Gateway(address string) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) { spec.Subnets[len(spec.Subnets)-1].Gateway = address }
}

// OnSegment shares its addresses with the networks of the same segment.
func OnSegment(name string) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) {
		Unrestricted(spec)
		spec.Segment = name
	}
}

// Reserved keeps an address for a machine of a name.
func Reserved(address v1alpha1.IPAddress, machine string) NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Reservations = append(spec.Reservations,
			v1alpha1.AddressReservation{Address: address, MachineName: machine})
	}
}
