//go:build e2e && soak

package protection

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestSoak moves one guest with an open connection between the nodes, ten times or as often as WUKONG_MOVES says, while
// the manager is killed in every third move.
func TestSoak(t *testing.T) {
	harness.Thorough(t)
	moves := 10
	if text := os.Getenv("WUKONG_MOVES"); text != "" {
		number, err := strconv.Atoi(text)
		require.NoError(t, err, "WUKONG_MOVES")
		moves = number
	}
	c := startCounting(t, cluster.Namespace(t))
	for move := range moves {
		start := time.Now()
		migration := c.begin(t)
		if move%3 == 2 {
			require.NotZero(t, cluster.KillOperator(t))
		}
		c.arrive(t, migration)
		t.Logf("move %d from %s to %s: %s, %d attempts", move+1, migration.Status.SourceNode,
			migration.Status.TargetNode, time.Since(start).Round(time.Second), migration.Status.Attempt)
	}
	c.neverStopped(t)
}
