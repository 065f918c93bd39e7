package restore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
)

// The conditions of a restore that begins.
const (
	beginsAll  = "False Filling: 0 of 2 disks are filled from the snapshot while the WukongVM stays as it is"
	beginsMark = "2026-03-01T12:00:30Z"
)

// A restore is cancelled before it replaces a disk, and never afterwards.
func TestCancel(t *testing.T) {
	const removed = "False Cancelled: the request was removed from spec.restore before any disk was replaced"
	const instead = "False Cancelled: another request replaced it in spec.restore before any disk was replaced"
	filled := reports(diskFilled, diskFilled)
	for _, phase := range []v1alpha1.RestorePhase{filling, stopping, safety} {
		checkAll(t, map[string]row{
			string(phase) + ", the request was removed": {
				changes: []change{inPhase(phase, filled), withdrawn}, phase: cancelled, condition: removed, mark: ended,
			},
			string(phase) + ", another request": {
				changes: []change{inPhase(phase, filled), another}, phase: cancelled, condition: instead, mark: ended,
				after: time.Millisecond,
			},
			string(phase) + ", a disk is replaced already": { // status is old, or was lost
				changes: []change{inPhase(phase, reports(diskInUse, diskFilled)), halted, withdrawn}, phase: switching,
				condition: "False Switching: 1 of 2 disks are replaced", holds: true,
			},
			string(phase) + ", a disk is replaced already, with the request": {
				changes: []change{inPhase(phase, reports(diskInUse, diskFilled)), halted}, phase: switching,
				condition: "False Switching: 1 of 2 disks are replaced", holds: true,
			},
		})
		inBerlin := func(in *restore.Inputs) {
			in.VM.Spec.Restore.RequestedAt = metav1.NewTime(noon.In(time.FixedZone("CET", 3600)))
		}
		plan := restore.Make(situation(inPhase(phase, filled), inBerlin))
		assert.NotEqual(t, cancelled, phaseIn(plan), "%s: the same time of another zone", phase)
	}
}

// The next request begins when nothing of the last one is left.
func TestAfterTheEnd(t *testing.T) {
	given := func(phase v1alpha1.RestorePhase, changes ...change) []change {
		caused := func(in *restore.Inputs) {
			in.VM.Status.Restore.Reason, in.VM.Status.Restore.Cause = "Because", "because"
			marked(ended)(in)
		}
		return append([]change{inPhase(phase, caused)}, changes...)
	}
	conditions := map[v1alpha1.RestorePhase]string{
		succeeded:                     "True Restored: the guest runs on the disks of WukongSnapshot before",
		failed:                        "False Because: because",
		cancelled:                     "False Because: because",
		rolledBack:                    "False Because: " + isBack + "because",
		v1alpha1.RestoreNotRolledBack: "False Because: because",
		skipped:                       "True Because: because",
	}
	for phase, condition := range conditions {
		stays := func(changes ...change) row {
			return row{changes: given(phase, changes...), phase: phase, condition: condition}
		}
		begins := func(changes ...change) row {
			return row{changes: given(phase, append(changes, another)...), phase: filling, condition: beginsAll,
				mark: beginsMark}
		}
		gone := func(changes ...change) row {
			return row{changes: given(phase, append(changes, withdrawn)...)}
		}
		left := reports(diskReturned, diskReturned)
		rows := map[string]row{
			"the request stays":                        stays(),
			"the request stays, claims are left":       stays(left),
			"the request is removed":                   gone(),
			"the request is removed, claims are left":  stays(left, withdrawn),
			"another request":                          begins(),
			"another request, claims are left":         stays(left, another),
			"another request, one claim is left":       stays(disk("data", diskReturned, ""), another),
			"another request, the disks are done":      begins(reports(diskDone, diskDone)),
			"another request, the disks have failed":   begins(reports(diskFailed, diskFailed)),
			"the request is removed, one disk is lost": gone(missingDisk),
			"the request is removed, one disk left": gone(disk("root", diskDone, ""), disk("data", diskFilled, ""),
				attachedElsewhere),
			"another request, an earlier claim is left": begins(disk("data", diskDone, ""), func(in *restore.Inputs) {
				report := in.Disks["web-data"].Status.Restore
				report.Phase, report.RequestedAt = diskFilled, metav1.NewTime(noon.Add(-time.Hour))
			}),
		}
		for name, row := range rows {
			row.check(t, string(phase)+": "+name)
		}
	}
	// 'kubectl replace' removes the mark. A request that was skipped wrote none.
	for phase, condition := range conditions {
		again := row{changes: given(phase, marked("")), phase: phase, condition: condition, mark: ended}
		if phase == skipped {
			again.mark = ""
		}
		earlier := again
		earlier.changes = given(phase, marked("2026-03-01T11:00:00Z/ended"))
		checkAll(t, map[string]row{
			string(phase) + ", the mark was removed":       again,
			string(phase) + ", the mark is an earlier one": earlier,
			string(phase) + ", the mark is a later one": {
				changes: given(phase, marked("2026-03-01T13:00:00Z")), phase: phase, condition: condition,
			},
			string(phase) + ", nobody knows what runs": {
				changes: given(phase, unserved, withdrawn), phase: phase, condition: condition,
			},
		})
	}
	// The cache was behind when the restore ended.
	for _, phase := range []v1alpha1.RestorePhase{failed, cancelled, rolledBack} {
		checkAll(t, map[string]row{"ended as " + string(phase) + ", and a disk is in use": {
			changes: given(phase, reports(diskInUse, diskFilled), halted), phase: rollingBack, holds: true,
			condition: "False RollingBack: " + goesBack + "because",
		}})
	}
	checkAll(t, map[string]row{"not rolled back, and a disk does not know it yet": {
		changes: given(v1alpha1.RestoreNotRolledBack, reports(diskInUse, diskReturned), halted),
		phase:   v1alpha1.RestoreNotRolledBack, condition: conditions[v1alpha1.RestoreNotRolledBack],
	}, "succeeded, and the previous claims are about to be deleted": {
		changes: given(succeeded, reports(diskInUse, diskInUse)), phase: succeeded, condition: conditions[succeeded],
	}, "succeeded, and they are not yet for the next request": {
		changes: given(succeeded, reports(diskInUse, diskDone), another), phase: succeeded,
		condition: conditions[succeeded],
	}})
}

