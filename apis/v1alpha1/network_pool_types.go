package v1alpha1

// AddressPool is the part of a subnet from which machines get addresses. Never given are the subnet's gateway, an IPv4 subnet's network
// and broadcast addresses, an IPv6 subnet's first address (subnet-router anycast), and those that reservations hold for a machine.
type AddressPool struct {
	// ranges of addresses that are given. Omitted: the whole subnet, of IPv6 its first 65536 addresses.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ranges []AddressRange `json:"ranges,omitempty"`

	// exclude are addresses, or networks such as 192.168.10.0/28, that are never given: those of routers, of DHCP servers, and of hosts
	// that are no machines of Wukong, which nothing here can see.
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

// AddressReservation keeps an address of the network for one machine: no other gets it, and the machine gets no other.
type AddressReservation struct {
	// address that is reserved. It must lie in a subnet of the network that has a pool; it need not lie in the pool's ranges.
	// +required
	Address IPAddress `json:"address,omitempty"`

	// machineName is the WukongVM, in the network's namespace, that gets the address. It need not exist yet.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	MachineName string `json:"machineName,omitempty"`

	// interfaceName is the interface of the machine that gets the address. Omitted, the one that asks first.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	InterfaceName string `json:"interfaceName,omitempty"`
}

// PoolStatus counts the addresses of a pool. The count follows within half a minute.
type PoolStatus struct {
	// cidr of the subnet.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43
	CIDR string `json:"cidr,omitempty"`

	// total is how many addresses the pool has to give.
	// +optional
	Total int64 `json:"total"`

	// used is how many of them are held by machines, or kept for one that is gone.
	// +optional
	Used int64 `json:"used"`

	// reserved is how many of them are set aside by reservations and not in use.
	// +optional
	Reserved int64 `json:"reserved"`

	// free is how many are left for other machines.
	// +optional
	Free int64 `json:"free"`
}
