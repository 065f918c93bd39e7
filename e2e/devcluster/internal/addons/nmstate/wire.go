package nmstate

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	// wire is the bridge that stands in for the switch, in the first node.
	wire = "wire"
)

// connect gives a node its spare NIC. The first node has the wire: when it comes, it connects those that run already.
func connect(nodes []addon.Node, node addon.Node) error {
	first := nodes[0]
	if node.Name != first.Name {
		return plug(first, node)
	}
	handle, err := first.Network()
	if err != nil {
		return err
	}
	defer handle.Close()
	if err := handle.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: wire}}); err != nil &&
		!errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add %s to node %s: %w", wire, first.Name, err)
	}
	link, err := handle.LinkByName(wire)
	if err != nil {
		return fmt.Errorf("find %s on node %s: %w", wire, first.Name, err)
	}
	if err := handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s of node %s up: %w", wire, first.Name, err)
	}
	for _, one := range nodes {
		if err := plug(first, one); err != nil {
			return err
		}
	}
	return nil
}

// plug lays a cable from a node to the wire, unless it is there, or either does not run yet.
func plug(first, node addon.Node) error {
	if first.PID == 0 || node.PID == 0 {
		return nil
	}
	far, err := node.Network()
	if err != nil {
		return err
	}
	defer far.Close()
	if _, err := far.LinkByName(testbed.SpareNIC); err == nil {
		return nil
	}
	near, err := first.Network()
	if err != nil {
		return err
	}
	defer near.Close()
	bridge, err := near.LinkByName(wire)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find %s: %w", wire, err)
	}
	end := wire + "-" + node.Name
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: end, Namespace: netlink.NsPid(first.PID)}, PeerName: testbed.SpareNIC,
		PeerNamespace: netlink.NsPid(node.PID),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("connect %s of node %s: %w", testbed.SpareNIC, node.Name, err)
	}
	link, err := near.LinkByName(end)
	if err != nil {
		return fmt.Errorf("find %s: %w", end, err)
	}
	nic, err := far.LinkByName(testbed.SpareNIC)
	if err != nil {
		return fmt.Errorf("find %s of node %s: %w", testbed.SpareNIC, node.Name, err)
	}
	return errors.Join(near.LinkSetMaster(link, bridge), near.LinkSetUp(link), far.LinkSetUp(nic))
}
