//go:build e2e

package platform

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

func TestGuestImagesAreServedInsideTheCluster(t *testing.T) {
	harness.Essential(t)
	c := connect(t)
	c.run(t, c.newPod("client", c.nodes[1]))
	for _, image := range []string{testbed.DebianImage, testbed.TinyImage} {
		require.Equal(t, "QFI", c.shell(t, "client", "wget -q -O - "+testbed.ImageURL(image)+" | head -c 3"), image)
	}
	output, err := c.try(t, "client", "wget -q -O /dev/null "+testbed.NotFoundURL())
	require.Error(t, err)
	require.Contains(t, output, "404")
}
