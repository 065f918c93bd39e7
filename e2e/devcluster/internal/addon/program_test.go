package addon

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func TestAProgramIsOfferedAndReplaced(t *testing.T) {
	cluster := &Cluster{StateDir: t.TempDir()}
	target := testbed.At(cluster.StateDir).Program("virtctl")
	require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
	for _, version := range []string{"one", "one", "two"} {
		source := filepath.Join(cluster.StateDir, version, "virtctl")
		require.NoError(t, os.MkdirAll(filepath.Dir(source), 0o755))
		require.NoError(t, os.WriteFile(source, []byte(version), 0o755))
		require.NoError(t, cluster.OfferProgram(source))
		require.NoError(t, cluster.OfferProgram(source))
		content, err := os.ReadFile(target)
		require.NoError(t, err)
		require.Equal(t, version, string(content))
	}
	require.ErrorContains(t, cluster.OfferProgram(filepath.Join(cluster.StateDir, "virtctl")), "no such file")
}
