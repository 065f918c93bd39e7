package cloudinit

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// networkData is version 2 of cloud-init's network configuration. Ethernets are keyed by the interface's name within
// the WukongVM, which is only a label, since each has a match.
type networkData struct {
	Version   int               `yaml:"version"`
	Ethernets map[text]ethernet `yaml:"ethernets"`
}

// ethernet is a network interface. accept-ra is left to the guest, which accepts router advertisements by default.
type ethernet struct {
	Match         match          `yaml:"match"`
	DHCP4         bool           `yaml:"dhcp4"`
	DHCP4Override *dhcpOverrides `yaml:"dhcp4-overrides,omitempty"`
	DHCP6         bool           `yaml:"dhcp6"`
	// Optional: the guest's boot does not wait for an interface that gets no address.
	Optional    bool         `yaml:"optional,omitempty"`
	MTU         *int32       `yaml:"mtu,omitempty"`
	Addresses   []text       `yaml:"addresses,omitempty"`
	Routes      []route      `yaml:"routes,omitempty"`
	Nameservers *nameservers `yaml:"nameservers,omitempty"`
}

type match struct {
	MACAddress text `yaml:"macaddress"`
}

type dhcpOverrides struct {
	RouteMetric int32 `yaml:"route-metric"`
}

type route struct {
	To     text   `yaml:"to"`
	Via    text   `yaml:"via"`
	Metric *int32 `yaml:"metric,omitempty"`
}

type nameservers struct {
	Addresses []text `yaml:"addresses,omitempty"`
	Search    []text `yaml:"search,omitempty"`
}

func renderNetworkData(inputs Inputs) ([]byte, error) {
	if cloudInit := inputs.VM.Spec.CloudInit; cloudInit != nil && cloudInit.NetworkDataSecretRef != nil {
		return inputs.document("spec.cloudInit.networkDataSecretRef", cloudInit.NetworkDataSecretRef)
	}
	data := networkData{Version: 2, Ethernets: make(map[text]ethernet, len(inputs.Interfaces))}
	nameOf := map[string]string{}
	metrics := defaultRouteMetrics(inputs.Interfaces)
	for i := range inputs.Interfaces {
		spec := &inputs.Interfaces[i]
		address := strings.ToLower(spec.MACAddress)
		if other, taken := nameOf[address]; taken {
			return nil, &SpecInvalidError{Field: fmt.Sprintf("spec.networks[%s].macAddress", spec.Name),
				Reason: fmt.Sprintf("interface %s has the same address %s; give each its own", other, address)}
		}
		nameOf[address] = spec.Name
		device, err := makeEthernet(spec, address, metrics[i])
		if err != nil {
			return nil, err
		}
		data.Ethernets[text(spec.Name)] = device
	}
	return encode(data)
}

func makeEthernet(spec *Interface, macAddress string, metrics interfaceMetrics) (ethernet, error) {
	device := ethernet{Match: match{MACAddress: text(macAddress)}, MTU: spec.MTU}
	switch spec.Mode {
	case v1alpha1.AddressDHCP:
		device.DHCP4 = true
		if metrics.dhcp != nil {
			device.DHCP4Override = &dhcpOverrides{RouteMetric: *metrics.dhcp}
		}
	case v1alpha1.AddressStatic:
		device.Addresses = addressTexts(spec.Addresses)
		device.Routes = defaultRoutes(spec.Gateways, metrics)
		device.Nameservers = makeNameservers(spec.DNS)
	case v1alpha1.AddressNone:
		device.Optional = true
		return device, nil
	default:
		return ethernet{}, &SpecInvalidError{Field: fmt.Sprintf("spec.networks[%s].addressMode", spec.Name),
			Reason: fmt.Sprintf("mode %q is not known; use DHCP, Static or None", spec.Mode)}
	}
	for _, extra := range spec.Routes {
		made, err := makeRoute(spec.Name, extra)
		if err != nil {
			return ethernet{}, err
		}
		if !slices.ContainsFunc(device.Routes, made.sameWay) {
			device.Routes = append(device.Routes, made)
		}
	}
	return device, nil
}

// addressTexts writes IPv4 before IPv6 and otherwise keeps the order: cloud-init's NetworkManager renderer fails on an
// IPv4 default route with a metric when the first address is IPv6.
func addressTexts(addresses []netip.Prefix) []text {
	sorted := slices.Clone(addresses)
	slices.SortStableFunc(sorted, func(a, b netip.Prefix) int { return cmp.Compare(a.Addr().BitLen(), b.Addr().BitLen()) })
	texts := make([]text, len(sorted))
	for i, address := range sorted {
		texts[i] = text(address.String())
	}
	return texts
}

// makeRoute omits the host bits of the destination, which the kernel would refuse.
func makeRoute(interfaceName string, spec v1alpha1.Route) (route, error) {
	to, err := netip.ParsePrefix(spec.To)
	if err != nil {
		return route{}, &SpecInvalidError{Field: fmt.Sprintf("route to %s of interface %s", spec.To, interfaceName),
			Reason: "the destination is not a network with prefix length, such as 10.20.0.0/16"}
	}
	via, err := netip.ParseAddr(spec.Via)
	if err != nil {
		return route{}, &SpecInvalidError{Field: fmt.Sprintf("route to %s of interface %s", spec.To, interfaceName),
			Reason: fmt.Sprintf("via %s is not an IP address", spec.Via)}
	}
	return route{To: text(to.Masked().String()), Via: text(via.String()), Metric: spec.Metric}, nil
}

// sameWay reports whether two routes have the same destination and next hop: renderers refuse to set one twice.
func (r route) sameWay(other route) bool { return r.To == other.To && r.Via == other.Via }

func makeNameservers(dns *v1alpha1.DNS) *nameservers {
	if dns == nil || len(dns.Nameservers) == 0 && len(dns.Searches) == 0 {
		return nil
	}
	made := &nameservers{}
	for _, address := range dns.Nameservers {
		made.Addresses = append(made.Addresses, text(address))
	}
	for _, domain := range dns.Searches {
		made.Search = append(made.Search, text(domain))
	}
	return made
}
