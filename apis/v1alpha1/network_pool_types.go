package v1alpha1

// AddressPool is the part of a subnet from which WukongVMs get addresses. It never assigns the subnet's gateway, the
// network and broadcast addresses of an IPv4 subnet, the first address of an IPv6 subnet (subnet-router anycast), or,
// to any other WukongVM, an address that is reserved for one.
type AddressPool struct {
	// ranges of addresses to assign. Omitted, the whole subnet; for IPv6, its first 65536 addresses.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ranges []AddressRange `json:"ranges,omitempty"`

	// exclude are addresses, or networks such as 192.168.10.0/28, that are never assigned: those of routers, of DHCP
	// servers, and of hosts that are not managed by Wukong, because Wukong cannot detect these.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Exclude []AddressOrCIDR `json:"exclude,omitempty"`
}

// AddressRange is a range of addresses, both ends included.
//
// +kubebuilder:validation:XValidation:rule="!isIP(self.start) || !isIP(self.end) || ip(self.start).family() == ip(self.end).family()",message="start and end must be of one address family"
type AddressRange struct {
	// start is the first address.
	// +required
	Start IPAddress `json:"start,omitempty"`

	// end is the last address.
	// +required
	End IPAddress `json:"end,omitempty"`
}

// AddressOrCIDR is an IP address, or a network with prefix length.
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=43
// +kubebuilder:validation:XValidation:rule="isIP(self) || isCIDR(self)",message="must be an IP address such as 192.168.10.5, or a network such as 192.168.10.0/28"
type AddressOrCIDR string

// AddressReservation reserves an address of the network for one WukongVM: no other WukongVM gets the address, and the
// WukongVM gets no other address.
type AddressReservation struct {
	// address that is reserved. It must be in a subnet of the network that has a pool. It may be outside of the pool's
	// ranges.
	// +required
	Address IPAddress `json:"address,omitempty"`

	// machineName is the WukongVM, in the network's namespace, that gets the address. It need not exist yet.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	MachineName string `json:"machineName,omitempty"`

	// interfaceName is the interface of the WukongVM that gets the address. Omitted, the first interface that requests
	// one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	InterfaceName string `json:"interfaceName,omitempty"`
}

// PoolStatus counts the addresses of a pool. The count is updated within half a minute.
type PoolStatus struct {
	// cidr of the subnet.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	CIDR string `json:"cidr,omitempty"`

	// total is the number of addresses in the pool.
	// +optional
	Total int64 `json:"total"`

	// used is the number of addresses that are assigned to WukongVMs, or kept for a deleted one.
	// +optional
	Used int64 `json:"used"`

	// reserved is the number of addresses that are reserved and not in use.
	// +optional
	Reserved int64 `json:"reserved"`

	// free is the number of addresses that are available to other WukongVMs.
	// +optional
	Free int64 `json:"free"`
}