// Status can be lost at any moment, as when a cluster is restored from a backup. The disks show how far the restore
// came.
func TestLostStatus(t *testing.T) {
	const starts = "False Starting: the guest starts on the restored disks, until 2026-03-01T12:06:00Z at the latest: " +
		"KubeVirt reports Stopped"
	lost := func(mark string, changes ...change) []change {
		return append([]change{statusLost, marked(mark)}, changes...)
	}
	noClaim := of("data", func(disk *v1alpha1.WukongDisk) { disk.Status.ClaimName = "" })
	adopted := of("data", func(disk *v1alpha1.WukongDisk) {
		disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "old"}}
	})
	switches := row{phase: switching, condition: "False Switching: 1 of 2 disks are replaced", holds: true}
	with := func(row row, changes ...change) row {
		row.changes = changes
		return row
	}
	back := row{phase: rollingBack, holds: true,
		condition: "False RollingBack: " + goesBack + "the guest did not start on the restored disks"}
	fills := row{phase: filling, condition: beginsAll}
	fillsOne := row{phase: filling, condition: strings.Replace(beginsAll, "0 of 2", "1 of 2", 1)}
	starting := row{phase: starting, condition: starts, after: 5 * time.Minute}
	checkAll(t, map[string]row{
		"nothing was begun": {changes: lost("", withdrawn)},
		"it replaced one, and the other failed": with(back, lost(begun, disk("root", diskInUse, ""),
			disk("data", diskFailed, "its claim was lost"), haltedWith("root-1", "data-1"))...),
		"a disk has no status":               {changes: lost(begun, forgets("data"))},
		"a disk has no status, and is ended": {changes: lost(ended, forgets("data"))},
		"a disk has no claim":                {changes: lost(begun, noClaim)},
		"a disk has no status, it is halted": {changes: lost(begun, forgets("data"), halted), holds: true},
		"no mark, a disk has no status":      {changes: lost("", forgets("data"), withdrawn)},
		"a disk of others never reports": obstacle("DiskNotRestorable: disk data (WukongDisk web-data) cannot be "+
			"restored: it uses a PersistentVolumeClaim that Wukong did not create; to leave it out, request another "+
			"restore with restore.disks",
			lost(begun, adopted, detached)...),

		"it filled them":           with(fills, lost(begun, reports(diskFilling, diskFilling))...),
		"it had filled one":        with(fillsOne, lost(begun, reports(diskFilled, diskFilling))...),
		"it replaced one":          with(switches, lost(begun, reports(diskInUse, diskFilled), halted)...),
		"it replaced one, removed": with(switches, lost(begun, reports(diskInUse, diskFilled), halted, withdrawn)...),
		"it replaced one, no mark": with(switches, lost("", reports(diskInUse, diskFilled), halted)...),
		"it replaced one, no mark, the other reports nothing": {
			changes: lost("", reports(diskInUse, diskInUse), forgetsRestore("data"), haltedWith("root-2", "data-1")),
			phase:   rollingBack, holds: true, condition: "False RollingBack: " + goesBack + "status of the WukongVM and its " +
				"annotation vm.novasphere.dev/restore-request were lost, so that nothing shows which disks belong to the restore",
		},
		"it replaced one, no mark, the other is done": {
			changes: lost("", reports(diskInUse, diskDone), haltedWith("root-2", "data-2")), phase: succeeded, mark: ended,
			condition: "True Restored: the guest runs on the disks of WukongSnapshot before; to undo this, restore " +
				"WukongSnapshot " + safetyName,
		},
		"it replaced both": with(starting,
			lost(begun, reports(diskInUse, diskInUse), haltedWith("root-2", "data-2"))...),
		"it put one back": with(back, lost(ended, reports(diskReturned, diskInUse), halted)...),
		"it was removed": {changes: lost(begun, reports(diskFilled, diskFilled), withdrawn), phase: cancelled, mark: ended,
			condition: "False Cancelled: the request was removed from spec.restore before any disk was replaced"},
		"it was replaced by another": {changes: lost(begun, reports(diskFilled, diskFilled), another), phase: cancelled,
			mark: ended, after: time.Millisecond,
			condition: "False Cancelled: another request replaced it in spec.restore before any disk was replaced"},
		"it has ended": {changes: lost(ended, reports(diskDone, diskDone)), phase: skipped,
			condition: "True AlreadyHandled: WukongVM web has handled a restore that was requested at " +
				"2026-03-01T12:00:00Z; to restore it now, give restore.requestedAt a later time"},
		"it has ended, claims are left": {changes: lost(ended, reports(diskFilled, diskFilled)), phase: skipped,
			condition: "True AlreadyHandled: WukongVM web has handled a restore that was requested at " +
				"2026-03-01T12:00:00Z; to restore it now, give restore.requestedAt a later time"},
		"it has ended, and was removed": {changes: lost(ended, reports(diskDone, diskDone), withdrawn)},
		"another one had begun before the disks reported": {
			changes: []change{inPhase(filling), reports(diskInUse, diskFilled), halted, func(in *restore.Inputs) {
				another(in)
				in.VM.Status.Restore.Request = *in.VM.Spec.Restore
			}},
			phase: switching, condition: switches.condition, holds: true,
		},
	})
}

