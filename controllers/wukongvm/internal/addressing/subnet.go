package addressing

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// subnet is a parsed subnet of a WukongNetwork.
type subnet struct {
	prefix netip.Prefix
	// gateway is not valid without one.
	gateway netip.Addr
}

var (
	errOutside  = errors.New("lies in none of the subnets")
	errNoPrefix = errors.New("has no prefix length")
)

func parseSubnets(network *v1alpha1.WukongNetwork, problems *collector) []subnet {
	var parsed []subnet
	for _, spec := range network.Spec.Subnets {
		prefix, err := netip.ParsePrefix(spec.CIDR)
		if err != nil {
			problems.addf("subnet %s of WukongNetwork %s is not a network with prefix length, such as 192.168.7.0/24; "+
				"correct it", spec.CIDR, network.Name)
			continue
		}
		one := subnet{prefix: prefix.Masked()}
		if spec.Gateway != "" {
			if one.gateway, err = netip.ParseAddr(spec.Gateway); err != nil || !one.prefix.Contains(one.gateway) {
				problems.addf("gateway %s of WukongNetwork %s is not an address in subnet %s; correct it",
					spec.Gateway, network.Name, spec.CIDR)
				continue
			}
		}
		parsed = append(parsed, one)
	}
	return parsed
}

// place gives an address its prefix length, and finds the subnet that it lies in, nil when the network lists none.
// Errors continue the words "address X of network Y".
func place(text string, subnets []subnet) (netip.Prefix, *subnet, error) {
	prefix, explicit, err := parseAddress(text)
	if err != nil {
		return netip.Prefix{}, nil, err
	}
	home := narrowest(subnets, prefix.Addr())
	switch {
	case home == nil && len(subnets) > 0:
		return netip.Prefix{}, nil, errOutside
	case home == nil && !explicit:
		return netip.Prefix{}, nil, errNoPrefix
	case !explicit:
		prefix = netip.PrefixFrom(prefix.Addr(), home.prefix.Bits())
	}
	switch {
	case home != nil && prefix.Bits() != home.prefix.Bits():
		return netip.Prefix{}, nil,
			fmt.Errorf("has another prefix length than its subnet %s; leave the length out", home.prefix)
	case home != nil && prefix.Addr() == home.gateway:
		return netip.Prefix{}, nil, fmt.Errorf("is the gateway of subnet %s; use another", home.prefix)
	}
	return prefix, home, checkHost(prefix)
}

// parseAddress reads an address with or without a prefix length.
func parseAddress(text string) (prefix netip.Prefix, explicit bool, err error) {
	var address netip.Addr
	if explicit = strings.Contains(text, "/"); explicit {
		prefix, err = netip.ParsePrefix(text)
		address = prefix.Addr()
	} else {
		address, err = netip.ParseAddr(text)
		prefix = netip.PrefixFrom(address, address.BitLen())
	}
	switch {
	case err != nil, address.Zone() != "", address.Is4In6():
		return netip.Prefix{}, false, errors.New("is not an IP address; write 192.168.7.5 or 192.168.7.5/24")
	case address.IsUnspecified(), address.IsLoopback(), address.IsMulticast():
		return netip.Prefix{}, false, errors.New("is not an address of a host; use another")
	}
	return prefix, explicit, nil
}

// checkHost refuses the addresses that stand for the subnet as a whole: its first (RFC 4291 2.6.1 for IPv6), and the
// broadcast address of IPv4. Subnets of one or two addresses have neither (RFC 3021, RFC 6164).
func checkHost(prefix netip.Prefix) error {
	address := prefix.Addr()
	if prefix.Bits() >= address.BitLen()-1 {
		return nil
	}
	if address == prefix.Masked().Addr() {
		return fmt.Errorf("is the address of the network %s itself; use one of a host", prefix.Masked())
	}
	if address.Is4() && address == broadcast(prefix) {
		return fmt.Errorf("is the broadcast address of %s; use one of a host", prefix.Masked())
	}
	return nil
}

// broadcast is the last address of an IPv4 prefix.
func broadcast(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Masked().Addr().As4()
	for bit := prefix.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(bytes)
}

// narrowest is the smallest subnet that holds an address.
func narrowest(subnets []subnet, address netip.Addr) *subnet {
	var found *subnet
	for i := range subnets {
		if subnets[i].prefix.Contains(address) && (found == nil || subnets[i].prefix.Bits() > found.prefix.Bits()) {
			found = &subnets[i]
		}
	}
	return found
}

// explain adds to an error what the network has to offer.
func explain(err error, network *v1alpha1.WukongNetwork, subnets []subnet) error {
	switch {
	case errors.Is(err, errOutside):
		texts := make([]string, len(subnets))
		for i := range subnets {
			texts[i] = subnets[i].prefix.String()
		}
		return fmt.Errorf("%w of WukongNetwork %s: %s; use an address inside, or add the subnet", err, network.Name,
			strings.Join(texts, ", "))
	case errors.Is(err, errNoPrefix):
		return fmt.Errorf("%w, and WukongNetwork %s lists no subnets; write it with its length, such as /24, or add "+
			"the subnet", err, network.Name)
	default:
		return err
	}
}
