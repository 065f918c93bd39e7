package network

import (
	"errors"
	"fmt"
	"net/netip"
)

// Plan is the addresses of a cluster.
type Plan struct {
	// Link is the host's end of the cable to the cluster.
	Link string `json:"link"`
	// Nodes is the subnet (a /24) of the bridge.
	Nodes netip.Prefix `json:"nodes"`
	// Pods is the subnet (a /16) from which each node has a /24.
	Pods netip.Prefix `json:"pods"`
	// Services is the subnet (a /16) of cluster IPs. They exist only inside the nodes.
	Services netip.Prefix `json:"services"`
}

const (
	controlPlaneHost = 1
	firstNodeHost    = 10 // node 1 is .11
	ownHost          = 254
	dnsHost          = 10
)

// NewPlan chooses subnets that overlap with none of those in use. They are private addresses.
func NewPlan(link string, used []netip.Prefix) (Plan, error) {
	nodes, err := firstFree(used, func(index int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 30, byte(index), 0}), 24)
	}, 256)
	if err != nil {
		return Plan{}, fmt.Errorf("find a subnet for the nodes: %w", err)
	}
	wide := func(index int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(200 - index), 0, 0}), 16)
	}
	pods, err := firstFree(used, wide, 150)
	if err != nil {
		return Plan{}, fmt.Errorf("find a subnet for pods: %w", err)
	}
	services, err := firstFree(append(used, pods), wide, 150)
	if err != nil {
		return Plan{}, fmt.Errorf("find a subnet for services: %w", err)
	}
	return Plan{Link: link, Nodes: nodes, Pods: pods, Services: services}, nil
}

func firstFree(used []netip.Prefix, candidate func(index int) netip.Prefix, count int) (netip.Prefix, error) {
	for index := range count {
		prefix, free := candidate(index), true
		for _, other := range used {
			free = free && !prefix.Overlaps(other)
		}
		if free {
			return prefix, nil
		}
	}
	return netip.Prefix{}, errors.New("every candidate overlaps with an address or a route of this machine")
}

// ControlPlane is the address of the API server.
func (p Plan) ControlPlane() netip.Addr { return host(p.Nodes, controlPlaneHost) }

// Host is the address that the host gets on the bridge.
func (p Plan) Host() netip.Addr { return host(p.Nodes, ownHost) }

// Node is the address of a node; the first has number 1.
func (p Plan) Node(number int) netip.Addr { return host(p.Nodes, byte(firstNodeHost+number)) }

// PodSubnet is where the pods of a node get addresses from.
func (p Plan) PodSubnet(number int) netip.Prefix {
	bytes := p.Pods.Addr().As4()
	bytes[2] = byte(number)
	return netip.PrefixFrom(netip.AddrFrom4(bytes), 24)
}

// APIService is the cluster IP of the service kubernetes: always the first of the subnet.
func (p Plan) APIService() netip.Addr { return host(p.Services, 1) }

// DNS is the cluster IP of CoreDNS.
func (p Plan) DNS() netip.Addr { return host(p.Services, dnsHost) }

func host(prefix netip.Prefix, number byte) netip.Addr {
	bytes := prefix.Addr().As4()
	bytes[3] = number
	return netip.AddrFrom4(bytes)
}
