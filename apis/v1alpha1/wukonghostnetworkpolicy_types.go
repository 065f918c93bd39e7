package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HostNetworkPolicyName is the name of the only WukongHostNetworkPolicy.
const HostNetworkPolicyName = "cluster"

// AllNamespaces in a list of namespaces stands for each of them.
const AllNamespaces NamespaceNameOrAll = "*"

// HostAccess says who answers for the use of the nodes' networks.
// +kubebuilder:validation:Enum=Permitted;Unrestricted
type HostAccess string

const (
	// HostAccessPermitted limits a WukongNetwork to what the WukongHostNetworkPolicy permits its namespace.
	HostAccessPermitted HostAccess = "Permitted"
	// HostAccessUnrestricted allows a WukongNetwork everything: an administrator made it.
	HostAccessUnrestricted HostAccess = "Unrestricted"
)

// WukongHostNetworkPolicySpec lists what of the nodes' networks the namespaces may use.
type WukongHostNetworkPolicySpec struct {
	// permitted are the networks of the nodes that namespaces may use. What no entry lists for a namespace is refused there. Omitted, no namespace
	// may use any.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Permitted []PermittedHostNetwork `json:"permitted,omitempty"`
}

// PermittedHostNetwork is something of the nodes' networks, and the namespaces that may use it.
//
// +kubebuilder:validation:XValidation:rule="has(self.everything) || has(self.bridges) || has(self.macvlan) || has(self.ovsBridges) || has(self.sriovResources) || has(self.attachments)",message="list what is permitted: bridges, macvlan, ovsBridges, sriovResources, attachments, or everything"
// +kubebuilder:validation:XValidation:rule="has(self.namespaces) || has(self.namespaceLabels)",message="say who may use it: namespaces, namespaceLabels, or namespaces: [\"*\"] for all"
type PermittedHostNetwork struct {
	// name of the entry, for people.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// namespaces that may use it, by name; "*" stands for all.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Namespaces []NamespaceNameOrAll `json:"namespaces,omitempty"`

	// namespaceLabels select further namespaces that may use it: those that carry all of the labels. Whoever may label namespaces decides with them.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`

	// everything permits all that there is, on every VLAN: for namespaces whose users are trusted with the nodes' networks. What changes the nodes
	// (bridge.managed, sriov.trust, sriov.spoofCheck and segment of a network) takes hostAccess: Unrestricted even so.
	// +optional
	Everything *bool `json:"everything,omitempty"`

	// bridges are Linux bridges of the nodes, for networks of type Bridge.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Bridges []InterfaceName `json:"bridges,omitempty"`

	// macvlan are interfaces of the nodes, for networks of type Macvlan.
	// +optional
	// +listType=map
	// +listMapKey=master
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Macvlan []PermittedMacvlan `json:"macvlan,omitempty"`

	// ovsBridges are Open vSwitch bridges of the nodes, for networks of type OVS.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	OVSBridges []InterfaceName `json:"ovsBridges,omitempty"`

	// sriovResources are pools of virtual functions, for networks of type SRIOV.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	SRIOVResources []ResourceName `json:"sriovResources,omitempty"`

	// attachments are NetworkAttachmentDefinitions of other namespaces, as namespace/name, for networks of type NetworkAttachmentDefinition. Those of
	// its own namespace a network may use without being listed here.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Attachments []NamespacedName `json:"attachments,omitempty"`

	// vlans that networks of type Bridge, OVS and SRIOV may tag with. Omitted, none.
	// +optional
	// +listType=map
	// +listMapKey=first
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	VLANs []VLANRange `json:"vlans,omitempty"`

	// untagged says whether networks of type Bridge, OVS and SRIOV may leave out vlan. The guest then gets what the bridge or device gives to a port
	// without a VLAN; on a trunk that is every VLAN. Omitted, they may when vlans is left out, too.
	// +optional
	Untagged *bool `json:"untagged,omitempty"`
}

// PermittedMacvlan is an interface of the nodes.
type PermittedMacvlan struct {
	// master is the interface, such as eth1 or eth1.100.
	// +required
	Master InterfaceName `json:"master,omitempty"`

	// modes that networks may use it in. Omitted, Bridge: mode Passthru gives the whole interface to one guest of each node.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Modes []MacvlanMode `json:"modes,omitempty"`

	// resourceName is what the macvtap device plugin calls the interface, for networks that say so in macvlan.resourceName. Omitted, they must not.
	// +optional
	ResourceName ResourceName `json:"resourceName,omitempty"`
}

// VLANRange is a range of VLAN ids.
//
// +kubebuilder:validation:XValidation:rule="!has(self.last) || self.first <= self.last",message="last must not be below first: exchange the two"
type VLANRange struct {
	// first VLAN id of the range, 1 to 4094.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	First int32 `json:"first,omitempty"`

	// last VLAN id of the range. Omitted, the range is the one id.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	Last *int32 `json:"last,omitempty"`
}

// NamespaceNameOrAll is the name of a namespace, or * for all.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
type NamespaceNameOrAll string

// NamespacedName is namespace/name of an object.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=317
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
type NamespacedName string

// ResourceName is the name of an extended resource of nodes, such as openshift.io/fast.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
type ResourceName string

// WukongHostNetworkPolicy says which of the nodes' networks each namespace may use. There is one, of the name cluster, for the administrators of
// the cluster. Without it no namespace may use any. It holds for WukongNetworks that set hostAccess to nothing or Permitted, whoever makes them,
// and for the templates of WukongNetworks in WukongVMs.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=wkhostnet
// +kubebuilder:printcolumn:name="Permitted",type=string,JSONPath=`.spec.permitted[*].name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'cluster'",message="there is one WukongHostNetworkPolicy, and its name is cluster"
type WukongHostNetworkPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is permitted.
	// +optional
	Spec WukongHostNetworkPolicySpec `json:"spec,omitempty"`
}

// WukongHostNetworkPolicyList is a list of WukongHostNetworkPolicies.
//
// +kubebuilder:object:root=true
type WukongHostNetworkPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongHostNetworkPolicy `json:"items"`
}

func init() { register(&WukongHostNetworkPolicy{}, &WukongHostNetworkPolicyList{}) }
