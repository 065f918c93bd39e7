// Package addressing derives from a machine's interface and its WukongNetwork what the guest is told: addresses with prefix lengths,
// gateways, routes and resolvers. It is pure; what does not fit together is an error that names the address and the way out.
package addressing

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
)

// Resolve gives the interface of one network entry. object is nil for the pod network.
func Resolve(network *v1alpha1.VMNetwork, object *v1alpha1.WukongNetwork, macAddress string) (cloudinit.Interface, error) {
	resolved := cloudinit.Interface{Name: network.Name, MACAddress: macAddress, Mode: mode(network)}
	if object == nil || object.Spec.Type == v1alpha1.NetworkTypePod {
		if len(network.Addresses) > 0 {
			return resolved, fmt.Errorf("network %s: the pod network gives the guest its address by DHCP; remove addresses, or attach to another network", network.Name)
		}
		return resolved, nil
	}
	resolved.MTU = object.Spec.MTU
	if resolved.Mode != v1alpha1.AddressNone {
		resolved.Routes = object.Spec.Routes
	}
	if resolved.Mode != v1alpha1.AddressStatic {
		return resolved, nil
	}
	subnets, err := parseSubnets(object)
	if err != nil {
		return resolved, err
	}
	for _, text := range network.Addresses {
		prefix, subnet, err := place(string(text), network, object, subnets)
		if err != nil {
			return resolved, err
		}
		resolved.Addresses = append(resolved.Addresses, prefix)
		if subnet != nil && subnet.gateway.IsValid() && !slices.Contains(resolved.Gateways, subnet.gateway) {
			resolved.Gateways = append(resolved.Gateways, subnet.gateway)
		}
	}
	resolved.DNS = object.Spec.DNS
	return resolved, nil
}

func mode(network *v1alpha1.VMNetwork) v1alpha1.AddressMode {
	switch {
	case network.AddressMode != "":
		return network.AddressMode
	case len(network.Addresses) > 0:
		return v1alpha1.AddressStatic
	default:
		return v1alpha1.AddressDHCP
	}
}

type subnet struct {
	prefix  netip.Prefix
	gateway netip.Addr
}

func parseSubnets(object *v1alpha1.WukongNetwork) ([]subnet, error) {
	var result []subnet
	for _, item := range object.Spec.Subnets {
		prefix, err := netip.ParsePrefix(item.CIDR)
		if err != nil {
			return nil, fmt.Errorf("WukongNetwork %s: subnet %s: %w", object.Name, item.CIDR, err)
		}
		one := subnet{prefix: prefix.Masked()}
		if item.Gateway != "" {
			if one.gateway, err = netip.ParseAddr(item.Gateway); err != nil {
				return nil, fmt.Errorf("WukongNetwork %s: gateway %s: %w", object.Name, item.Gateway, err)
			}
		}
		result = append(result, one)
	}
	return result, nil
}

// place finds the subnet of an address and its prefix length.
func place(text string, network *v1alpha1.VMNetwork, object *v1alpha1.WukongNetwork, subnets []subnet) (netip.Prefix, *subnet, error) {
	problem := func(format string, arguments ...any) (netip.Prefix, *subnet, error) {
		return netip.Prefix{}, nil, fmt.Errorf("address %s of network %s %s", text, network.Name, fmt.Sprintf(format, arguments...))
	}
	address, bits, err := parse(text)
	if err != nil {
		return problem("is no IP address: %s", err)
	}
	home := containing(subnets, address)
	switch {
	case home == nil && len(subnets) > 0:
		return problem("lies in none of the subnets of WukongNetwork %s: %s; use an address inside, or add the subnet", object.Name, list(subnets))
	case home == nil && bits < 0:
		return problem("has no prefix length, and WukongNetwork %s lists no subnets; write it as %s/24 or the like, or add the subnet", object.Name, text)
	case home != nil && bits >= 0 && bits != home.prefix.Bits():
		return problem("has another prefix length than subnet %s of WukongNetwork %s; leave it out", home.prefix, object.Name)
	case home != nil && address == home.gateway:
		return problem("is the gateway of subnet %s of WukongNetwork %s; use another", home.prefix, object.Name)
	}
	if bits < 0 {
		bits = home.prefix.Bits()
	}
	prefix := netip.PrefixFrom(address, bits)
	if reserved := reservedName(prefix); reserved != "" {
		return problem("is the %s address of %s; use another", reserved, prefix.Masked())
	}
	return prefix, home, nil
}

// parse reads an address with or without a prefix length; without one bits is -1.
func parse(text string) (address netip.Addr, bits int, err error) {
	if !strings.Contains(text, "/") {
		address, err = netip.ParseAddr(text)
		return address, -1, err
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Addr(), prefix.Bits(), err
}

func containing(subnets []subnet, address netip.Addr) *subnet {
	for i := range subnets {
		if subnets[i].prefix.Contains(address) {
			return &subnets[i]
		}
	}
	return nil
}

// reservedName names an address that no host can have: the first and the last of an IPv4 subnet (RFC 1122), but for point-to-point
// links (RFC 3021), and the subnet-router anycast address of IPv6 (RFC 4291).
func reservedName(prefix netip.Prefix) string {
	address := prefix.Addr()
	switch {
	case address.BitLen()-prefix.Bits() < 2:
		return ""
	case address == prefix.Masked().Addr():
		return "network"
	case address.Is4() && address == last(prefix):
		return "broadcast"
	default:
		return ""
	}
}

func last(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Masked().Addr().As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(bytes)
}

func list(subnets []subnet) string {
	var texts []string
	for _, one := range subnets {
		texts = append(texts, one.prefix.String())
	}
	return strings.Join(texts, ", ")
}
