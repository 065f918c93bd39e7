package addressing

import (
	"net/netip"
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// usableRoutes are the routes of a network that a machine with these addresses can use. A next hop in a subnet where
// the machine has no address is of use to other machines only, and its route is left out. Without addresses (DHCP)
// nobody knows, and all routes count.
func usableRoutes(network *v1alpha1.WukongNetwork, addresses []netip.Prefix, problems *collector) []v1alpha1.Route {
	var usable []v1alpha1.Route
	for _, route := range network.Spec.Routes {
		to, toErr := netip.ParsePrefix(route.To)
		via, viaErr := netip.ParseAddr(route.Via)
		switch {
		case toErr != nil || viaErr != nil || via.Zone() != "":
			problems.addf("route to %s via %s of WukongNetwork %s is not of the form 10.20.0.0/16 via 192.168.7.2; "+
				"correct it", route.To, route.Via, network.Name)
		case to.Addr().Is4() != via.Is4():
			problems.addf("route to %s via %s of WukongNetwork %s mixes IPv4 and IPv6; use a next hop of the "+
				"same family", route.To, route.Via, network.Name)
		case addresses == nil || via.IsLinkLocalUnicast() || contains(addresses, via):
			usable = append(usable, route)
		case !inSubnets(network, via):
			problems.addf("route to %s of WukongNetwork %s: next hop %s is on no subnet of the network and not "+
				"beside %s; correct it, or add the subnet",
				route.To, network.Name, via, addresses[0])
		}
	}
	return usable
}

func contains(prefixes []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

func inSubnets(network *v1alpha1.WukongNetwork, address netip.Addr) bool {
	return slices.ContainsFunc(network.Spec.Subnets, func(spec v1alpha1.Subnet) bool {
		prefix, err := netip.ParsePrefix(spec.CIDR)
		return err == nil && prefix.Contains(address)
	})
}
