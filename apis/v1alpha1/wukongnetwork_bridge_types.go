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

	// vlan is the VLAN id of the bridge port (vlan_filtering), 1 to 4094. Omitted, frames are untagged.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN *int32 `json:"vlan,omitempty"`

	// managed makes Wukong create the bridge on the nodes, by NMState. Omitted, the bridge must exist, or another
	// WukongNetwork manages it.
	//
	// All WukongNetworks of type Bridge that name the same bridge share it, in all namespaces. The oldest WukongNetwork
	// that manages it determines its configuration. The bridge is deleted with the last WukongNetwork that names it.
	// +optional
	Managed *ManagedBridge `json:"managed,omitempty"`
}

// ManagedBridge is the configuration of a bridge that Wukong creates on the nodes. The bridge never runs the spanning
// tree protocol.
//
// +kubebuilder:validation:ExactlyOneOf=ports;bond
// +kubebuilder:validation:XValidation:rule="!has(self.uplinkVLAN) || (has(self.ports) ? self.ports.all(port, size(port) + 1 + size(string(self.uplinkVLAN)) <= 15) : size(self.bond.name) + 1 + size(string(self.uplinkVLAN)) <= 15)",message="uplinkVLAN makes an interface such as eth1.100, which has at most 15 characters: use a port, or bond name, that is shorter"
// +kubebuilder:validation:XValidation:rule="!has(self.keepHostAddress) || !self.keepHostAddress || (has(self.ports) && size(self.ports) == 1 && !has(self.uplinkVLAN))",message="keepHostAddress moves the addresses of one port: list exactly one in ports, and leave out bond and uplinkVLAN"
type ManagedBridge struct {
	// ports are the interfaces of the nodes that connect the bridge to the physical network, such as eth1. Each must
	// exist on every selected node.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Ports []InterfaceName `json:"ports,omitempty"`

	// bond combines several interfaces of each node into one port of the bridge.
	// +optional
	Bond *Bond `json:"bond,omitempty"`

	// uplinkVLAN puts a VLAN interface, such as eth1.100, between the bridge and its ports: the whole bridge is in this
	// VLAN, and frames on the bridge are untagged. Omitted, the ports are trunks of all VLANs, and vlan of each network
	// determines its VLAN.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	UplinkVLAN *int32 `json:"uplinkVLAN,omitempty"`

	// mtu of the bridge and its ports, in bytes. Omitted, their MTU is not changed.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=9216
	MTU *int32 `json:"mtu,omitempty"`

	// nodeSelector selects the nodes that get the bridge, by their labels. Omitted, all nodes on which NMState runs.
	// WukongVMs on the network run only on these nodes. A node that is no longer selected keeps its bridge: NMState
	// does not remove it there.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// keepHostAddress moves the addresses and routes of the port to the bridge, so that the node keeps them. Omitted, a
	// port that has an address of the node is refused, because the node would lose the address.
	// +optional
	KeepHostAddress *bool `json:"keepHostAddress,omitempty"`

	// adopt makes Wukong manage a bridge, with its bond and VLAN interfaces, that already exists on the nodes. Wukong
	// never removes these from the nodes, even when the last network on the bridge is deleted. Omitted, a bridge that
	// Wukong did not create is refused.
	// +optional
	Adopt *bool `json:"adopt,omitempty"`
}

// InterfaceName is the name of a network interface of a node.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=15
// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
type InterfaceName string

// Bond combines interfaces of a node.
type Bond struct {
	// name of the bond, such as bond1.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
	Name string `json:"name,omitempty"`

	// mode of the bond, as the kernel names it. The modes balance-tlb and balance-alb are not available: they change
	// MAC addresses of frames, and do not work under a bridge.
	// +required
	Mode BondMode `json:"mode,omitempty"`

	// ports are the interfaces that the bond combines.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Ports []InterfaceName `json:"ports,omitempty"`
}

// BondMode determines how a bond uses its ports.
// +kubebuilder:validation:Enum=active-backup;balance-rr;balance-xor;"802.3ad"
type BondMode string

// Modes of a bond.
const (
	// BondActiveBackup uses one port, and another one if it fails.
	BondActiveBackup BondMode = "active-backup"
	// BondRoundRobin uses all ports in turn.
	BondRoundRobin BondMode = "balance-rr"
	// BondXOR selects the port by the addresses of a frame.
	BondXOR BondMode = "balance-xor"
	// BondLACP negotiates the ports with the switch (IEEE 802.3ad).
	BondLACP BondMode = "802.3ad"
)

// HostBridgeStatus is the state of a managed bridge on the nodes.
type HostBridgeStatus struct {
	// policy is the NodeNetworkConfigurationPolicy of the bridge. All networks on the bridge share it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Policy string `json:"policy,omitempty"`

	// selectedNodes is the number of nodes that must have the bridge.
	// +optional
	SelectedNodes int32 `json:"selectedNodes"`

	// nodeSelector is the set of labels of the nodes that must have the bridge. WukongVMs on the network run on these
	// nodes.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// readyNodes is the number of selected nodes that have the bridge in its desired state.
	// +optional
	ReadyNodes int32 `json:"readyNodes"`

	// nodes that must have the bridge, at most 32: those that are not ready first, then by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Nodes []HostBridgeNode `json:"nodes,omitempty"`
}

// HostBridgeNode is the state of a managed bridge on one node.
type HostBridgeNode struct {
	// name of the node.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// ready is true if the node has the bridge in its desired state.
	// +optional
	Ready bool `json:"ready"`

	// message explains why the node is not ready.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
