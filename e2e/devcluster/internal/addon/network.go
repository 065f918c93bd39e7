package addon

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Network opens the node's network namespace.
func (n Node) Network() (*netlink.Handle, error) {
	file, err := netns.GetFromPid(n.PID)
	if err != nil {
		return nil, fmt.Errorf("open the network of node %s: %w", n.Name, err)
	}
	defer file.Close()
	handle, err := netlink.NewHandleAt(file)
	if err != nil {
		return nil, fmt.Errorf("open the network of node %s: %w", n.Name, err)
	}
	return handle, nil
}
