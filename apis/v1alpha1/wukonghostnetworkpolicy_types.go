package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HostNetworkPolicyName is the name of the only WukongHostNetworkPolicy.
const HostNetworkPolicyName = "cluster"

// AllNamespaces in a list of namespaces means all namespaces.
const AllNamespaces NamespaceNameOrAll = "*"

// HostAccess determines who is responsible for the use of the nodes' networks.
// +kubebuilder:validation:Enum=Permitted;Unrestricted
type HostAccess string

const (
	// HostAccessPermitted limits a WukongNetwork to what the WukongHostNetworkPolicy permits its namespace.
	HostAccessPermitted HostAccess = "Permitted"
	// HostAccessUnrestricted allows a WukongNetwork to use all networks of the nodes: an administrator created it.
	HostAccessUnrestricted HostAccess = "Unrestricted"
)

// WukongHostNetworkPolicySpec lists the networks of the nodes that namespaces may use.
type WukongHostNetworkPolicySpec struct {
	// permitted lists the networks of the nodes that namespaces may use. A network that no entry lists for a namespace
	// is refused there. Omitted, no namespace may use any.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Permitted []PermittedHostNetwork `json:"permitted,omitempty"`
}

// PermittedHostNetwork lists networks of the nodes, and the namespaces that may use them.
//
// +kubebuilder:validation:XValidation:rule="has(self.everything) || has(self.bridges) || has(self.macvlan) || has(self.ovsBridges) || has(self.sriovResources) || has(self.attachments)",message="list what is permitted: bridges, macvlan, ovsBridges, sriovResources, attachments, or everything"
// +kubebuilder:validation:XValidation:rule="has(self.namespaces) || has(self.namespaceLabels)",message="say who may use it: namespaces, namespaceLabels, or namespaces: [\"*\"] for all"
type PermittedHostNetwork struct {
	// name of the entry, for users.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// namespaces that may use the networks, by name; "*" means all namespaces.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Namespaces []NamespaceNameOrAll `json:"namespaces,omitempty"`

	// namespaceLabels select further namespaces that may use the networks: those that have all of the labels. Everybody
	// who may label namespaces can thereby grant access.
	// +optional
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`

	// everything permits all networks of the nodes, on every VLAN. It is for namespaces whose users are trusted with
	// the nodes' networks. The fields of a network that affect nodes or other namespaces (bridge.managed, sriov.trust,
	// sriov.spoofCheck and segment) still need hostAccess: Unrestricted.
	// +optional
	Everything *bool `json:"everything,omitempty"`

	// bridges are the permitted Linux bridges of the nodes, for networks of type Bridge.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Bridges []InterfaceName `json:"bridges,omitempty"`

	// macvlan are the permitted interfaces of the nodes, for networks of type Macvlan.
	// +optional
	// +listType=map
	// +listMapKey=master
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Macvlan []PermittedMacvlan `json:"macvlan,omitempty"`

	// ovsBridges are the permitted Open vSwitch bridges of the nodes, for networks of type OVS.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	OVSBridges []InterfaceName `json:"ovsBridges,omitempty"`

	// sriovResources are the permitted pools of virtual functions, for networks of type SRIOV.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	SRIOVResources []ResourceName `json:"sriovResources,omitempty"`

	// attachments are the permitted NetworkAttachmentDefinitions of other namespaces, as namespace/name, for networks
	// of type NetworkAttachmentDefinition. A network may use those of its own namespace without an entry here.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Attachments []NamespacedName `json:"attachments,omitempty"`

	// vlans are the VLAN ids that networks of type Bridge, OVS and SRIOV may use. Omitted, none.
	// +optional
	// +listType=map
	// +listMapKey=first
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	VLANs []VLANRange `json:"vlans,omitempty"`

	// untagged determines whether networks of type Bridge, OVS and SRIOV may omit vlan. The guest then gets the frames
	// that the bridge or device sends to a port without a VLAN; on a trunk, these are the frames of every VLAN.
	// Omitted, they may do so only if vlans is omitted, too.
	// +optional
	Untagged *bool `json:"untagged,omitempty"`
}

// PermittedMacvlan is an interface of the nodes.
type PermittedMacvlan struct {
	// master is the interface, such as eth1 or eth1.100.
	// +required
	Master InterfaceName `json:"master,omitempty"`

	// modes in which networks may use the interface. Omitted, Bridge: mode Passthru gives the whole interface to one
	// guest of each node.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Modes []MacvlanMode `json:"modes,omitempty"`

	// resourceName is the name of the interface in the macvtap device plugin. It is the only value that networks may
	// set in macvlan.resourceName. Omitted, they must not set that field.
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

	// last VLAN id of the range. Omitted, the range contains only the first id.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4094
	Last *int32 `json:"last,omitempty"`
}

// NamespaceNameOrAll is the name of a namespace, or * for all namespaces.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`
type NamespaceNameOrAll string

// NamespacedName identifies an object as namespace/name.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=317
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
type NamespacedName string

// ResourceName is the name of an extended resource of nodes, such as openshift.io/fast.
// +kubebuilder:validation:MinLength=3
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`
type ResourceName string

// WukongHostNetworkPolicy determines which of the nodes' networks each namespace may use. There is only one, with the
// name cluster, which cluster administrators create. Without it, no namespace may use any of them. It applies to
// WukongNetworks that omit hostAccess or set it to Permitted, whoever creates them, and to the templates of
// WukongNetworks in WukongVMs.
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

	// spec lists what is permitted.
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
