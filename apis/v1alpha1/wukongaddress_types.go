package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WukongAddressSpec describes an assigned address and the interface that has it.
//
// +kubebuilder:validation:ExactlyOneOf=address;macAddress
type WukongAddressSpec struct {
	// segment is the layer-2 domain in which the address is unique: the network's spec.segment, or a name derived from
	// the node network on which the network is based.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=400
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="segment, address and macAddress cannot change: Wukong creates another WukongAddress for another address"
	Segment string `json:"segment,omitempty"`

	// address is the IP address.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="segment, address and macAddress cannot change: Wukong creates another WukongAddress for another address"
	Address IPAddress `json:"address,omitempty"`

	// macAddress is the hardware address, in lower case.
	// +optional
	// +kubebuilder:validation:MinLength=17
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="segment, address and macAddress cannot change: Wukong creates another WukongAddress for another address"
	MACAddress string `json:"macAddress,omitempty"`

	// holder is the interface that has the address.
	// +required
	Holder AddressHolder `json:"holder,omitzero"`

	// network is the WukongNetwork through which the address was assigned.
	// +required
	Network AddressNetwork `json:"network,omitzero"`

	// reserved keeps the address, after the WukongVM is deleted, for the interface of the same name of a WukongVM of
	// the same name.
	// +optional
	Reserved *bool `json:"reserved,omitempty"`
}

// AddressHolder is an interface of a WukongVM.
type AddressHolder struct {
	// namespace of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address cannot be assigned to another interface: delete the WukongAddress after its WukongVM is deleted"
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// name of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address cannot be assigned to another interface: delete the WukongAddress after its WukongVM is deleted"
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// uid of the WukongVM. A WukongVM that is created again with the same name takes over the address.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	UID string `json:"uid,omitempty"`

	// interfaceName is the name of the interface in the WukongVM's spec.networks.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address cannot be assigned to another interface: delete the WukongAddress after its WukongVM is deleted"
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	InterfaceName string `json:"interfaceName,omitempty"`
}

// AddressNetwork names a WukongNetwork.
type AddressNetwork struct {
	// namespace of the WukongNetwork.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// name of the WukongNetwork.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`
}

// WukongAddress is an address that is assigned to a WukongVM. It is a lock: no other WukongVM can get the address while
// it exists. Its name is derived from the segment and the address, so that only one can exist for an address, whichever
// namespace, manager or network requests it. Wukong creates it; users do not. An administrator may delete one that is
// kept for a WukongVM that will not be created again.
//
// It is cluster-scoped, because an address must be unique on its segment across all namespaces.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=wkaddr
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.address`
// +kubebuilder:printcolumn:name="MAC",type=string,JSONPath=`.spec.macAddress`
// +kubebuilder:printcolumn:name="Namespace",type=string,JSONPath=`.spec.holder.namespace`
// +kubebuilder:printcolumn:name="Machine",type=string,JSONPath=`.spec.holder.name`
// +kubebuilder:printcolumn:name="Interface",type=string,JSONPath=`.spec.holder.interfaceName`
// +kubebuilder:printcolumn:name="Reserved",type=boolean,JSONPath=`.spec.reserved`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Segment",type=string,priority=1,JSONPath=`.spec.segment`
type WukongAddress struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the address and the interface that has it.
	// +required
	Spec WukongAddressSpec `json:"spec,omitzero"`
}

// WukongAddressList is a list of WukongAddresses.
//
// +kubebuilder:object:root=true
type WukongAddressList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []WukongAddress `json:"items"`
}

func init() { register(&WukongAddress{}, &WukongAddressList{}) }
