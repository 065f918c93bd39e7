package restore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
)

// While disks are replaced, or put back, the VirtualMachine keeps the claims that it has, and is written only as it was
// read.
func TestClaimsAndLock(t *testing.T) {
	const mixed = "root-1 data-2"
	both, filled := reports(diskInUse, diskFilled), reports(diskFilled, diskFilled)
	onlyRoot := func(in *restore.Inputs) { in.VM.Status.Restore.Disks = in.VM.Status.Restore.Disks[:1] }
	mix := haltedWith("root-1", "data-2")
	for name, row := range map[string]struct {
		changes []change
		// claims are those of root and data in the VirtualMachine; "-" leaves it to the disk.
		claims, lock string
	}{
		"no request":             {[]change{withdrawn}, "- -", ""},
		"Pending":                {[]change{noSnapshot}, "- -", ""},
		"Filling":                {[]change{inPhase(filling)}, "- -", ""},
		"Stopping":               {[]change{inPhase(stopping)}, "- -", ""},
		"Safety":                 {[]change{inPhase(safety), mix}, "- -", ""},
		"Switching":              {[]change{inPhase(switching, both), mix}, mixed, "7"},
		"Switching, of one disk": {[]change{inPhase(switching, filled, onlyRoot), mix}, "root-1 -", "7"},
		"Switching, not listed":  {[]change{inPhase(switching, filled), mix, notListed}, "root-1 -", "7"},
		"Switching, no machine":  {[]change{inPhase(switching, both), noMachine}, "root-1 data-1", ""},
		"Starting":               {[]change{inPhase(starting, reports(diskInUse, diskInUse)), mix}, "- -", "7"},
		"Starting, from now on":  {[]change{inPhase(switching, reports(diskInUse, diskInUse)), mix}, "- -", "7"},
		"Starting, one is put back": {
			[]change{inPhase(starting, reports(diskReturned, diskInUse)), runsOn("root-2", "data-2")}, "root-2 -", "7",
		},
		"Switched":                {[]change{inPhase(switched, both), powerStopped, mix}, "- -", "7"},
		"RollingBack":             {[]change{inPhase(rollingBack, both), mix}, mixed, "7"},
		"RolledBack, from now on": {[]change{inPhase(rollingBack, reports(diskReturned, diskReturned)), mix}, "- -", "7"},
		"RolledBack":              {[]change{inPhase(rolledBack), mix}, "- -", ""},
		"Succeeded, from now on": {
			[]change{inPhase(starting, reports(diskInUse, diskInUse)), runsOn("root-2", "data-2")}, "- -", "7",
		},
		"Succeeded": {[]change{inPhase(succeeded), mix}, "- -", ""},
		"status of both is lost": {
			[]change{statusLost, marked(begun), forgets("root"), mix}, mixed, "",
		},
	} {
		given := situation(row.changes...)
		plan := restore.Make(given)
		claims := ""
		for _, name := range names {
			claim := plan.Claim(given.Disks["web-"+name])
			if claim == "" {
				claim = "-"
			}
			claims += " " + claim
		}
		assert.Equal(t, " "+row.claims, claims, name)
		assert.Equal(t, row.lock, plan.Lock(), "%s: lock", name)
	}
}

// Only a WukongVM whose guest is stopped, or starts, is not ready because of its restore.
func TestCause(t *testing.T) {
	const restoring = "is being restored from WukongSnapshot before: "
	named := func(in *restore.Inputs) { in.VM.Status.Restore.SafetySnapshotName = safetyName }
	filled, inUse := reports(diskFilled, diskFilled), reports(diskInUse, diskInUse)
	for name, row := range map[string]struct {
		changes []change
		message string
	}{
		"no request":      {[]change{withdrawn}, ""},
		"Pending":         {[]change{noSnapshot}, ""},
		"Filling":         {[]change{inPhase(filling)}, ""},
		"Stopping, waits": {[]change{inPhase(stopping, filled, whenStopped)}, ""},
		"Stopping":        {[]change{inPhase(stopping, filled)}, restoring + "all disks are filled: the guest shuts down"},
		"Safety": {[]change{inPhase(safety, filled, named), halted}, restoring + "WukongSnapshot " + safetyName +
			" of the stopped WukongVM is taken"},
		"Switching": {[]change{inPhase(switching, filled), halted}, restoring + "0 of 2 disks are replaced"},
		"Starting": {[]change{inPhase(starting, inUse), noMachine}, restoring + "the guest starts on the restored " +
			"disks, until 2026-03-01T12:05:00Z at the latest: its VirtualMachine is being created"},
		"Switched":    {[]change{inPhase(switched, inUse), powerStopped}, ""},
		"RollingBack": {[]change{inPhase(rollingBack, inUse, because), halted}, restoring + goesBack + "of that"},
		"RolledBack":  {[]change{inPhase(rolledBack)}, ""},
		"Succeeded":   {[]change{inPhase(succeeded)}, ""},
		"Failed":      {[]change{inPhase(failed)}, ""},
		"Cancelled":   {[]change{inPhase(cancelled)}, ""},
		"Skipped":     {[]change{marked(ended)}, ""},
		"status is lost": {[]change{statusLost, marked(begun), forgets("root"), halted},
			"the WukongVM waits until its disks report how far its restore has come"},
		"lost, and it runs": {[]change{statusLost, marked(begun), forgets("root")}, ""},
	} {
		found := restore.Make(situation(row.changes...)).Cause()
		if row.message == "" {
			assert.Nil(t, found, name)
			continue
		}
		require.NotNil(t, found, name)
		assert.Equal(t, v1alpha1.ReasonRestoring, found.Reason, name)
		assert.Equal(t, row.message, found.Message, name)
		assert.False(t, found.Blocking, "%s: the VirtualMachine is written", name)
	}
}

func because(in *restore.Inputs) { in.VM.Status.Restore.Cause = "of that" }

// Of a WukongVM that is made new from its manifest, nothing is reported that nobody asked for.
func TestThePlanOfNothing(t *testing.T) {
	var plan restore.Plan
	assert.False(t, plan.Holds())
	assert.Empty(t, plan.Lock())
	assert.Empty(t, plan.Claim(&v1alpha1.WukongDisk{}))
	assert.Nil(t, plan.Cause())
	assert.Empty(t, conditionOf(plan, situation()))
}
