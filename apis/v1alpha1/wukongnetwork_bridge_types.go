package v1alpha1

// BridgeNetwork is a Linux bridge on the nodes.
//
// +kubebuilder:validation:XValidation:rule="!has(self.managed) || self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name of a managed bridge has lower-case letters, digits and hyphens only, since a NodeNetworkConfigurationPolicy is named after it: choose another name"
// +kubebuilder:validation:XValidation:rule="!has(self.vlan) || !has(self.managed) || !has(self.managed.uplinkVLAN)",message="vlan and managed.uplinkVLAN would both tag: leave one out"
type BridgeNetwork struct {
	// name of the bridge on every node, at most 15 characters (IFNAMSIZ).
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
	Name string `json:"name,omitempty"`

	// vlan is the VLAN id that the bridge port tags with (vlan_filtering), 1 to 4094. Omitted, frames are untagged.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN *int32 `json:"vlan,omitempty"`

	// managed lets NMState make the bridge on the nodes. Omitted, the bridge is there already, or another WukongNetwork manages it.
	//
	// All WukongNetworks of type Bridge that name a bridge share it, in whatever namespace. The oldest that manages it decides
	// what it looks like; the bridge goes with the last that names it.
	// +optional
	Managed *ManagedBridge `json:"managed,omitempty"`
}

// ManagedBridge is what a bridge that Wukong has made on the nodes looks like. It never runs the spanning tree protocol.
//
// +kubebuilder:validation:ExactlyOneOf=ports;bond
// +kubebuilder:validation:XValidation:rule="!has(self.uplinkVLAN) || (has(self.ports) ? self.ports.all(port, size(port) + 1 + size(string(self.uplinkVLAN)) <= 15) : size(self.bond.name) + 1 + size(string(self.uplinkVLAN)) <= 15)",message="uplinkVLAN makes an interface such as eth1.100, which has at most 15 characters: use a port, or bond name, that is shorter"
// +kubebuilder:validation:XValidation:rule="!has(self.keepHostAddress) || !self.keepHostAddress || (has(self.ports) && size(self.ports) == 1 && !has(self.uplinkVLAN))",message="keepHostAddress moves the addresses of one port: list exactly one in ports, and leave out bond and uplinkVLAN"
type ManagedBridge struct {
	// ports are the interfaces of the nodes that the bridge connects to the outside, such as eth1. Each must exist on every
	// selected node.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Ports []InterfaceName `json:"ports,omitempty"`

	// bond joins several interfaces of each node to one port of the bridge.
	// +optional
	Bond *Bond `json:"bond,omitempty"`

	// uplinkVLAN puts a VLAN interface, such as eth1.100, between the bridge and its ports: everything on the bridge is in that
	// one VLAN, and frames on the bridge are untagged. Omitted, the ports are trunks of all VLANs, and vlan of each network says
	// which one it is in.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	UplinkVLAN *int32 `json:"uplinkVLAN,omitempty"`

	// mtu of the bridge and its ports, in bytes. Omitted, what they have.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=9216
	MTU *int32 `json:"mtu,omitempty"`

	// nodeSelector selects the nodes that get the bridge by their labels. Omitted, all that NMState runs on. Machines of the
	// network run on these nodes only. A node that is selected no more keeps its bridge: NMState forgets it there.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// keepHostAddress moves the addresses and routes of the port to the bridge, so that the node keeps them. Omitted, a port
	// that carries an address of the node is refused: the node would lose it.
	// +optional
	KeepHostAddress *bool `json:"keepHostAddress,omitempty"`

	// adopt takes over what exists on the nodes already of the bridge, its bond and its VLAN interfaces. It is never withdrawn from them, even when the
	// last network on the bridge is deleted. Omitted, a bridge that Wukong did not make is refused.
	// +optional
	Adopt *bool `json:"adopt,omitempty"`
}

// InterfaceName is the name of a network interface of a node.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=15
// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
type InterfaceName string

// Bond joins interfaces of a node.
type Bond struct {
	// name of the bond, such as bond1.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
	Name string `json:"name,omitempty"`

	// mode of the bond, in the kernel's words. The modes that change MAC addresses of frames, balance-tlb and balance-alb, do not
	// work under a bridge.
	// +required
	Mode BondMode `json:"mode,omitempty"`

	// ports are the interfaces that the bond joins.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Ports []InterfaceName `json:"ports,omitempty"`
}

// BondMode says how a bond uses its ports.
// +kubebuilder:validation:Enum=active-backup;balance-rr;balance-xor;"802.3ad"
type BondMode string

// Modes of a bond.
const (
	// BondActiveBackup uses one port, and another when that fails.
	BondActiveBackup BondMode = "active-backup"
	// BondRoundRobin uses all ports in turn.
	BondRoundRobin BondMode = "balance-rr"
	// BondXOR uses the port that follows from a frame's addresses.
	BondXOR BondMode = "balance-xor"
	// BondLACP agrees with the switch on the ports (IEEE 802.3ad).
	BondLACP BondMode = "802.3ad"
)

// HostBridgeStatus is how far a managed bridge is on the nodes.
type HostBridgeStatus struct {
	// policy is the NodeNetworkConfigurationPolicy that all networks of the bridge share.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Policy string `json:"policy,omitempty"`

	// selectedNodes is how many nodes shall have the bridge.
	// +optional
	SelectedNodes int32 `json:"selectedNodes"`

	// nodeSelector are the labels of the nodes that shall have the bridge; machines on the network run there.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// readyNodes is how many of them have it as it shall be.
	// +optional
	ReadyNodes int32 `json:"readyNodes"`

	// nodes that shall have the bridge, at most 32: those without it first, then by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Nodes []HostBridgeNode `json:"nodes,omitempty"`
}

// HostBridgeNode is how far a managed bridge is on one node.
type HostBridgeNode struct {
	// name of the node.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// ready: the node has the bridge as it shall be.
	// +optional
	Ready bool `json:"ready"`

	// message says why not.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
