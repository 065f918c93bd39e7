package v1alpha1

// PodNetwork is the cluster's pod network.
type PodNetwork struct {
	// binding says by what the virt-launcher pod hands its network to the guest. Omitted, Masquerade.
	// +optional
	Binding PodBinding `json:"binding,omitempty"`
}

// PodBinding says how a guest reaches the pod network.
// +kubebuilder:validation:Enum=Masquerade;Passt
type PodBinding string

const (
	// PodBindingMasquerade puts the guest behind network address translation in its pod. KubeVirt has it built in.
	PodBindingMasquerade PodBinding = "Masquerade"
	// PodBindingPasst gives the guest the pod's own address by the program passt. It is a network binding plugin of the name
	// passt, which an administrator registers in the KubeVirt object.
	PodBindingPasst PodBinding = "Passt"
)

// MacvlanNetwork attaches machines to an interface of the nodes.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resourceName) || !has(self.mode) || self.mode == 'Bridge'",message="resourceName is for mode Bridge only: mode Passthru needs no device plugin"
type MacvlanNetwork struct {
	// master is the interface of the nodes, such as eth1, or a VLAN interface such as eth1.100: then that one tags.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
	Master string `json:"master,omitempty"`

	// mode says how machines share the master. Omitted, Bridge.
	// +optional
	Mode MacvlanMode `json:"mode,omitempty"`

	// resourceName is what the macvtap device plugin calls the master. Omitted, macvtap.network.kubevirt.io/ and the master.
	// +optional
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	ResourceName string `json:"resourceName,omitempty"`
}

// MacvlanMode says how machines share an interface of the nodes.
// +kubebuilder:validation:Enum=Bridge;Passthru
type MacvlanMode string

const (
	// MacvlanBridge lets many machines use the master, each by a macvtap device of its own. It needs the macvtap CNI plugin with its
	// device plugin, and a network binding plugin of the name macvtap in the KubeVirt object.
	MacvlanBridge MacvlanMode = "Bridge"
	// MacvlanPassthru gives the whole master to one machine of each node, by the macvlan CNI plugin. It needs nothing else.
	MacvlanPassthru MacvlanMode = "Passthru"
)

// SRIOVNetwork is a pool of virtual functions.
//
// +kubebuilder:validation:XValidation:rule="!has(self.vlanQoS) || has(self.vlan)",message="vlanQoS is a part of the VLAN tag: set vlan, or leave out vlanQoS"
type SRIOVNetwork struct {
	// resourceName is what the SR-IOV device plugin calls the pool, such as openshift.io/fast.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	ResourceName string `json:"resourceName,omitempty"`

	// vlan is the VLAN id that the device tags with, 1 to 4094. Omitted, frames are as the guest sends them.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN *int32 `json:"vlan,omitempty"`

	// vlanQoS is the priority in the VLAN tag, 0 to 7.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=7
	VLANQoS *int32 `json:"vlanQoS,omitempty"`

	// spoofCheck lets the device drop frames from another MAC address than the interface's. Omitted, the device's own setting.
	// +optional
	SpoofCheck *bool `json:"spoofCheck,omitempty"`

	// trust lets the guest ask the device for promiscuous mode and other MAC addresses. Omitted, the device's own setting.
	// +optional
	Trust *bool `json:"trust,omitempty"`

	// linkState of the virtual function. Omitted, the device's own setting.
	// +optional
	LinkState SRIOVLinkState `json:"linkState,omitempty"`
}

// SRIOVLinkState is the link state that a virtual function shows to its guest.
// +kubebuilder:validation:Enum=Auto;Enable;Disable
type SRIOVLinkState string

// Link states of a virtual function.
const (
	// SRIOVLinkAuto follows the physical port.
	SRIOVLinkAuto SRIOVLinkState = "Auto"
	// SRIOVLinkEnable is always up, so that guests of one device reach one another without a cable.
	SRIOVLinkEnable SRIOVLinkState = "Enable"
	// SRIOVLinkDisable is always down.
	SRIOVLinkDisable SRIOVLinkState = "Disable"
)

// OVSNetwork is an Open vSwitch bridge on the nodes.
type OVSNetwork struct {
	// bridge is its name on the nodes, at most 15 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Bridge string `json:"bridge,omitempty"`

	// vlan is the VLAN id that the bridge's port tags with, 1 to 4094. Omitted, the port is a trunk of all VLANs.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN *int32 `json:"vlan,omitempty"`
}
