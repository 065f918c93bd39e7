package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NetworkType says by what means machines attach to a network.
// +kubebuilder:validation:Enum=Pod;Bridge;Macvlan;SRIOV;OVS;NetworkAttachmentDefinition
type NetworkType string

const (
	// NetworkTypePod is the cluster's pod network, reached through the virt-launcher pod.
	NetworkTypePod NetworkType = "Pod"
	// NetworkTypeBridge is a Linux bridge on the nodes, attached by Multus and the bridge CNI plugin.
	NetworkTypeBridge NetworkType = "Bridge"
	// NetworkTypeMacvlan attaches machines straight to an interface of the nodes, by macvtap or by macvlan.
	NetworkTypeMacvlan NetworkType = "Macvlan"
	// NetworkTypeSRIOV gives each machine a virtual function of an SR-IOV device, by the sriov CNI plugin and its device plugin.
	NetworkTypeSRIOV NetworkType = "SRIOV"
	// NetworkTypeOVS is an Open vSwitch bridge that exists on the nodes, attached by Multus and the ovs CNI plugin.
	NetworkTypeOVS NetworkType = "OVS"
	// NetworkTypeAttachment is a NetworkAttachmentDefinition that someone else made, used untouched.
	NetworkTypeAttachment NetworkType = "NetworkAttachmentDefinition"
)

// WukongNetworkSpec says what a network is and which addresses live on it.
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
// +kubebuilder:validation:XValidation:rule="self.type == 'Pod' || !has(self.policy)",message="policy is for type Pod only: on other networks a guest's frames pass its pod unseen by what enforces policies; leave out policy, part machines by VLANs, or let the guests' own firewalls do it"
// +kubebuilder:validation:XValidation:rule="self.type != 'Pod' || !has(self.hostAccess)",message="hostAccess is for networks that stand on the nodes' own: leave it out with type Pod"
// +kubebuilder:validation:XValidation:rule="!has(self.bridge) || !has(self.bridge.managed) || (has(self.hostAccess) && self.hostAccess == 'Unrestricted')",message="bridge.managed changes the networks of the nodes, which is for administrators: set hostAccess: Unrestricted, or leave out managed"
// +kubebuilder:validation:XValidation:rule="!has(self.sriov) || !(has(self.sriov.trust) || has(self.sriov.spoofCheck)) || (has(self.hostAccess) && self.hostAccess == 'Unrestricted')",message="sriov.trust and sriov.spoofCheck are for administrators: set hostAccess: Unrestricted, or leave them out"
// +kubebuilder:validation:XValidation:rule="!has(self.segment) || (has(self.hostAccess) && self.hostAccess == 'Unrestricted')",message="segment decides whose addresses are taken, which is for administrators: set hostAccess: Unrestricted, or leave out segment"
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type",message="type cannot change after creation: create another WukongNetwork"
type WukongNetworkSpec struct {
	// wukongRef names the application that the network belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// type says by what means machines attach.
	// +required
	Type NetworkType `json:"type,omitempty"`

	// hostAccess says who answers for what the network uses of the nodes. Omitted or Permitted, the WukongHostNetworkPolicy must permit it to the
	// namespace. Unrestricted, an administrator does: it may be set, and the spec that has it changed, only by those who may create both
	// NodeNetworkConfigurationPolicies and, in the namespace, NetworkAttachmentDefinitions. Gateways and reservations of such a network hold for
	// the machines of all namespaces on its segment; those of others for their own namespace.
	// +optional
	HostAccess HostAccess `json:"hostAccess,omitempty"`

	// pod says how machines reach the pod network, for type Pod. Omitted, by masquerading.
	// +optional
	Pod *PodNetwork `json:"pod,omitempty"`

	// bridge is the Linux bridge of type Bridge.
	// +optional
	Bridge *BridgeNetwork `json:"bridge,omitempty"`

	// macvlan is the interface of the nodes of type Macvlan.
	// +optional
	Macvlan *MacvlanNetwork `json:"macvlan,omitempty"`

	// sriov is the pool of virtual functions of type SRIOV.
	// +optional
	SRIOV *SRIOVNetwork `json:"sriov,omitempty"`

	// ovs is the Open vSwitch bridge of type OVS.
	// +optional
	OVS *OVSNetwork `json:"ovs,omitempty"`

	// networkAttachmentDefinition is the existing attachment of type NetworkAttachmentDefinition.
	// +optional
	NetworkAttachmentDefinition *AttachmentReference `json:"networkAttachmentDefinition,omitempty"`

	// mtu of the interfaces, in bytes. Omitted, the bridge's own.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=9216
	MTU *int32 `json:"mtu,omitempty"`

	// bandwidth of each interface on the network that has none itself, for type Bridge. It takes the CNI plugin bandwidth on the nodes.
	// +optional
	Bandwidth *Bandwidth `json:"bandwidth,omitempty"`

	// policy of all machines on the network, for type Pod. What a machine's own policy allows is allowed as well.
	// +optional
	Policy *TrafficPolicy `json:"policy,omitempty"`

	// subnets that live on the network, at most one gateway in each. Static addresses of machines must lie in one.
	// +optional
	// +listType=map
	// +listMapKey=cidr
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Subnets []Subnet `json:"subnets,omitempty"`

	// routes that machines get beside the default route through a subnet's gateway.
	// +optional
	// +listType=map
	// +listMapKey=to
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Routes []Route `json:"routes,omitempty"`

	// dns that machines with a static address on the network get. With DHCP the server's word counts.
	// +optional
	DNS *DNS `json:"dns,omitempty"`

	// segment names the layer-2 domain that the network is on, in which an address has one holder. Networks that share a wire without its
	// being seen, such as two bridges on one switch, name the same. Omitted, it follows from the bridge and VLAN, or from what else the
	// network stands on.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	Segment string `json:"segment,omitempty"`

	// reservations are addresses that are kept for one machine each.
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

	// namespace of the NetworkAttachmentDefinition. Omitted, the WukongNetwork's own. Multus must allow the crossing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// binding says by what KubeVirt hands the attachment's interface to the guest, which only its author knows: SRIOV for one of the
	// sriov CNI plugin. Omitted, Bridge.
	// +optional
	Binding AttachmentBinding `json:"binding,omitempty"`
}

