package nmstatestandin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"sigs.k8s.io/yaml"
)

// Report is the state of the network of the calling thread, in NMState's form.
func Report() ([]byte, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	names := map[int]string{}
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	found := &state{}
	for _, link := range links {
		one, err := describe(link, links, names)
		if err != nil {
			return nil, err
		}
		found.Interfaces = append(found.Interfaces, *one)
	}
	slices.SortFunc(found.Interfaces, func(one, two iface) int { return cmp.Compare(one.Name, two.Name) })
	list, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	for _, one := range list {
		destination := "0.0.0.0/0"
		if one.Dst != nil {
			destination = one.Dst.String()
		}
		found.Routes.Running = append(found.Routes.Running,
			route{Destination: destination, NextHopInterface: names[one.LinkIndex]})
	}
	return yaml.Marshal(found)
}

func describe(link netlink.Link, links []netlink.Link, names map[int]string) (*iface, error) {
	attributes := link.Attrs()
	one := &iface{
		Name: attributes.Name, Type: typeOf(link), State: stateUp, MTU: attributes.MTU,
		Controller: names[attributes.MasterIndex],
	}
	if one.Type == typeBridge {
		one.Bridge = &bridge{}
		for _, other := range links {
			if other.Attrs().MasterIndex == attributes.Index {
				one.Bridge.Port = append(one.Bridge.Port, port{Name: other.Attrs().Name})
			}
		}
		slices.SortFunc(one.Bridge.Port, func(one, two port) int { return cmp.Compare(one.Name, two.Name) })
	}
	addresses, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", attributes.Name, err)
	}
	for _, found := range addresses {
		bits, _ := found.Mask.Size()
		family := &one.IPv6
		if found.IP.To4() != nil {
			family = &one.IPv4
		}
		family.Enabled = true
		family.Address = append(family.Address, address{IP: found.IP.String(), PrefixLength: bits})
	}
	return one, nil
}

// typeOf is NMState's word for an interface. What the dev cluster gives a node for a NIC is a veth by nature.
func typeOf(link netlink.Link) string {
	switch {
	case strings.HasPrefix(link.Attrs().Name, "eth") && !strings.Contains(link.Attrs().Name, "."):
		return typeEthernet
	case link.Type() == "bridge":
		return typeBridge
	case strings.HasPrefix(link.Attrs().Name, "eth"):
		return typeVLAN
	case link.Type() == "veth":
		return typeVeth
	default:
		return link.Type()
	}
}
