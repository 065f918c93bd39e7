package addressing

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
)

// Resolve gives cloud-init's view of an interface of a machine. The network is the WukongNetwork that the interface
// attaches to, or nil for the cluster's pod network, pooled the addresses that it gave to an interface of mode Pool;
// the guest gets them as static ones. The error is an InvalidError.
func Resolve(
	spec *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork, macAddress string, pooled []netip.Addr,
) (cloudinit.Interface, error) {
	resolved := cloudinit.Interface{Name: spec.Name, MACAddress: macAddress, Mode: Mode(spec, network)}
	problems := &collector{name: spec.Name}
	if network == nil || network.Spec.Type == v1alpha1.NetworkTypePod {
		if resolved.Mode != v1alpha1.AddressDHCP || spec.KeepAddresses != nil {
			problems.addf("interface %s is on the pod network, which gives the guest its address by DHCP; "+
				"leave out addresses, addressMode and keepAddresses", spec.Name)
		}
		return resolved, problems.err()
	}
	resolved.MTU = network.Spec.MTU
	switch resolved.Mode {
	case v1alpha1.AddressStatic:
		resolved.DNS = network.Spec.DNS
		resolveStatic(&resolved, spec, network, problems)
	case v1alpha1.AddressPooled:
		resolved.Mode, resolved.DNS = v1alpha1.AddressStatic, network.Spec.DNS
		given := *spec
		given.Addresses = nil
		for _, address := range pooled {
			given.Addresses = append(given.Addresses, v1alpha1.InterfaceAddress(address.String()))
		}
		resolveStatic(&resolved, &given, network, problems)
	case v1alpha1.AddressDHCP:
		resolved.Routes = usableRoutes(network, nil, problems)
	}
	return resolved, problems.err()
}

// Mode is how an interface gets its addresses: as spec says, else Static when it lists some, else Pool when the network
// has one, else DHCP.
func Mode(spec *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) v1alpha1.AddressMode {
	switch {
	case spec.AddressMode != "":
		return spec.AddressMode
	case len(spec.Addresses) > 0:
		return v1alpha1.AddressStatic
	case network != nil &&
		slices.ContainsFunc(network.Spec.Subnets, func(subnet v1alpha1.Subnet) bool { return subnet.Pool != nil }):
		return v1alpha1.AddressPooled
	default:
		return v1alpha1.AddressDHCP
	}
}

// Distinct says when two interfaces of a machine have the same address. The error is an InvalidError.
func Distinct(interfaces []cloudinit.Interface) error {
	ownerOf := map[netip.Addr]string{}
	for i := range interfaces {
		problems := &collector{name: interfaces[i].Name}
		for _, address := range interfaces[i].Addresses {
			if other, taken := ownerOf[address.Addr()]; taken {
				problems.addf("address %s of network %s is also that of network %s; give each interface its own",
					address.Addr(), interfaces[i].Name, other)
			}
			ownerOf[address.Addr()] = interfaces[i].Name
		}
		if err := problems.err(); err != nil {
			return err
		}
	}
	return nil
}

func resolveStatic(
	resolved *cloudinit.Interface, spec *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork, problems *collector,
) {
	subnets := parseSubnets(network, problems)
	for _, text := range spec.Addresses {
		prefix, home, err := place(string(text), subnets)
		if err == nil &&
			slices.ContainsFunc(resolved.Addresses, func(p netip.Prefix) bool { return p.Addr() == prefix.Addr() }) {
			err = fmt.Errorf("is listed twice; list it once")
		}
		if err != nil {
			problems.addf("address %s of network %s %w", text, spec.Name, explain(err, network, subnets))
			continue
		}
		resolved.Addresses = append(resolved.Addresses, prefix)
		if home != nil && home.gateway.IsValid() && !slices.Contains(resolved.Gateways, home.gateway) {
			resolved.Gateways = append(resolved.Gateways, home.gateway)
		}
	}
	if len(spec.Addresses) == 0 {
		problems.addf(
			"network %s has addressMode Static and no addresses; list them, or leave out addressMode", spec.Name,
		)
	}
	if len(problems.found) == 0 {
		resolved.Routes = usableRoutes(network, resolved.Addresses, problems)
	}
}

// collector gathers the problems of an interface.
type collector struct {
	name  string
	found []string
}

func (c *collector) addf(format string, arguments ...any) {
	c.found = append(c.found, fmt.Errorf(format, arguments...).Error())
}

func (c *collector) err() error {
	if len(c.found) == 0 {
		return nil
	}
	return &InvalidError{Interface: c.name, Problems: c.found}
}
