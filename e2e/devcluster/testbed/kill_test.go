package testbed_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// A process that is of no pod that is named stays, whatever it is called.
func TestOnlyProcessesOfThePodsAreKilled(t *testing.T) {
	process := exec.Command("sleep", "1000")
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		require.NoError(t, process.Process.Kill())
		_ = process.Wait()
	})
	for _, pods := range [][]types.UID{nil, {""}, {"0a1b2c3d-0000-4000-8000-000000000000"}} {
		killed, err := testbed.KillProgram("sleep", pods...)
		require.NoError(t, err)
		assert.Zero(t, killed)
		killed, err = testbed.KillPod(pods...)
		require.NoError(t, err)
		assert.Zero(t, killed)
	}
}
