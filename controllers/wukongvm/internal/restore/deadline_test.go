package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
)

// Disks that are not all replaced after ten minutes go back: the guest must not stay stopped for ever.
func TestTheDeadlineOfTheSwitch(t *testing.T) {
	const deadline = 10 * time.Minute
	given := func(changes ...change) []change { return append([]change{inPhase(switching), halted}, changes...) }
	goes := func(cause string, changes ...change) row {
		return row{changes: given(changes...), phase: rollingBack, holds: true, mark: ended,
			condition: "False RollingBack: " + goesBack + cause + " within 10m0s"}
	}
	ends := func(cause string, changes ...change) row {
		return row{changes: given(changes...), phase: rolledBack, mark: ended,
			condition: "False RolledBack: " + isBack + cause + " within 10m0s"}
	}
	starts := func(changes ...change) row {
		return row{changes: given(changes...), phase: starting, after: 5 * time.Minute, condition: "False Starting: the " +
			"guest starts on the restored disks, until 2026-03-01T12:15:00Z at the latest: KubeVirt reports Stopped"}
	}
	none, one, two := reports(diskFilled, diskFilled), reports(diskInUse, diskFilled), reports(diskInUse, diskInUse)
	over := later(deadline)
	checkAll(t, map[string]row{
		"one is replaced":          goes("1 of 2 disks are replaced", one, over),
		"one has not reported":     goes("1 of 2 disks are replaced", disk("root", diskInUse, ""), over),
		"one has lost its status":  goes("1 of 2 disks are replaced", two, forgets("data"), over),
		"one, an hour later":       goes("1 of 2 disks are replaced", one, later(time.Hour)),
		"one, powerState Stopped":  goes("1 of 2 disks are replaced", one, powerStopped, over),
		"none is replaced":         ends("0 of 2 disks are replaced", none, over),
		"none, there is no guest":  ends("0 of 2 disks are replaced", none, noMachine, over),
		"none, and the guest runs": goes("0 of 2 disks are replaced", none, runs, over),
		"both, and the guest runs": goes("2 of 2 disks are replaced", two, runs, over),
		"both are replaced":        starts(two, over),
	})
	for _, left := range []time.Duration{time.Second, 9*time.Minute + 59*time.Second} {
		plan := restore.Make(situation(given(reports(diskInUse, diskFilled), later(deadline-left))...))
		assert.Equal(t, switching, phaseIn(plan), left)
		assert.Equal(t, left, plan.After, "no watch reports the deadline")
		assert.Empty(t, plan.Mark, left)
		assert.True(t, plan.Holds(), left)
	}
}
