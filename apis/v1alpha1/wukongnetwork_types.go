package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NetworkType determines how WukongVMs are connected to a network.
// +kubebuilder:validation:Enum=Pod;Bridge;Macvlan;SRIOV;OVS;NetworkAttachmentDefinition
type NetworkType string

const (
	// NetworkTypePod is the cluster's pod network, reached through the virt-launcher pod.
	NetworkTypePod NetworkType = "Pod"
	// NetworkTypeBridge is a Linux bridge on the nodes, attached by Multus and the bridge CNI plugin.
	NetworkTypeBridge NetworkType = "Bridge"
	// NetworkTypeMacvlan connects WukongVMs directly to an interface of the nodes, by macvtap or macvlan.
	NetworkTypeMacvlan NetworkType = "Macvlan"
	// NetworkTypeSRIOV gives each WukongVM a virtual function of an SR-IOV device, by the sriov CNI plugin and its
	// device plugin.
	NetworkTypeSRIOV NetworkType = "SRIOV"
	// NetworkTypeOVS is an Open vSwitch bridge that exists on the nodes, attached by Multus and the ovs CNI plugin.
	NetworkTypeOVS NetworkType = "OVS"
	// NetworkTypeAttachment is an existing NetworkAttachmentDefinition that Wukong does not manage or change.
	NetworkTypeAttachment NetworkType = "NetworkAttachmentDefinition"
)

// WukongNetworkSpec describes a network and its addresses.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'Bridge') == has(self.bridge)",message="bridge is required for type Bridge, and only there"
// +kubebuilder:validation:XValidation:rule="(self.type == 'Macvlan') == has(self.macvlan)",message="macvlan is required for type Macvlan, and only there"
// +kubebuilder:validation:XValidation:rule="(self.type == 'SRIOV') == has(self.sriov)",message="sriov is required for type SRIOV, and only there"
// +kubebuilder:validation:XValidation:rule="(self.type == 'OVS') == has(self.ovs)",message="ovs is required for type OVS, and only there"
// +kubebuilder:validation:XValidation:rule="self.type == 'Pod' || !has(self.pod)",message="pod is for type Pod only: leave it out, or set type Pod"
// +kubebuilder:validation:XValidation:rule="self.type != 'SRIOV' || !has(self.mtu)",message="the MTU of virtual functions is set with their device, in the policy that makes them: leave out mtu"
// +kubebuilder:validation:XValidation:rule="(self.type == 'NetworkAttachmentDefinition') == has(self.networkAttachmentDefinition)",message="networkAttachmentDefinition is required for type NetworkAttachmentDefinition, and only there"
// +kubebuilder:validation:XValidation:rule="self.type != 'Pod' || (!has(self.mtu) && !has(self.subnets) && !has(self.routes) && !has(self.dns) && !has(self.segment) && !has(self.reservations))",message="the pod network's addresses, routes, DNS and MTU belong to the cluster: leave out subnets, routes, dns, mtu, segment and reservations"
// +kubebuilder:validation:XValidation:rule="self.type != 'NetworkAttachmentDefinition' || !has(self.mtu)",message="the MTU of an existing NetworkAttachmentDefinition is set there: leave out mtu"
// +kubebuilder:validation:XValidation:rule="self.type == 'Bridge' || !has(self.bandwidth)",message="bandwidth is for type Bridge only: the CNI plugin that limits needs a bridge's port; leave out bandwidth"
// +kubebuilder:validation:XValidation:rule="self.type == 'Pod' || !has(self.policy)",message="policy is for type Pod only: on other networks, the network plugin does not see the traffic of guests and cannot enforce a policy; leave out policy, and separate WukongVMs by VLANs or use the firewalls of the guests"
// +kubebuilder:validation:XValidation:rule="self.type != 'Pod' || !has(self.hostAccess)",message="hostAccess is for networks that use the networks of the nodes: leave it out with type Pod"
// +kubebuilder:validation:XValidation:rule="!has(self.bridge) || !has(self.bridge.managed) || (has(self.hostAccess) && self.hostAccess == 'Unrestricted')",message="bridge.managed changes the networks of the nodes, which is for administrators: set hostAccess: Unrestricted, or leave out managed"
// +kubebuilder:validation:XValidation:rule="!has(self.sriov) || !(has(self.sriov.trust) || has(self.sriov.spoofCheck)) || (has(self.hostAccess) && self.hostAccess == 'Unrestricted')",message="sriov.trust and sriov.spoofCheck are for administrators: set hostAccess: Unrestricted, or leave them out"
// +kubebuilder:validation:XValidation:rule="!has(self.segment) || (has(self.hostAccess) && self.hostAccess == 'Unrestricted')",message="segment determines with which networks addresses are shared, which is for administrators: set hostAccess: Unrestricted, or leave out segment"
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type",message="type cannot change after creation: create another WukongNetwork"
type WukongNetworkSpec struct {
	// wukongRef names the application that the network belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// type determines how WukongVMs are connected to the network.
	// +required
	Type NetworkType `json:"type,omitempty"`

	// hostAccess determines who is responsible for the network's use of the nodes. Permitted: the
	// WukongHostNetworkPolicy must permit it to the namespace. Unrestricted: an administrator is responsible. Only
	// users who may create both NodeNetworkConfigurationPolicies and, in the namespace, NetworkAttachmentDefinitions
	// may set Unrestricted or change a spec that has it. Gateways and reservations of an Unrestricted network apply to
	// the WukongVMs of all namespaces on its segment; those of other networks apply to their own namespace. Omitted,
	// Permitted.
	// +optional
	HostAccess HostAccess `json:"hostAccess,omitempty"`

	// pod determines how guests are connected to the pod network, for type Pod. Omitted, with binding Masquerade.
	// +optional
	Pod *PodNetwork `json:"pod,omitempty"`

	// bridge is the Linux bridge, for type Bridge.
	// +optional
	Bridge *BridgeNetwork `json:"bridge,omitempty"`

	// macvlan is the interface of the nodes, for type Macvlan.
	// +optional
	Macvlan *MacvlanNetwork `json:"macvlan,omitempty"`

	// sriov is the pool of virtual functions, for type SRIOV.
	// +optional
	SRIOV *SRIOVNetwork `json:"sriov,omitempty"`

	// ovs is the Open vSwitch bridge, for type OVS.
	// +optional
	OVS *OVSNetwork `json:"ovs,omitempty"`

	// networkAttachmentDefinition is the existing NetworkAttachmentDefinition, for the type of that name.
	// +optional
	NetworkAttachmentDefinition *AttachmentReference `json:"networkAttachmentDefinition,omitempty"`

	// mtu of the interfaces, in bytes. Omitted, that of the bridge.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=9216
	MTU *int32 `json:"mtu,omitempty"`

	// bandwidth of each interface on the network that does not set its own, for type Bridge. It needs the CNI plugin
	// bandwidth on the nodes.
	// +optional
	Bandwidth *Bandwidth `json:"bandwidth,omitempty"`

	// policy of all WukongVMs on the network, for type Pod. A WukongVM's own policy can allow additional traffic.
	// +optional
	Policy *TrafficPolicy `json:"policy,omitempty"`

	// subnets of the network, each with at most one gateway. Static addresses of WukongVMs must be in one of them.
	// +optional
	// +listType=map
	// +listMapKey=cidr
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Subnets []Subnet `json:"subnets,omitempty"`

	// routes that guests get in addition to the default route through a subnet's gateway.
	// +optional
	// +listType=map
	// +listMapKey=to
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Routes []Route `json:"routes,omitempty"`

	// dns is the resolver configuration of guests with a static address on the network. With DHCP, the DHCP server
	// determines it.
	// +optional
	DNS *DNS `json:"dns,omitempty"`

	// segment names the layer-2 domain of the network. Within it, an address can be assigned only once. Networks that
	// share a layer-2 domain in a way that Wukong cannot detect, such as two bridges on one switch, must have the same
	// segment. Omitted, it is derived from the bridge and VLAN, or from another node network on which the network is
	// based.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	Segment string `json:"segment,omitempty"`

	// reservations are addresses that are reserved for one WukongVM each.
	// +optional
	// +listType=map
	// +listMapKey=address
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Reservations []AddressReservation `json:"reservations,omitempty"`
}

