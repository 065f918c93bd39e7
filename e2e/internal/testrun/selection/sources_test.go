package selection

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This is about the project itself: a suite of which we lose sight is one that is not run when it should be.
func TestSourcesOfTheProject(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	require.NoError(t, err)
	operator, err := Sources(t.Context(), root, "./e2e/suites/disks", true)
	require.NoError(t, err)
	for _, folder := range []string{"cmd/manager", "controllers/wukongdisk", "controllers/internal/conditions", "mover",
		"apis/v1alpha1", "e2e/internal/harness"} {
		assert.True(t, operator[folder], folder)
	}
	assert.False(t, operator["controllers/bench"])
	assert.False(t, operator["e2e/devcluster/internal/cluster"])
	cluster, err := Sources(t.Context(), root, "./e2e/suites/platform", false)
	require.NoError(t, err)
	assert.True(t, cluster["e2e/devcluster/internal/cluster"])
	assert.True(t, cluster["e2e/devcluster/cmd/csi-driver"], "a program that runs in the cluster")
	assert.False(t, cluster["controllers/wukongdisk"])
	_, err = Sources(t.Context(), root, "./e2e/suites/nothing", true)
	require.ErrorContains(t, err, "go list")
}
