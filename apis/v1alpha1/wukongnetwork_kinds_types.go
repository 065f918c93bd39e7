package v1alpha1

// PodNetwork is the cluster's pod network.
type PodNetwork struct {
	// binding determines how the guest is connected to the network of its virt-launcher pod. Omitted, Masquerade.
	// +optional
	Binding PodBinding `json:"binding,omitempty"`
}

// PodBinding determines how a guest is connected to the pod network.
// +kubebuilder:validation:Enum=Masquerade;Passt
type PodBinding string

const (
	// PodBindingMasquerade puts the guest behind network address translation in its pod. It is built into KubeVirt.
	PodBindingMasquerade PodBinding = "Masquerade"
	// PodBindingPasst gives the guest the address of the pod, by the program passt. It needs a network binding plugin
	// with the name passt, which an administrator registers in the KubeVirt object.
	PodBindingPasst PodBinding = "Passt"
)

// MacvlanNetwork connects WukongVMs to an interface of the nodes.
//
// +kubebuilder:validation:XValidation:rule="!has(self.resourceName) || !has(self.mode) || self.mode == 'Bridge'",message="resourceName is for mode Bridge only: mode Passthru needs no device plugin"
type MacvlanNetwork struct {
	// master is the interface of the nodes, such as eth1, or a VLAN interface such as eth1.100, which then tags the
	// frames.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-_.a-zA-Z0-9]*$`
	Master string `json:"master,omitempty"`

	// mode determines how WukongVMs share the master. Omitted, Bridge.
	// +optional
	Mode MacvlanMode `json:"mode,omitempty"`

	// resourceName is the name of the master in the macvtap device plugin. Omitted, macvtap.network.kubevirt.io/
	// followed by the master.
	// +optional
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	ResourceName string `json:"resourceName,omitempty"`
}

// MacvlanMode determines how WukongVMs share an interface of the nodes.
// +kubebuilder:validation:Enum=Bridge;Passthru
type MacvlanMode string

const (
	// MacvlanBridge allows many WukongVMs to use the master, each with its own macvtap device. It needs the macvtap CNI
	// plugin with its device plugin, and a network binding plugin with the name macvtap in the KubeVirt object.
	MacvlanBridge MacvlanMode = "Bridge"
	// MacvlanPassthru gives the whole master to one WukongVM on each node. It needs only the macvlan CNI plugin.
	MacvlanPassthru MacvlanMode = "Passthru"
)

// SRIOVNetwork is a pool of virtual functions.
//
// +kubebuilder:validation:XValidation:rule="!has(self.vlanQoS) || has(self.vlan)",message="vlanQoS is a part of the VLAN tag: set vlan, or leave out vlanQoS"
type SRIOVNetwork struct {
	// resourceName is the name of the pool in the SR-IOV device plugin, such as openshift.io/fast.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	ResourceName string `json:"resourceName,omitempty"`

	// vlan is the VLAN id with which the device tags frames, 1 to 4094. Omitted, the device does not change the frames
	// of the guest.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN *int32 `json:"vlan,omitempty"`

	// vlanQoS is the priority in the VLAN tag, 0 to 7.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=7
	VLANQoS *int32 `json:"vlanQoS,omitempty"`

	// spoofCheck makes the device drop frames whose source is not the MAC address of the interface. Omitted, the
	// device's own setting.
	// +optional
	SpoofCheck *bool `json:"spoofCheck,omitempty"`

	// trust allows the guest to set promiscuous mode and other MAC addresses on the device. Omitted, the device's own
	// setting.
	// +optional
	Trust *bool `json:"trust,omitempty"`

	// linkState of the virtual function. Omitted, the device's own setting.
	// +optional
	LinkState SRIOVLinkState `json:"linkState,omitempty"`
}

// SRIOVLinkState is the link state that the guest sees on a virtual function.
// +kubebuilder:validation:Enum=Auto;Enable;Disable
type SRIOVLinkState string

// Link states of a virtual function.
const (
	// SRIOVLinkAuto follows the physical port.
	SRIOVLinkAuto SRIOVLinkState = "Auto"
	// SRIOVLinkEnable is always up, so that guests on the same device can reach each other without a cable.
	SRIOVLinkEnable SRIOVLinkState = "Enable"
	// SRIOVLinkDisable is always down.
	SRIOVLinkDisable SRIOVLinkState = "Disable"
)

// OVSNetwork is an Open vSwitch bridge on the nodes.
type OVSNetwork struct {
	// bridge is the name of the bridge on the nodes, at most 15 characters.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Bridge string `json:"bridge,omitempty"`

	// vlan is the VLAN id of the bridge's port, 1 to 4094. Omitted, the port is a trunk of all VLANs.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	VLAN *int32 `json:"vlan,omitempty"`
}
