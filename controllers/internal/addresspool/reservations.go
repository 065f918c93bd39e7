package addresspool

import (
	"fmt"
	"net/netip"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Reservation is an address that only one WukongVM may have.
type Reservation struct {
	Address netip.Addr
	// Machine is a WukongVM of the network's namespace. Interface is its interface, or empty for any.
	Machine, Interface string
}

// For reports whether the reservation is for an interface of a WukongVM in the network's namespace.
func (r Reservation) For(vmName, interfaceName string) bool {
	return r.Machine == vmName && (r.Interface == "" || r.Interface == interfaceName)
}

// Reservations returns the valid reservations of a network. Parse reports the others.
func Reservations(spec *v1alpha1.WukongNetworkSpec) []Reservation {
	var result []Reservation
	for _, item := range spec.Reservations {
		if address, err := parseAddress(string(item.Address)); err == nil {
			result = append(result, Reservation{address, item.MachineName, item.InterfaceName})
		}
	}
	return result
}

func checkReservations(spec *v1alpha1.WukongNetworkSpec) error {
	seen := map[netip.Addr]bool{}
	for _, item := range spec.Reservations {
		address, err := parseAddress(string(item.Address))
		if err != nil {
			return fmt.Errorf("reservations: %s is not an IP address", item.Address)
		}
		if seen[address] {
			return fmt.Errorf("reservations: %s is listed twice", address)
		}
		seen[address] = true
		home := subnetWithPool(spec, address)
		switch {
		case home == nil:
			return fmt.Errorf(
				"reservations: %s lies in no subnet with a pool: correct it, or add a pool to its subnet", address,
			)
		case home.Gateway == address.String():
			return fmt.Errorf("reservations: %s is the gateway of subnet %s: use another", address, home.CIDR)
		}
	}
	return nil
}

func subnetWithPool(spec *v1alpha1.WukongNetworkSpec, address netip.Addr) *v1alpha1.Subnet {
	for i := range spec.Subnets {
		prefix, err := netip.ParsePrefix(spec.Subnets[i].CIDR)
		if err == nil && spec.Subnets[i].Pool != nil && prefix.Contains(address) {
			return &spec.Subnets[i]
		}
	}
	return nil
}