// AttachmentReference names a NetworkAttachmentDefinition.
type AttachmentReference struct {
	// name of the NetworkAttachmentDefinition.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	// namespace of the NetworkAttachmentDefinition. Omitted, the WukongNetwork's own. Multus must then allow references
	// across namespaces.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// binding determines how KubeVirt connects the guest to the interface of the NetworkAttachmentDefinition. Wukong
	// cannot detect it: set SRIOV if the definition uses the sriov CNI plugin. Omitted, Bridge.
	// +optional
	Binding AttachmentBinding `json:"binding,omitempty"`
}

// AttachmentBinding determines how KubeVirt connects the guest to the interface of a NetworkAttachmentDefinition.
// +kubebuilder:validation:Enum=Bridge;SRIOV
type AttachmentBinding string

const (
	// AttachmentBindingBridge puts a bridge between the pod's interface and the guest.
	AttachmentBindingBridge AttachmentBinding = "Bridge"
	// AttachmentBindingSRIOV gives the virtual function to the guest as a PCI device.
	AttachmentBindingSRIOV AttachmentBinding = "SRIOV"
)

// Subnet is a range of addresses on a network.
//
// +kubebuilder:validation:XValidation:rule="!has(self.gateway) || (isCIDR(self.cidr) && isIP(self.gateway) && cidr(self.cidr).containsIP(self.gateway))",message="gateway must be an IP address inside cidr"
type Subnet struct {
	// cidr of the subnet, such as 192.168.10.0/24 or fd00:10::/64.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self) == cidr(self).masked()",message="cidr must be a network address with prefix length and no host bits, for example 192.168.10.0/24"
	CIDR string `json:"cidr,omitempty"`

	// gateway is the next hop of the default route of guests with a static address in the subnet.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=39
	Gateway string `json:"gateway,omitempty"`

	// pool assigns an address of the subnet to each interface that uses addressMode Pool, also by default. For each
	// address family, the first pool with a free address is used.
	// +optional
	Pool *AddressPool `json:"pool,omitempty"`
}

