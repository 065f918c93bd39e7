package cloudinit

import (
	"net/netip"
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A guest with several default routes of one family must prefer one: that of the first interface in spec.networks.
// Without metrics it would be the interface that comes up first, or the static one before that of DHCP: a static route
// has metric 0, while a DHCP client sets its own, 100 (netplan, NetworkManager) or 1024 (systemd-networkd). So
//
//   - a static route before any DHCP interface gets 1, 2, ...: less than every DHCP client sets;
//   - a DHCP interface asks for 100, 200, ...: its renderer may ignore that;
//   - a static route after a DHCP interface gets 2100, 2200, ...: more than every DHCP client sets, even one that
//     ignores it.
//
// A single interface gets no metric. For IPv6 only static gateways are counted, and the first gets none. cloud-init's
// NetworkManager renderer (25.1.4) fails on a metric of an IPv6 default route when the interface has an IPv4 address,
// and a guest whose renderer fails has no network at all. So a later interface with addresses of both families gets no
// IPv6 default route; it would only be used while the first is down.
const (
	dhcpMetricStep    = 100
	afterDHCPMetric   = 2000
	afterDHCPMetricBy = 100
)

// interfaceMetrics are the metrics of an interface's default routes; nil leaves them to the guest.
type interfaceMetrics struct {
	dhcp, ipv4, ipv6 *int32
	// withoutIPv6 omits the IPv6 default route.
	withoutIPv6 bool
}

// defaultRouteMetrics ranks the default routes of the interfaces.
func defaultRouteMetrics(interfaces []Interface) []interfaceMetrics {
	metrics := make([]interfaceMetrics, len(interfaces))
	rank4, rank6 := int32(0), int32(0)
	afterDHCP := false
	for i := range interfaces {
		switch spec := &interfaces[i]; spec.Mode {
		case v1alpha1.AddressDHCP:
			rank4++
			afterDHCP = true
			metrics[i].dhcp = pointer(dhcpMetricStep * rank4)
		case v1alpha1.AddressStatic:
			if first(spec.Gateways, netip.Addr.Is4) != nil {
				rank4++
				metrics[i].ipv4 = pointer(staticMetric(rank4, afterDHCP))
			}
			if first(spec.Gateways, netip.Addr.Is6) != nil {
				rank6++
				metrics[i].withoutIPv6 = rank6 > 1 && slices.ContainsFunc(spec.Addresses, isIPv4)
				if rank6 > 1 {
					metrics[i].ipv6 = pointer(staticMetric(rank6, true))
				}
			}
		}
	}
	if rank4 == 1 {
		for i := range metrics {
			metrics[i].dhcp, metrics[i].ipv4 = nil, nil
		}
	}
	return metrics
}

func staticMetric(rank int32, afterDHCP bool) int32 {
	if afterDHCP {
		return afterDHCPMetric + afterDHCPMetricBy*rank
	}
	return rank
}

// defaultRoutes returns the default routes of an interface, one of each family: a second on the same interface would
// never be used, and cloud-init's sysconfig renderer fails on it.
func defaultRoutes(gateways []netip.Addr, metrics interfaceMetrics) []route {
	var routes []route
	if gateway := first(gateways, netip.Addr.Is4); gateway != nil {
		routes = append(routes, route{To: "0.0.0.0/0", Via: text(gateway.String()), Metric: metrics.ipv4})
	}
	if gateway := first(gateways, netip.Addr.Is6); gateway != nil && !metrics.withoutIPv6 {
		routes = append(routes, route{To: "::/0", Via: text(gateway.String()), Metric: metrics.ipv6})
	}
	return routes
}

func first(addresses []netip.Addr, ofFamily func(netip.Addr) bool) *netip.Addr {
	for i := range addresses {
		if ofFamily(addresses[i]) {
			return &addresses[i]
		}
	}
	return nil
}

func isIPv4(prefix netip.Prefix) bool { return prefix.Addr().Is4() }

func pointer(value int32) *int32 { return &value }
