package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NetworkType says by what means machines attach to a network.
// +kubebuilder:validation:Enum=Pod;Bridge;NetworkAttachmentDefinition
type NetworkType string

const (
	// NetworkTypePod is the cluster's pod network, reached through masquerading by the virt-launcher pod.
	NetworkTypePod NetworkType = "Pod"
	// NetworkTypeBridge is a Linux bridge that exists on the nodes, attached by Multus and the bridge CNI plugin.
	NetworkTypeBridge NetworkType = "Bridge"
	// NetworkTypeAttachment is a NetworkAttachmentDefinition that someone else made, used untouched.
	NetworkTypeAttachment NetworkType = "NetworkAttachmentDefinition"
)

// WukongNetworkSpec says what a network is and which addresses live on it.
//
// +kubebuilder:validation:XValidation:rule="(self.type == 'Bridge') == has(self.bridge)",message="bridge is required for type Bridge, and only there"
// +kubebuilder:validation:XValidation:rule="(self.type == 'NetworkAttachmentDefinition') == has(self.networkAttachmentDefinition)",message="networkAttachmentDefinition is required for type NetworkAttachmentDefinition, and only there"
// +kubebuilder:validation:XValidation:rule="self.type != 'Pod' || (!has(self.mtu) && !has(self.subnets) && !has(self.routes) && !has(self.dns))",message="the pod network's addresses, routes, DNS and MTU belong to the cluster: leave out subnets, routes, dns and mtu"
// +kubebuilder:validation:XValidation:rule="self.type != 'NetworkAttachmentDefinition' || !has(self.mtu)",message="the MTU of an existing NetworkAttachmentDefinition is set there: leave out mtu"
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type",message="type cannot change after creation: create another WukongNetwork"
type WukongNetworkSpec struct {
	// wukongRef names the application that the network belongs to. The Wukong need not exist yet.
	// +optional
	WukongRef *LocalObjectReference `json:"wukongRef,omitempty"`

	// type says by what means machines attach.
	// +required
	Type NetworkType `json:"type,omitempty"`

	// bridge is the Linux bridge of type Bridge.
	// +optional
	Bridge *BridgeNetwork `json:"bridge,omitempty"`

	// networkAttachmentDefinition is the existing attachment of type NetworkAttachmentDefinition.
	// +optional
	NetworkAttachmentDefinition *AttachmentReference `json:"networkAttachmentDefinition,omitempty"`

	// mtu of the interfaces, in bytes. Omitted, the bridge's own.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=9216
	MTU *int32 `json:"mtu,omitempty"`

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
}

// BridgeNetwork is a Linux bridge on the nodes.
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
}

// AttachmentReference names a NetworkAttachmentDefinition.
type AttachmentReference struct {
	// name of the NetworkAttachmentDefinition.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// namespace of the NetworkAttachmentDefinition. Omitted, the WukongNetwork's own. Multus must allow the crossing.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

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
	// conditions: Ready, UmbrellaLinked.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// phase is a one-word summary for people.
	// +optional
	Phase NetworkPhase `json:"phase,omitempty"`

	// attachment is the NetworkAttachmentDefinition that machines name, as namespace/name; empty for the pod network.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Attachment string `json:"attachment,omitempty"`
}

// WukongNetwork is a network that virtual machines attach to.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wknet,categories=wukong-all
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Bridge",type=string,JSONPath=`.spec.bridge.name`
// +kubebuilder:printcolumn:name="VLAN",type=integer,JSONPath=`.spec.bridge.vlan`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
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