// AttachmentBinding says by what KubeVirt hands an interface to the guest.
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

	// gateway is the default route of machines with a static address in the subnet.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=39
	Gateway string `json:"gateway,omitempty"`

	// pool gives each interface that asks for no other an address of the subnet. The first pool of each address family that has one
	// free counts.
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

	// metric of the route; lower wins.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Metric *int32 `json:"metric,omitempty"`
}

// DNS is the resolver configuration of machines on a network.
type DNS struct {
	// nameservers are IP addresses of resolvers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Nameservers []IPAddress `json:"nameservers,omitempty"`

	// searches are search domains.
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

// WukongNetworkStatus is what was observed of the network.
type WukongNetworkStatus struct {
	// conditions: Ready, UmbrellaLinked, HostBridgeReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +wukong:hint
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for people.
	// +optional
	Phase NetworkPhase `json:"phase,omitempty"`

	// attachment is the NetworkAttachmentDefinition that machines name, as namespace/name; empty for the pod network.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Attachment string `json:"attachment,omitempty"`

	// hostBridge is how far the bridge is on the nodes, when it is managed.
	// +optional
	HostBridge *HostBridgeStatus `json:"hostBridge,omitempty"`

	// users is how many WukongVMs name the network. The count follows within half a minute.
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

// WukongNetwork is a network that virtual machines attach to.
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

	// spec is what the user asks for.
	// +required
	Spec WukongNetworkSpec `json:"spec,omitzero"`

	// status is what was observed.
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

// AttachmentName is the NetworkAttachmentDefinition that machines name, as namespace/name; empty for the pod network.
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
