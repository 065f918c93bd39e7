package hostbridge

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"sigs.k8s.io/yaml"
)

// nodeState is what is read of a NodeNetworkState, with NMState's field names (nmstate.io, "Network state").
type nodeState struct {
	Interfaces []nodeInterface `json:"interfaces,omitempty"`
	Routes     nodeRoutes      `json:"routes,omitzero"`
}

type nodeInterface struct {
	Name       string    `json:"name"`
	Type       string    `json:"type,omitempty"`
	Controller string    `json:"controller,omitempty"`
	MTU        int32     `json:"mtu,omitempty"`
	IPv4       addresses `json:"ipv4,omitzero"`
	IPv6       addresses `json:"ipv6,omitzero"`
	// Bridge is set for a bridge, and VLAN for a VLAN interface.
	Bridge nodeBridge `json:"bridge,omitzero"`
	VLAN   nodeVLAN   `json:"vlan,omitzero"`
}

type nodeVLAN struct {
	BaseInterface string `json:"base-iface,omitempty"`
}

type nodeBridge struct {
	Port []nodePort `json:"port,omitempty"`
}

// IsZero implements omitzero. NMState writes an empty list for a bridge without ports.
func (b nodeBridge) IsZero() bool { return len(b.Port) == 0 }

type nodePort struct {
	Name string `json:"name"`
}

type addresses struct {
	Enabled  bool      `json:"enabled,omitempty"`
	DHCP     bool      `json:"dhcp,omitempty"`
	AutoConf bool      `json:"autoconf,omitempty"`
	Address  []address `json:"address,omitempty"`
}

// IsZero implements omitzero. NMState writes an empty list for an interface without addresses.
func (a addresses) IsZero() bool {
	return !a.Enabled && !a.DHCP && !a.AutoConf && len(a.Address) == 0
}

type address struct {
	IP           string `json:"ip"`
	PrefixLength int    `json:"prefix-length"`
}

type nodeRoutes struct {
	Running []nodeRoute `json:"running,omitempty"`
}

// IsZero implements omitzero. A node without a default route has no route that KeepState keeps.
func (r nodeRoutes) IsZero() bool { return len(r.Running) == 0 }

type nodeRoute struct {
	Destination      string `json:"destination"`
	NextHopInterface string `json:"next-hop-interface,omitempty"`
}

// KeepState copies the small part of a NodeNetworkState that is read; the whole has a hundred kilobytes on a node with
// many guests. Interfaces of pods and guests, which are the most, are omitted: they carry no address of the node. A
// state that cannot be read or encoded is omitted too, so that one node does not stop the cache: without a state the
// node counts as not reported. What was kept does not change when it is kept again: empty lists are omitted, like lists
// that are missing.
func KeepState(full, kept *nmstatev1beta1.NodeNetworkState) {
	found, err := parseState(full.Status.CurrentState)
	if err != nil || len(full.Status.CurrentState.Raw) == 0 {
		return
	}
	found.Interfaces = slices.DeleteFunc(found.Interfaces, func(one nodeInterface) bool {
		return one.Type == "veth" && one.Controller == "" && !one.carries()
	})
	found.Routes.Running = slices.DeleteFunc(found.Routes.Running,
		func(route nodeRoute) bool { return !route.isDefault() })
	if raw, err := yaml.Marshal(found); err == nil {
		kept.Status.CurrentState.Raw = raw
	}
}

func parseState(state shared.State) (*nodeState, error) {
	found := &nodeState{}
	if err := yaml.Unmarshal(state.Raw, found); err != nil {
		return nil, fmt.Errorf("read the state of a node: %w", err)
	}
	return found, nil
}

func (s *nodeState) find(name string) *nodeInterface {
	for i := range s.Interfaces {
		if s.Interfaces[i].Name == name {
			return &s.Interfaces[i]
		}
	}
	return nil
}

// lifeline returns the interface with the node's address or default route, of an interface and the VLAN interfaces on
// it, or nil.
func (s *nodeState) lifeline(name string) *nodeInterface {
	for i := range s.Interfaces {
		one := &s.Interfaces[i]
		if (one.Name == name || one.VLAN.BaseInterface == name) && (one.carries() || s.carriesDefaultRoute(one.Name)) {
			return one
		}
	}
	return nil
}

// carriesDefaultRoute reports whether a default route of the node uses an interface.
func (s *nodeState) carriesDefaultRoute(name string) bool {
	return slices.ContainsFunc(s.Routes.Running, func(route nodeRoute) bool {
		return route.isDefault() && route.NextHopInterface == name
	})
}

func (r nodeRoute) isDefault() bool { return r.Destination == "0.0.0.0/0" || r.Destination == "::/0" }

// carries reports whether an interface has an address that others use.
func (i *nodeInterface) carries() bool {
	return len(i.IPv4.global()) > 0 || len(i.IPv6.global()) > 0
}

// static returns the addresses of an interface that no server assigned, so that another interface would not get them.
func (i *nodeInterface) static() []string {
	var result []string
	if !i.IPv4.DHCP {
		result = append(result, i.IPv4.global()...)
	}
	if !i.IPv6.DHCP && !i.IPv6.AutoConf {
		result = append(result, i.IPv6.global()...)
	}
	return result
}

func (a *addresses) global() []string {
	var result []string
	for _, one := range a.Address {
		if ip, err := netip.ParseAddr(one.IP); err == nil && !ip.IsLinkLocalUnicast() && !ip.IsLoopback() {
			result = append(result, one.IP)
		}
	}
	return result
}
