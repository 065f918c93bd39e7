package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WukongAddressSpec says which address is taken, and by whom.
//
// +kubebuilder:validation:ExactlyOneOf=address;macAddress
type WukongAddressSpec struct {
	// segment is the layer-2 domain in which the address is unique: that of the network's spec.segment, or one derived from what the network stands on.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=400
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address that is taken cannot become another: leave the object alone"
	Segment string `json:"segment,omitempty"`

	// address is the IP address.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address that is taken cannot become another: leave the object alone"
	Address IPAddress `json:"address,omitempty"`

	// macAddress is the hardware address, in lower case.
	// +optional
	// +kubebuilder:validation:MinLength=17
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address that is taken cannot become another: leave the object alone"
	MACAddress string `json:"macAddress,omitempty"`

	// holder is the interface that has the address.
	// +required
	Holder AddressHolder `json:"holder,omitzero"`

	// network is the WukongNetwork through which it was taken.
	// +required
	Network AddressNetwork `json:"network,omitzero"`

	// reserved keeps the address for an interface of the same machine and name when the machine is gone.
	// +optional
	Reserved *bool `json:"reserved,omitempty"`
}

// AddressHolder is an interface of a machine.
type AddressHolder struct {
	// namespace of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address is not passed on: delete it when its machine is gone"
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Namespace string `json:"namespace,omitempty"`

	// name of the WukongVM.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address is not passed on: delete it when its machine is gone"
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// uid of the WukongVM. A machine that is made again under its name takes the address over.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	UID string `json:"uid,omitempty"`

	// interfaceName is the interface within the machine.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an address is not passed on: delete it when its machine is gone"
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

// WukongAddress is an address that a machine has: the lock that keeps every other from it. Its name is made of the segment and the
// address, so the API server lets exactly one exist, whatever namespace, manager or network asks. Nobody writes one by hand; an
// administrator may delete one that is kept for a machine which will not come back.
//
// It belongs to the cluster, as the only kind of Wukong: what is unique on a wire does not end at a namespace.
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

	// spec is which address, and whose.
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
