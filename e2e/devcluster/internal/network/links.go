package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	bridgeName = "nodes"
	// cableName is the name of the cluster's end of a cable in a sandbox that is no switch.
	cableName = testbed.NodeNIC
)

// InUse returns the subnets of all addresses and routes of the host, except those of the given link.
func InUse(except string) ([]netip.Prefix, error) {
	skip := 0
	if link, err := netlink.LinkByName(except); err == nil {
		skip = link.Attrs().Index
	}
	var used []netip.Prefix
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, address := range addresses {
		if prefix, ok := toPrefix(address.IPNet); ok && address.LinkIndex != skip {
			used = append(used, prefix)
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	for _, route := range routes {
		if prefix, ok := toPrefix(route.Dst); ok && prefix.Bits() > 0 && route.LinkIndex != skip {
			used = append(used, prefix)
		}
	}
	return used, nil
}

func toPrefix(from *net.IPNet) (netip.Prefix, bool) {
	if from == nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(from.IP)
	bits, _ := from.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), bits).Masked(), ok
}

// ConnectControlPlane makes the bridge in the network namespace of the control plane and the cable to the host.
func ConnectControlPlane(plan Plan, pid int) error {
	inside, err := enter(pid)
	if err != nil {
		return err
	}
	defer inside.Close()
	// Without an address of its own a bridge takes one of its ports, and changes it when that node ends: everybody else
	// would then talk to nobody until they ask for it again.
	attributes := netlink.LinkAttrs{Name: bridgeName, HardwareAddr: hardwareAddress(plan.ControlPlane())}
	bridge := &netlink.Bridge{LinkAttrs: attributes}
	if err := inside.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge: %w", err)
	}
	if err := inside.configure(bridgeName, plan.ControlPlane(), plan.Nodes.Bits()); err != nil {
		return err
	}
	if err := RemoveHostLink(plan); err != nil {
		return err
	}
	if err := cable(pid, "host", 0, plan.Link, plan.Host()); err != nil {
		return err
	}
	outside, err := netlink.NewHandle()
	if err != nil {
		return fmt.Errorf("open the host's network: %w", err)
	}
	own := namespace{Handle: outside}
	defer own.Close()
	if err := own.configure(plan.Link, plan.Host(), plan.Nodes.Bits()); err != nil {
		return err
	}
	return inside.plug("host")
}

// hardwareAddress is a locally administered address with the IP address in it.
func hardwareAddress(address netip.Addr) net.HardwareAddr {
	bytes := address.As4()
	return net.HardwareAddr{0x02, 0x77, bytes[0], bytes[1], bytes[2], bytes[3]}
}

// ConnectNode plugs a node into the bridge, and routes its pods' subnet to it from everyone else.
func ConnectNode(plan Plan, controlPlanePID, pid, number int, others map[int]int) error {
	port := fmt.Sprintf("node%d", number)
	control, err := enter(controlPlanePID)
	if err != nil {
		return err
	}
	defer control.Close()
	// The cable of the same node before a restart goes away only when the kernel has cleaned up after it.
	if err := control.remove(port); err != nil {
		return err
	}
	if err := cable(controlPlanePID, port, pid, cableName, plan.Node(number)); err != nil {
		return err
	}
	node, err := enter(pid)
	if err != nil {
		return err
	}
	defer node.Close()
	if err := node.configure(cableName, plan.Node(number), plan.Nodes.Bits()); err != nil {
		return err
	}
	if err := errors.Join(control.plug(port), control.route(plan, number), node.routeServices(plan)); err != nil {
		return err
	}
	for otherNumber, otherPID := range others {
		other, err := enter(otherPID)
		if err != nil {
			return err
		}
		err = errors.Join(other.route(plan, number), node.route(plan, otherNumber))
		other.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveHostLink removes the host's end of the cable, and with it the other end.
func RemoveHostLink(plan Plan) error {
	handle, err := netlink.NewHandle()
	if err != nil {
		return fmt.Errorf("open the host's network: %w", err)
	}
	own := namespace{Handle: handle}
	defer own.Close()
	return own.remove(plan.Link)
}

// cable makes a pair of virtual links, one end in each network namespace. PID 0 is the host. The peer's hardware
// address follows from its IP address: a node that comes back has the one that its neighbours remember, and nothing on
// the host gives it another.
func cable(pid int, name string, peerPID int, peerName string, address netip.Addr) error {
	pair := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: name, Namespace: netlink.NsPid(pid)},
		PeerName:         peerName,
		PeerHardwareAddr: hardwareAddress(address),
	}
	if peerPID != 0 {
		pair.PeerNamespace = netlink.NsPid(peerPID)
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("connect %s with %s: %w", name, peerName, err)
	}
	return nil
}

// namespace is the network of one sandbox, or of the host.
type namespace struct {
	*netlink.Handle
}

func enter(pid int) (namespace, error) {
	file, err := netns.GetFromPid(pid)
	if err != nil {
		return namespace{}, fmt.Errorf("open the network of process %d: %w", pid, err)
	}
	defer file.Close()
	handle, err := netlink.NewHandleAt(file)
	if err != nil {
		return namespace{}, fmt.Errorf("open the network of process %d: %w", pid, err)
	}
	opened := namespace{Handle: handle}
	return opened, opened.up("lo")
}

func (n namespace) up(name string) error {
	link, err := n.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := n.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up link %s: %w", name, err)
	}
	return nil
}

func (n namespace) configure(name string, address netip.Addr, bits int) error {
	link, err := n.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	prefix := netlink.Addr{IPNet: &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(bits, 32)}}
	if err := n.AddrReplace(link, &prefix); err != nil {
		return fmt.Errorf("give %s to link %s: %w", prefix, name, err)
	}
	return n.up(name)
}

// remove removes a link, if it exists.
func (n namespace) remove(name string) error {
	link, err := n.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	// The kernel may remove it on its own at the same moment.
	if err := n.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove link %s: %w", name, err)
	}
	return nil
}

// plug makes a link a port of the bridge.
func (n namespace) plug(name string) error {
	bridge, err := n.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("find bridge: %w", err)
	}
	port, err := n.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := n.LinkSetMaster(port, bridge); err != nil {
		return fmt.Errorf("plug %s into the bridge: %w", name, err)
	}
	return n.up(name)
}

// route sends what is for the pods of a node to that node.
func (n namespace) route(plan Plan, number int) error {
	return n.send(plan.PodSubnet(number), plan.Node(number))
}

// routeServices lets pods in a node's own network, and its programs, reach Services. kube-proxy rewrites such a packet
// on its way out, but the kernel looks for a route before, and a node has no default route.
func (n namespace) routeServices(plan Plan) error {
	return n.send(plan.Services, plan.ControlPlane())
}

func (n namespace) send(subnet netip.Prefix, gateway netip.Addr) error {
	route := netlink.Route{
		Dst: &net.IPNet{IP: subnet.Addr().AsSlice(), Mask: net.CIDRMask(subnet.Bits(), 32)},
		Gw:  gateway.AsSlice(),
	}
	if err := n.RouteReplace(&route); err != nil {
		return fmt.Errorf("route %s by %s: %w", subnet, gateway, err)
	}
	return nil
}
