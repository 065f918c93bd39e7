//go:build e2e

package platform

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGuestImagesAreServedInsideTheCluster(t *testing.T) {
	c := connect(t)
	c.run(t, c.newPod("client", c.nodes[1]))
	const server = "http://images.wukong-devcluster.svc"
	for _, image := range []string{"debian-trixie.qcow2", "tiny.qcow2"} {
		require.Equal(t, "QFI", c.shell(t, "client", "wget -q -O - "+server+"/"+image+" | head -c 3"), image)
	}
	output, err := c.try(t, "client", "wget -q -O /dev/null "+server+"/status/404")
	require.Error(t, err)
	require.Contains(t, output, "404")
}
