package wukong

import (
	"cmp"
	"fmt"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// rank says how much a child that is not ready explains; the lower the more.
func rank(c *child) int {
	switch {
	case c.deleting:
		return 3 // it goes, which someone asked for
	case c.phase == string(v1alpha1.PhaseError):
		return 0
	case c.phase == string(v1alpha1.DiskAwaitingConsumer):
		return 2 // it waits for its machine, not the machine for it
	default:
		return 1
	}
}

// worst is the child that explains best why the application is not ready, or nil when all children are: an error before what
// only takes time; of two alike the cause before the consequence, since a machine's message only repeats that of its disk; then by
// name, so that equal states give equal messages.
func worst(children []child) *child {
	var found *child
	for i := range children {
		candidate := &children[i]
		if candidate.isReady() {
			continue
		}
		if found == nil || compareCauses(candidate, found) < 0 {
			found = candidate
		}
	}
	return found
}

func compareCauses(one, two *child) int {
	return cmp.Or(
		cmp.Compare(rank(one), rank(two)),
		cmp.Compare(one.depth, two.depth),
		cmp.Compare(one.name, two.name),
	)
}

// explain is the child's own words with its name before them.
func explain(c *child) string {
	message := c.ready.Message
	if message == "" {
		message = c.ready.Reason
	}
	return fmt.Sprintf("%s %s: %s", c.kind, c.name, message)
}
