package guestagent

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// networkConfig is version 2 of cloud-init's network configuration.
type networkConfig struct {
	Version   int                 `json:"version"`
	Renderer  string              `json:"renderer"`
	Ethernets map[string]ethernet `json:"ethernets"`
}

type ethernet struct {
	Match          match         `json:"match"`
	DHCP4          bool          `json:"dhcp4"`
	DHCP4Overrides dhcpOverrides `json:"dhcp4-overrides"`
	DHCP6          bool          `json:"dhcp6"`
	DHCP6Overrides dhcpOverrides `json:"dhcp6-overrides"`
	AcceptRA       bool          `json:"accept-ra"`
	Optional       bool          `json:"optional"`
	MTU            int           `json:"mtu"`
	Addresses      []string      `json:"addresses"`
	Gateway4       string        `json:"gateway4"`
	Gateway6       string        `json:"gateway6"`
	Routes         []route       `json:"routes"`
	Nameservers    nameservers   `json:"nameservers"`
}

type match struct {
	MACAddress string `json:"macaddress"`
	Name       string `json:"name"`
}

type dhcpOverrides struct {
	RouteMetric int `json:"route-metric"`
}

type route struct {
	To     string `json:"to"`
	Via    string `json:"via"`
	Metric int    `json:"metric"`
	OnLink bool   `json:"on-link"`
}

type nameservers struct {
	Addresses []string `json:"addresses"`
	Search    []string `json:"search"`
}

// plan is how an interface is configured.
type plan struct {
	dhcp4, dhcp6, acceptRA bool
	// metric of the default route that DHCP brings; 0 for the kernel's own.
	metric    int
	mtu       int
	addresses []netip.Prefix
	routes    []plannedRoute
	// resolver is the interface's part of resolv.conf.
	resolver string
}

type plannedRoute struct {
	to     netip.Prefix
	via    netip.Addr
	metric int
	onLink bool
}

// network finds the plan of each interface.
type network struct {
	devices []matched
}

type matched struct {
	match match
	plan  plan
}

// parseNetwork reads a network configuration of version 2, which may be below a key 'network'. A key that the tiny
// guest does not know is an error: a test that needs it is to use the Debian guest.
func parseNetwork(content []byte) (network, error) {
	if strings.TrimSpace(string(content)) == "" {
		return network{}, nil
	}
	var outer struct {
		Network *networkConfig `json:"network"`
	}
	var config networkConfig
	if err := yaml.Unmarshal(content, &outer); err != nil {
		return network{}, fmt.Errorf("network-config: %w", err)
	}
	if outer.Network != nil {
		if err := yaml.UnmarshalStrict(content, &outer); err != nil {
			return network{}, fmt.Errorf("network-config: %w", err)
		}
		config = *outer.Network
	} else if err := yaml.UnmarshalStrict(content, &config); err != nil {
		return network{}, fmt.Errorf("network-config: %w", err)
	}
	if config.Version != 2 {
		return network{}, fmt.Errorf("network-config has version %d: the tiny guest knows version 2", config.Version)
	}
	var result network
	for name, device := range config.Ethernets {
		made, err := device.plan()
		if err != nil {
			return network{}, fmt.Errorf("network-config: ethernets.%s: %w", name, err)
		}
		condition := device.Match
		if condition == (match{}) {
			condition.Name = name
		}
		condition.MACAddress = strings.ToLower(condition.MACAddress)
		result.devices = append(result.devices, matched{match: condition, plan: made})
	}
	return result, nil
}

// planFor is the plan of the interface with a name and a MAC address; DHCP with IPv4 for one that the configuration
// does not name.
func (n network) planFor(name, macAddress string) plan {
	for _, device := range n.devices {
		if device.match.MACAddress != "" && device.match.MACAddress != strings.ToLower(macAddress) {
			continue
		}
		if matches, err := path.Match(device.match.Name, name); device.match.Name != "" && (err != nil || !matches) {
			continue
		}
		return device.plan
	}
	return plan{dhcp4: true}
}

func (e *ethernet) plan() (plan, error) {
	made := plan{
		dhcp4: e.DHCP4, dhcp6: e.DHCP6, acceptRA: e.AcceptRA || e.DHCP6,
		metric: e.DHCP4Overrides.RouteMetric, mtu: e.MTU,
		resolver: resolver(e.Nameservers),
	}
	for _, text := range e.Addresses {
		address, err := netip.ParsePrefix(text)
		if err != nil {
			return plan{}, fmt.Errorf("address %q is none with a prefix length: %w", text, err)
		}
		made.addresses = append(made.addresses, address)
	}
	routes := slices.Clone(e.Routes)
	for _, gateway := range []route{{To: "0.0.0.0/0", Via: e.Gateway4}, {To: "::/0", Via: e.Gateway6}} {
		if gateway.Via != "" {
			routes = append(routes, gateway)
		}
	}
	for _, one := range routes {
		planned, err := one.plan()
		if err != nil {
			return plan{}, fmt.Errorf("route to %q via %q: %w", one.To, one.Via, err)
		}
		made.routes = append(made.routes, planned)
	}
	return made, nil
}

func (r route) plan() (plannedRoute, error) {
	via, err := netip.ParseAddr(r.Via)
	if err != nil {
		return plannedRoute{}, err
	}
	made := plannedRoute{via: via, metric: r.Metric, onLink: r.OnLink}
	if r.To == "default" {
		made.to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if via.Is6() {
			made.to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
		return made, nil
	}
	if made.to, err = netip.ParsePrefix(r.To); err != nil {
		return plannedRoute{}, err
	}
	if made.to.Addr().Is4() != via.Is4() {
		return plannedRoute{}, errors.New("one is IPv4 and the other IPv6")
	}
	return made, nil
}

func resolver(servers nameservers) string {
	var text strings.Builder
	if len(servers.Search) > 0 {
		text.WriteString("search " + strings.Join(servers.Search, " ") + "\n")
	}
	for _, address := range servers.Addresses {
		text.WriteString("nameserver " + address + "\n")
	}
	return text.String()
}
