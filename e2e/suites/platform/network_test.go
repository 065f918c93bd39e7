//go:build e2e

package platform

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

func TestPodsOnTwoNodesReachEachOtherOnTheBridge(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	for number, node := range c.nodes[:2] {
		name := fmt.Sprintf("lan-%d", number)
		config := fmt.Sprintf(`{"cniVersion": "1.0.0", "name": "lan", "type": "bridge", "bridge": %q, `+
			`"disableContainerInterface": false,
			"ipam": {"type": "static", "addresses": [{"address": "192.168.77.%d/24"}]}}`, testbed.LANBridge, number+1)
		attachment := c.object("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", name,
			map[string]any{"config": config})
		require.NoError(t, c.Create(t.Context(), attachment))
		pod := c.newPod(name, node)
		pod.Annotations["k8s.v1.cni.cncf.io/networks"] = name
		c.run(t, pod)
	}
	require.Contains(t, c.shell(t, "lan-0", "ip -4 address show net1"), "192.168.77.1/24")
	c.shell(t, "lan-0", "ping -c 1 -w 10 192.168.77.2")
	c.shell(t, "lan-1", "ping -c 1 -w 10 192.168.77.1")
	// The pod network is there beside it.
	require.Contains(t, c.shell(t, "lan-1", "ip route"), "default via")
}
