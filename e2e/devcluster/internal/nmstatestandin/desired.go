package nmstatestandin

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Types and states of interfaces, in NMState's words (nmstate.io, "Network state").
const (
	typeBridge   = "linux-bridge"
	typeVLAN     = "vlan"
	typeEthernet = "ethernet"
	typeVeth     = "veth"
	stateUp      = "up"
	stateAbsent  = "absent"
)

// state is what a policy asks for, or what a node has.
type state struct {
	Interfaces []iface `json:"interfaces"`
	Routes     routes  `json:"routes,omitzero"`
}

type iface struct {
	Name       string  `json:"name"`
	Type       string  `json:"type,omitempty"`
	State      string  `json:"state"`
	MTU        int     `json:"mtu,omitempty"`
	Controller string  `json:"controller,omitempty"`
	IPv4       ip      `json:"ipv4,omitzero"`
	IPv6       ip      `json:"ipv6,omitzero"`
	VLAN       *vlan   `json:"vlan,omitempty"`
	Bridge     *bridge `json:"bridge,omitempty"`
}

type ip struct {
	Enabled  bool      `json:"enabled"`
	DHCP     bool      `json:"dhcp,omitempty"`
	AutoConf bool      `json:"autoconf,omitempty"`
	Address  []address `json:"address,omitempty"`
}

type address struct {
	IP           string `json:"ip"`
	PrefixLength int    `json:"prefix-length"`
}

type vlan struct {
	BaseInterface string `json:"base-iface"`
	ID            int    `json:"id"`
}

type bridge struct {
	Port []port `json:"port"`
}

type port struct {
	Name string `json:"name"`
}

type routes struct {
	Running []route `json:"running,omitempty"`
}

type route struct {
	Destination      string `json:"destination"`
	NextHopInterface string `json:"next-hop-interface"`
}

// parse reads what a policy asks for, and refuses what the stand-in cannot do before anything is changed.
func parse(raw []byte) (*state, error) {
	desired := &state{}
	if err := yaml.Unmarshal(raw, desired); err != nil {
		return nil, fmt.Errorf("read the desired state: %w", err)
	}
	for i := range desired.Interfaces {
		if err := desired.Interfaces[i].check(); err != nil {
			return nil, err
		}
	}
	return desired, nil
}

// check says what the stand-in cannot do about an interface.
func (i *iface) check() error {
	switch {
	case i.Type != typeBridge && i.Type != typeVLAN && i.Type != typeEthernet, i.State != stateUp &&
		i.State != stateAbsent:
		return fmt.Errorf("interface %s of type %s, state %s: not supported by this stand-in", i.Name, i.Type, i.State)
	case i.IPv4.DHCP || i.IPv6.DHCP || len(i.IPv4.Address)+len(i.IPv6.Address) > 0:
		return fmt.Errorf("addresses of interface %s: not supported by this stand-in", i.Name)
	case i.State == stateUp && (i.Type == typeVLAN && i.VLAN == nil || i.Type == typeBridge && i.Bridge == nil):
		return fmt.Errorf("interface %s of type %s lacks its section", i.Name, i.Type)
	default:
		return nil
	}
}
