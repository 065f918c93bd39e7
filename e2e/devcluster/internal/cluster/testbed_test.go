package cluster

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/internal/process"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// Tests find a node's init in the state that the cluster writes, and end it.
func TestTestsFindAndKillANode(t *testing.T) {
	init := exec.Command("sleep", "1000")
	require.NoError(t, init.Start())
	t.Cleanup(func() { _ = init.Process.Kill() })
	id, err := process.Find(init.Process.Pid)
	require.NoError(t, err)
	place := paths{root: t.TempDir()}
	written := &state{Nodes: []nodeState{{ID: process.ID{PID: 1, Started: 1}, Number: 1}, {ID: id, Number: 2}}}
	require.NoError(t, written.save(place))

	bed := testbed.At(place.root)
	_, err = bed.NodeProcess(nodeName(1))
	require.ErrorContains(t, err, "does not run", "process 1 of another start is another process")
	_, err = bed.NodeProcess(nodeName(3))
	require.ErrorContains(t, err, "no node node3")
	found, err := bed.NodeProcess(nodeName(2))
	require.NoError(t, err)
	require.Equal(t, id.PID, found)

	require.NoError(t, bed.KillNode(t.Context(), nodeName(2)))
	require.ErrorContains(t, init.Wait(), "killed")
	require.ErrorContains(t, bed.KillNode(t.Context(), nodeName(2)), "does not run")
}