// Route is a static route.
type Route struct {
	// to is the destination network, such as 10.20.0.0/16.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="to must be a network with prefix length, for example 10.20.0.0/16"
	To string `json:"to,omitempty"`

	// via is the next hop.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="via must be an IP address"
	Via string `json:"via,omitempty"`

	// metric of the route; the route with the lowest metric is preferred.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Metric *int32 `json:"metric,omitempty"`
}

// DNS is the resolver configuration of guests on a network.
type DNS struct {
	// nameservers are the IP addresses of the resolvers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Nameservers []IPAddress `json:"nameservers,omitempty"`

	// searches are the search domains.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Searches []DomainName `json:"searches,omitempty"`
}

// IPAddress is an IPv4 or IPv6 address.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=39
// +kubebuilder:validation:XValidation:rule="isIP(self)",message="must be an IP address"
type IPAddress string

// DomainName is a DNS domain name.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?\.?$`
type DomainName string

// NetworkPhase is a one-word summary of a network.
// +kubebuilder:validation:Enum=Pending;Ready;Terminating;Error
type NetworkPhase string

// Phases of WukongNetwork.
const (
	NetworkPending     NetworkPhase = "Pending"
	NetworkReady       NetworkPhase = "Ready"
	NetworkTerminating NetworkPhase = "Terminating"
	NetworkError       NetworkPhase = "Error"
)

// WukongNetworkStatus is the observed state of the network.
type WukongNetworkStatus struct {
	// conditions: Ready, UmbrellaLinked, HostBridgeReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status describes.
	// +optional
	// +wukong:hint
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for users.
	// +optional
	Phase NetworkPhase `json:"phase,omitempty"`

	// attachment is the NetworkAttachmentDefinition that VirtualMachines refer to, as namespace/name; empty for the pod
	// network.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Attachment string `json:"attachment,omitempty"`

	// hostBridge is the state of the bridge on the nodes, if it is managed.
	// +optional
	HostBridge *HostBridgeStatus `json:"hostBridge,omitempty"`

	// users is the number of WukongVMs that use the network. The count is updated within half a minute.
	// +optional
	// +wukong:hint
	Users int32 `json:"users,omitempty"`

	// pools count the addresses of each pool.
	// +optional
	// +listType=map
	// +listMapKey=cidr
	// +kubebuilder:validation:MaxItems=8
	// +wukong:hint
	Pools []PoolStatus `json:"pools,omitempty"`
}

// WukongNetwork is a network to which WukongVMs are connected.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wknet,categories=wukong-all
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Bridge",type=string,JSONPath=`.spec.bridge.name`
// +kubebuilder:printcolumn:name="VLAN",type=integer,JSONPath=`.spec.bridge.vlan`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.users`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Free",type=string,priority=1,JSONPath=`.status.pools[*].free`
// +kubebuilder:printcolumn:name="Attachment",type=string,priority=1,JSONPath=`.status.attachment`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type WukongNetwork struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state.
	// +required
	Spec WukongNetworkSpec `json:"spec,omitzero"`

	// status is the observed state.
	// +optional
	Status WukongNetworkStatus `json:"status,omitempty"`
}

// WukongNetworkList is a list of WukongNetworks.
//
// +kubebuilder:object:root=true
type WukongNetworkList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongNetwork `json:"items"`
}

func init() { register(&WukongNetwork{}, &WukongNetworkList{}) }

// GetConditions implements Object.
func (o *WukongNetwork) GetConditions() []metav1.Condition { return o.Status.Conditions }

// SetConditions implements Object.
func (o *WukongNetwork) SetConditions(conditions []metav1.Condition) {
	o.Status.Conditions = conditions
}

// GetPhase implements Object.
func (o *WukongNetwork) GetPhase() string { return string(o.Status.Phase) }

// UmbrellaName implements Object.
func (o *WukongNetwork) UmbrellaName() string { return umbrellaName(o.Spec.WukongRef) }

// AttachmentName returns the NetworkAttachmentDefinition that VirtualMachines refer to, as namespace/name; empty for
// the pod network.
func (o *WukongNetwork) AttachmentName() string {
	switch reference := o.Spec.NetworkAttachmentDefinition; {
	case o.Spec.Type == NetworkTypePod:
		return ""
	case reference == nil:
		return o.Namespace + "/" + o.Name
	case reference.Namespace == "":
		return o.Namespace + "/" + reference.Name
	default:
		return reference.Namespace + "/" + reference.Name
	}
}
