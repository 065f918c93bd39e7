package wukongnetwork

import (
	"fmt"
	"net/netip"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
)

// checkAddressing returns an error if subnets and routes contradict each other. Admission has checked each entry
// alone. The rules between entries are:
//   - subnets do not overlap: the address of an interface must lie in one subnet, which gives its prefix length and
//     gateway;
//   - a route's destination and next hop are of one family;
//   - a next hop lies in a subnet of the network if the network lists any of that family: otherwise it is unreachable;
//   - destinations are unique, also when they differ only in host bits;
//   - pools have addresses, ranges do not overlap, and reservations lie in a subnet with a pool;
//   - a default route beside a gateway of the same family has a metric: otherwise the guest would have two equal ones.
func checkAddressing(spec *v1alpha1.WukongNetworkSpec) error {
	prefixes, err := subnetPrefixes(spec.Subnets)
	if err != nil {
		return err
	}
	if _, err := addresspool.Parse(spec); err != nil {
		return err
	}
	seen := map[netip.Prefix]string{}
	for i := range spec.Routes {
		route := &spec.Routes[i]
		to, err := netip.ParsePrefix(route.To)
		if err != nil {
			return fmt.Errorf("routes: %s is not a network with prefix length", route.To)
		}
		if first, found := seen[to.Masked()]; found {
			return fmt.Errorf("routes: %s and %s are the same destination", first, route.To)
		}
		seen[to.Masked()] = route.To
		if err := checkNextHop(route, to, prefixes); err != nil {
			return err
		}
		if to.Bits() == 0 && route.Metric == nil {
			if gateway := gatewayOfFamily(spec.Subnets, to.Addr().Is4()); gateway != "" {
				return fmt.Errorf("routes: %s is a second default route beside the gateway %s; give it a metric, or "+
					"leave one out", route.To, gateway)
			}
		}
	}
	return nil
}

func subnetPrefixes(subnets []v1alpha1.Subnet) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for i := range subnets {
		prefix, err := netip.ParsePrefix(subnets[i].CIDR)
		if err != nil {
			return nil, fmt.Errorf("subnets: %s is not a network with prefix length", subnets[i].CIDR)
		}
		for _, other := range prefixes {
			if prefix.Overlaps(other) {
				return nil, fmt.Errorf("subnets: %s and %s overlap; an address must lie in one subnet only",
					other, prefix)
			}
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes, nil
}

func checkNextHop(route *v1alpha1.Route, to netip.Prefix, subnets []netip.Prefix) error {
	via, err := netip.ParseAddr(route.Via)
	if err != nil {
		return fmt.Errorf("routes: the next hop %s of %s is not an IP address", route.Via, route.To)
	}
	if via.Is4() != to.Addr().Is4() {
		return fmt.Errorf("routes: the next hop %s of %s is of another address family", route.Via, route.To)
	}
	// A link-local next hop is on every link.
	if via.IsLinkLocalUnicast() {
		return nil
	}
	listed := false
	for _, subnet := range subnets {
		if subnet.Contains(via) {
			return nil
		}
		listed = listed || subnet.Addr().Is4() == via.Is4()
	}
	if listed {
		return fmt.Errorf("routes: the next hop %s of %s lies in no subnet of the network, so that it cannot "+
			"be reached", route.Via, route.To)
	}
	return nil
}

// gatewayOfFamily returns a gateway of IPv4 or IPv6, or "".
func gatewayOfFamily(subnets []v1alpha1.Subnet, ipv4 bool) string {
	for i := range subnets {
		gateway, err := netip.ParseAddr(subnets[i].Gateway)
		if err == nil && gateway.Is4() == ipv4 {
			return subnets[i].Gateway
		}
	}
	return ""
}
