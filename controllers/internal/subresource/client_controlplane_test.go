//go:build controlplane

package subresource_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/novasphere/wukong/controllers/internal/simulator"
	"github.com/novasphere/wukong/controllers/internal/subresource"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m, testenv.Options{}) }

func TestCallsReachTheGuestAgent(t *testing.T) {
	f := testkit.New(t)
	agents, err := simulator.StartAgents(t.Context(), f.Client)
	require.NoError(t, err)
	t.Cleanup(agents.Stop)
	connections, err := rest.HTTPClientFor(f.Config)
	require.NoError(t, err)
	calls, err := subresource.New(f.Config, connections)
	require.NoError(t, err)

	require.NoError(t, calls.Freeze(t.Context(), f.Namespace, "web", 30*time.Second))
	require.NoError(t, calls.Unfreeze(t.Context(), f.Namespace, "web"))
	agents.Of(f.Namespace, "web", func(agent *simulator.Agent) {
		assert.Equal(t, []string{"freeze 30s", "unfreeze"}, agent.Calls)
		agent.FreezeFails = "the agent is not connected"
	})
	err = calls.Freeze(t.Context(), f.Namespace, "web", 30*time.Second)
	assert.ErrorContains(t, err, "freeze VirtualMachineInstance web")
	assert.ErrorContains(t, err, "the agent is not connected")
}