// What is rebuilt is what was requested, as far as anybody knows.
func TestWhatIsRebuilt(t *testing.T) {
	entries := []v1alpha1.VMRestoreDisk{
		{Name: "root", DiskName: "web-root", VolumeSnapshotName: "cut-root", PreviousClaimName: "root-1"},
		{Name: "data", DiskName: "web-data", VolumeSnapshotName: "cut-data", PreviousClaimName: "data-1"},
	}
	lost := func(changes ...change) restore.Inputs {
		return situation(append([]change{statusLost, marked(begun), halted}, changes...)...)
	}
	plan := restore.Make(lost(reports(diskInUse, diskFilled)))
	assert.Equal(t, entries, plan.Status.Disks)
	assert.Equal(t, *request(noon), plan.Status.Request)
	assert.Equal(t, noon.Add(time.Minute), plan.Status.Since.UTC())

	plan = restore.Make(lost(reports(diskInUse, diskFilled), withdrawn))
	assert.Equal(t, entries, plan.Status.Disks)
	assert.Equal(t, noon, plan.Status.Request.RequestedAt.UTC())
	assert.EqualValues(t, 600, *plan.Status.Request.StartDeadlineSeconds, "the default")

	plan = restore.Make(lost(disk("root", diskInUse, "")))
	assert.Equal(t, entries[:1], plan.Status.Disks, "data was not restored")

	plan = restore.Make(lost(reports(diskInUse, diskFilled), func(in *restore.Inputs) {
		in.VM.Spec.Restore.SafetySnapshot = v1alpha1.SafetySnapshotTake
	}))
	assert.Equal(t, safetyName, plan.Status.SafetySnapshotName, "with which the restore can be undone")
	plan = restore.Make(lost(reports(diskInUse, diskFilled), func(in *restore.Inputs) {
		in.VM.Spec.Restore.SafetySnapshot = v1alpha1.SafetySnapshotSkip
	}))
	assert.Empty(t, plan.Status.SafetySnapshotName, "none was taken")
	plan = restore.Make(lost(reports(diskInUse, diskFilled), withdrawn, func(in *restore.Inputs) {
		in.VM.CreationTimestamp = metav1.NewTime(noon)
	}))
	assert.Nil(t, plan.Status, "the disks report a restore of an earlier WukongVM")

	earlier := func(in *restore.Inputs) {
		report := in.Disks["web-root"].Status.Restore
		report.RequestedAt = metav1.NewTime(noon.Add(-time.Hour))
	}
	plan = restore.Make(lost(reports(diskInUse, diskInUse), earlier))
	assert.Equal(t, entries[1:], plan.Status.Disks, "of the latest request")
	plan = restore.Make(lost(reports(diskInUse, diskInUse), attachedElsewhere))
	assert.Equal(t, entries[:1], plan.Status.Disks, "of the disks that it has")
}

// forgetsRestore: a disk reports no restore.
func forgetsRestore(name string) change {
	return func(in *restore.Inputs) { in.Disks["web-"+name].Status.Restore = nil }
}
