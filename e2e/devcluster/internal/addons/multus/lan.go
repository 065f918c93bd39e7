package multus

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/novasphere/wukong/e2e/devcluster/internal/addon"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// bridgeName is the bridge on each node.
const bridgeName = testbed.LANBridge

// VLANs that pass between nodes; 1 is what untagged frames have inside a bridge.
const (
	firstVLAN = 2
	lastVLAN  = 4094
)

// connectLAN makes the bridge of a node and joins it with those of its neighbours, as far as they run. The nodes form a
// chain: a ring would need a protocol against loops.
func connectLAN(ctx context.Context, nodes []addon.Node, node addon.Node) error {
	if err := addBridge(node); err != nil {
		return err
	}
	// Where the kernel has br_netfilter, it would show kube-proxy's rules what passes the bridge.
	const quiet = "for file in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $file ] || echo 0 >$file; done"
	if _, err := node.Exec(ctx, "sh", "-ec", quiet); err != nil {
		return err
	}
	for index, one := range nodes {
		if one.Name != node.Name {
			continue
		}
		if index > 0 {
			if err := join(nodes[index-1], node); err != nil {
				return err
			}
		}
		if index+1 < len(nodes) {
			return join(node, nodes[index+1])
		}
	}
	return nil
}

func addBridge(node addon.Node) error {
	handle, err := node.Network()
	if err != nil {
		return err
	}
	defer handle.Close()
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	if err := handle.LinkAdd(bridge); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add %s to node %s: %w", bridgeName, node.Name, err)
	}
	link, err := handle.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("find %s on node %s: %w", bridgeName, node.Name, err)
	}
	if err := handle.BridgeSetVlanFiltering(link, true); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("filter VLANs on %s of node %s: %w", bridgeName, node.Name, err)
	}
	return handle.LinkSetUp(link)
}

// join plugs a cable into the bridges of two nodes, unless it is there, or one of them has no bridge yet: that one
// joins when it is prepared.
func join(left, right addon.Node) error {
	first, err := left.Network()
	if err != nil {
		return err
	}
	defer first.Close()
	second, err := right.Network()
	if err != nil {
		return err
	}
	defer second.Close()
	for _, handle := range []*netlink.Handle{first, second} {
		if _, err := handle.LinkByName(bridgeName); errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil
		} else if err != nil {
			return fmt.Errorf("find %s: %w", bridgeName, err)
		}
	}
	leftEnd, rightEnd := "lan-"+right.Name, "lan-"+left.Name
	_, leftErr := first.LinkByName(leftEnd)
	_, rightErr := second.LinkByName(rightEnd)
	if leftErr == nil && rightErr == nil {
		return nil
	}
	// The end of a cable to a node that is being taken down goes away only when the kernel has cleaned up after it.
	if err := errors.Join(unplug(first, leftEnd), unplug(second, rightEnd)); err != nil {
		return err
	}
	cable := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: leftEnd, Namespace: netlink.NsPid(left.PID)},
		PeerName:  rightEnd, PeerNamespace: netlink.NsPid(right.PID),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("connect %s of %s and %s: %w", bridgeName, left.Name, right.Name, err)
	}
	return errors.Join(plug(first, leftEnd), plug(second, rightEnd))
}

func unplug(handle *netlink.Handle, name string) error {
	link, err := handle.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	return handle.LinkDel(link)
}

func plug(handle *netlink.Handle, name string) error {
	link, err := handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find %s: %w", name, err)
	}
	bridge, err := handle.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("find %s: %w", bridgeName, err)
	}
	if err := handle.LinkSetMaster(link, bridge); err != nil {
		return fmt.Errorf("plug %s into %s: %w", name, bridgeName, err)
	}
	err = handle.BridgeVlanAddRange(link, firstVLAN, lastVLAN, false, false, false, true)
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("let VLANs through %s: %w", name, err)
	}
	return handle.LinkSetUp(link)
}
