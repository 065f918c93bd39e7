package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
)

const (
	goesBack = "the previous disks are put back, because "
	isBack   = "the WukongVM has its previous disks again: "
)

func noMachine(in *restore.Inputs) { in.Machine, in.Instance = nil, nil }

// printed sets what KubeVirt reports of the VirtualMachine.
func printed(status kubevirtv1.VirtualMachinePrintableStatus) change {
	return func(in *restore.Inputs) { in.Machine.Status.PrintableStatus = status }
}

func later(by time.Duration) change { return func(in *restore.Inputs) { in.Now = noon.Add(by) } }

// All disks are replaced, or none.
func TestSwitching(t *testing.T) {
	given := func(changes ...change) []change { return append([]change{inPhase(switching), halted}, changes...) }
	waits := func(message string, changes ...change) row {
		return row{changes: given(changes...), phase: switching, holds: true, condition: "False Switching: " + message}
	}
	starts := func(waits string, changes ...change) row {
		return row{changes: given(changes...), phase: starting, after: 5 * time.Minute, condition: "False Starting: the " +
			"guest starts on the restored disks, until 2026-03-01T12:06:00Z at the latest: " + waits}
	}
	lost := disk("data", diskFailed, "DataVolume data-2 was deleted")
	checkAll(t, map[string]row{
		"none is replaced":    waits("0 of 2 disks are replaced", reports(diskFilled, diskFilled)),
		"one is replaced":     waits("1 of 2 disks are replaced", reports(diskInUse, diskFilled)),
		"both are replaced":   starts("KubeVirt reports Stopped", reports(diskInUse, diskInUse)),
		"there is no guest":   starts("its VirtualMachine is being created", reports(diskInUse, diskInUse), noMachine),
		"one lost its status": waits("1 of 2 disks are replaced", reports(diskInUse, diskFilled), detached),
		"somebody started the guest": waits("2 of 2 disks are replaced", reports(diskInUse, diskInUse),
			runsOn("root-1", "data-1")),
		"somebody starts it now": waits("2 of 2 disks are replaced", reports(diskInUse, diskInUse),
			startsOn("root-1", "data-1")),
		"one was taken out of the spec": starts("KubeVirt reports Stopped", disk("root", diskInUse, ""), notListed),
		"one belongs to another WukongVM by now": starts("KubeVirt reports Stopped", disk("root", diskInUse, ""),
			attachedElsewhere),
		"the request was withdrawn": waits("1 of 2 disks are replaced", reports(diskInUse, diskFilled), withdrawn),
		"another request":           waits("1 of 2 disks are replaced", reports(diskInUse, diskFilled), another),

		"one is lost, the other is replaced": {
			changes: given(disk("root", diskInUse, ""), lost), phase: rollingBack, holds: true, mark: ended,
			condition: "False RollingBack: " + goesBack + "disk data (WukongDisk web-data): DataVolume data-2 was deleted",
		},
		"one is being deleted": {
			changes: given(reports(diskInUse, diskFilled), deletedDisk), phase: rollingBack, holds: true, mark: ended,
			condition: "False RollingBack: " + goesBack + "disk data (WukongDisk web-data) is being deleted",
		},
		"one is being deleted, and not listed": starts("KubeVirt reports Stopped", disk("root", diskInUse, ""), notListed,
			deletedDisk),
		"one is lost, none is replaced": {
			changes: given(disk("root", diskFilled, ""), lost), phase: rolledBack, mark: ended,
			condition: "False RolledBack: " + isBack + "disk data (WukongDisk web-data): DataVolume data-2 was deleted",
		},
		"one is lost, and somebody started the guest": {
			changes: given(disk("root", diskFilled, ""), lost, runs), phase: rollingBack, holds: true, mark: ended,
			condition: "False RollingBack: " + goesBack + "disk data (WukongDisk web-data): DataVolume data-2 was deleted",
		},
	})
}

// The guest runs on the restored disks, or the previous ones are put back.
func TestStarting(t *testing.T) {
	const until = "the guest starts on the restored disks, until 2026-03-01T12:05:00Z at the latest: "
	const missed = "the guest did not start on the restored disks within 5m0s: "
	given := func(changes ...change) []change {
		return append([]change{
			inPhase(starting, reports(diskInUse, diskInUse)), startsOn("root-2", "data-2"),
		}, changes...)
	}
	waits := func(message string, changes ...change) row {
		return row{changes: given(changes...), phase: starting, after: 4 * time.Minute,
			condition: "False Starting: " + until + message}
	}
	goes := func(cause string, changes ...change) row {
		return row{changes: given(changes...), phase: rollingBack, holds: true, mark: ended,
			condition: "False RollingBack: " + goesBack + missed + cause}
	}
	runsNow := runsOn("root-2", "data-2")
	scheduling := func(in *restore.Inputs) {
		runsNow(in)
		in.Instance.Status.Phase = kubevirtv1.Scheduling
	}
	wantsAgent := func(in *restore.Inputs) {
		in.VM.Status.Restore.Request.SuccessWhen = v1alpha1.RestoreSuccessGuestAgent
	}
	agent := func(in *restore.Inputs) {
		in.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
			Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue,
		}}
	}
	shutsDown := func(in *restore.Inputs) { in.Instance.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }
	succeeds := func(changes ...change) row {
		return row{changes: given(changes...), phase: succeeded, mark: ended,
			condition: "True Restored: the guest runs on the disks of WukongSnapshot before"}
	}
	crashes := printed(kubevirtv1.VirtualMachineStatusCrashLoopBackOff)
	begins, stops := printed(kubevirtv1.VirtualMachineStatusStarting), printed(kubevirtv1.VirtualMachineStatusStopping)
	noDeadline := func(in *restore.Inputs) { in.VM.Status.Restore.Request.StartDeadlineSeconds = nil }
	back := waits("the guest was started on the previous disks, and is stopped again", runsOn("root-1", "data-1"))
	back.holds = true
	checkAll(t, map[string]row{
		"it starts":                     waits("KubeVirt reports Starting", begins),
		"KubeVirt has reported nothing": waits("KubeVirt reports Stopped"),
		"there is no VirtualMachine":    waits("its VirtualMachine is being created", noMachine),
		"it cannot start":               waits("Secret web does not exist", prevented),
		"it runs, and a disk has not reported": waits("the guest runs, and 1 of 2 disks report their new claims", runsNow,
			forgets("data")),
		"it runs, and nobody sees it": {given(unserved), starting,
			"False Starting: waits until the cluster serves VirtualMachines", "", 0, false},
		"it is scheduled":                 waits("KubeVirt reports Starting", scheduling, begins),
		"it shuts down":                   waits("KubeVirt reports Stopping", runsNow, shutsDown, stops),
		"it runs, and its agent is quiet": waits("the guest runs, and its agent does not answer yet", runsNow, wantsAgent),
		"it was started too early":        back,
		"it was started with one previous disk": func() row {
			mixed := back
			mixed.changes = given(runsOn("root-2", "data-1"))
			return mixed
		}(),
		"it runs":                       succeeds(runsNow),
		"it runs, at the last moment":   succeeds(runsNow, later(time.Hour)),
		"its agent answers":             succeeds(runsNow, wantsAgent, agent),
		"it runs, the request is gone":  succeeds(runsNow, withdrawn),
		"it runs, with another request": succeeds(runsNow, another),
		"it runs, without a disk":       succeeds(runsOn("root-2", "data-1"), notListed),
		"it did not start":              goes("KubeVirt reports CrashLoopBackOff", crashes, later(5*time.Minute)),
		"it did not start, and is gone": goes("its VirtualMachine is being created", noMachine, later(5*time.Minute)),
		"its agent did not answer": goes("the guest runs, and its agent does not answer yet", runsNow, wantsAgent,
			later(5*time.Minute)),
		"its last second": {given(later(299 * time.Second)), starting,
			"False Starting: " + until + "KubeVirt reports Stopped", "", time.Second, false},
		"the default is ten minutes": {given(noDeadline), starting, "False Starting: the guest starts on the restored " +
			"disks, until 2026-03-01T12:10:00Z at the latest: KubeVirt reports Stopped", "", 9 * time.Minute, false},
		"a disk is reported as filled again": {
			given(disk("data", diskFilled, ""), haltedWith("root-1", "data-1")), switching,
			"False Switching: 1 of 2 disks are replaced", "", 0, true,
		},
		"a disk lost its status, the VirtualMachine has its claim": waits("KubeVirt reports Stopped",
			forgets("data"), haltedWith("root-2", "data-2")),
		"a disk lost its status, the VirtualMachine has the previous claim": {
			given(forgets("data"), haltedWith("root-2", "data-1")), switching, "False Switching: 1 of 2 disks are replaced",
			"", 0, true,
		},
	})
}

// forgets: a disk has lost its status.
func forgets(name string) change {
	return func(in *restore.Inputs) { in.Disks["web-"+name].Status = v1alpha1.WukongDiskStatus{} }
}

// A WukongVM that is to be stopped keeps both claims until its guest has run.
func TestSwitched(t *testing.T) {
	const kept = "True Restored: the disks are those of WukongSnapshot before; the previous ones are kept until the " +
		"guest has started (powerState is Stopped)"
	named := func(in *restore.Inputs) { in.VM.Status.Restore.SafetySnapshotName = safetyName }
	both := reports(diskInUse, diskInUse)
	checkAll(t, map[string]row{
		"powerState is Stopped": {
			changes: []change{inPhase(starting, both), powerStopped, haltedWith("root-2", "data-2")}, phase: switched,
			condition: kept,
		},
		"from the first claim on": {
			changes: []change{inPhase(switching, both), powerStopped, halted}, phase: switched, condition: kept,
		},
		"it was started and stopped in vain": {
			changes: []change{inPhase(starting, both), powerStopped, noMachine, later(time.Hour)}, phase: switched,
			condition: kept,
		},
		"it stays so": {
			changes: []change{inPhase(switched, both, named), powerStopped, haltedWith("root-2", "data-2")},
			phase:   switched, condition: kept + "; to undo this, restore WukongSnapshot " + safetyName,
		},
		"the request was withdrawn": {
			changes: []change{inPhase(switched, both), powerStopped, withdrawn, haltedWith("root-2", "data-2")},
			phase:   switched, condition: kept,
		},
		"it starts, and has all its time": {
			changes: []change{inPhase(switched, both), haltedWith("root-2", "data-2"), later(time.Hour)},
			phase:   starting, after: 5 * time.Minute, condition: "False Starting: the guest starts on the restored " +
				"disks, until 2026-03-01T13:05:00Z at the latest: KubeVirt reports Stopped",
		},
		"it runs": {
			changes: []change{inPhase(switched, both, named), runsOn("root-2", "data-2")}, phase: succeeded, mark: ended,
			condition: "True Restored: the guest runs on the disks of WukongSnapshot before; to undo this, restore " +
				"WukongSnapshot " + safetyName,
		},
		"a request for later": {
			changes: []change{inPhase(switched, both), powerStopped, appointed, haltedWith("root-2", "data-2")},
			phase:   switched, condition: kept,
		},
		"an earlier request": {
			changes: []change{inPhase(switched, both), powerStopped, earlierRequest, haltedWith("root-2", "data-2")},
			phase:   switched, condition: kept,
		},
		"another request that cannot begin": {
			changes: []change{inPhase(switched, both), powerStopped, another, noSnapshot, haltedWith("root-2", "data-2")},
			phase:   switched, condition: kept,
		},
		"another request is the verdict": {
			changes: []change{inPhase(switched, both), powerStopped, another, haltedWith("root-2", "data-2")},
			phase:   succeeded, mark: ended, after: time.Millisecond,
			condition: "True Restored: the guest runs on the disks of WukongSnapshot before",
		},
	})
}

func appointed(in *restore.Inputs)      { in.VM.Spec.Restore = request(noon.Add(time.Hour)) }
func earlierRequest(in *restore.Inputs) { in.VM.Spec.Restore = request(noon.Add(-time.Second)) }

// The guest starts on the previous disks when it has all of them.
func TestRollingBack(t *testing.T) {
	caused := func(in *restore.Inputs) {
		in.VM.Status.Restore.Reason, in.VM.Status.Restore.Cause = v1alpha1.ReasonRolledBack, "the guest did not start"
		marked(ended)(in)
	}
	given := func(changes ...change) []change {
		return append([]change{inPhase(rollingBack, caused), haltedWith("root-2", "data-2")}, changes...)
	}
	waits := func(changes ...change) row {
		return row{changes: given(changes...), phase: rollingBack, holds: true,
			condition: "False RollingBack: " + goesBack + "the guest did not start"}
	}
	const mixed = "disks are of two times"
	held := func(changes ...change) row {
		return row{changes: given(changes...), phase: rollingBack, holds: true,
			condition: "False RollingBack: the guest is not started, because its " + mixed + ": the previous " +
				"PersistentVolumeClaim of disk data was deleted, and the other disks are put back. Set powerState to Stopped, " +
				"and request a restore of another WukongSnapshot; or remove the restore from the spec as well, to accept the " +
				"disks as they are"}
	}
	notRolledBack := func(after time.Duration, changes ...change) row {
		return row{changes: given(changes...), phase: v1alpha1.RestoreNotRolledBack, after: after,
			condition: "False NotRolledBack: the guest did not start; the " + mixed + ", because the previous " +
				"PersistentVolumeClaim of disk data was deleted, and the other disks were put back"}
	}
	startsAgain := func(changes ...change) row {
		return row{changes: given(changes...), phase: starting, after: 5 * time.Minute, condition: "False Starting: the " +
			"guest starts on the restored disks, until 2026-03-01T12:06:00Z at the latest: KubeVirt reports Stopped"}
	}
	ends := func(changes ...change) row {
		return row{changes: given(changes...), phase: rolledBack,
			condition: "False RolledBack: " + isBack + "the guest did not start"}
	}
	checkAll(t, map[string]row{
		"a cause with a period": waits(reports(diskInUse, diskInUse), func(in *restore.Inputs) {
			in.VM.Status.Restore.Cause = "the guest did not start."
		}),
		"none is back":                   waits(reports(diskInUse, diskInUse)),
		"one is back":                    waits(reports(diskReturned, diskInUse)),
		"both are back":                  ends(reports(diskReturned, diskReturned)),
		"the guest runs still":           waits(reports(diskReturned, diskReturned), runsOn("root-2", "data-2")),
		"it may start":                   waits(reports(diskReturned, diskReturned), startsOn("root-2", "data-2")),
		"there is no guest":              ends(reports(diskReturned, diskReturned), noMachine),
		"a disk lost its status":         waits(reports(diskReturned, diskReturned), forgets("data")),
		"one has no claim to go back to": waits(reports(diskInUse, diskInUse), stranded("data")),
		"none has one, and the guest runs": waits(reports(diskInUse, diskInUse), stranded("root", "data"),
			runsOn("root-2", "data-2")),
		"none has one":                           startsAgain(reports(diskInUse, diskInUse), stranded("root", "data")),
		"one has none, the other is back":        held(reports(diskReturned, diskInUse), stranded("data")),
		"one has none, the other was not filled": held(reports(diskFailed, diskInUse), stranded("data")),
		"held, the request was withdrawn":        held(reports(diskReturned, diskInUse), stranded("data"), withdrawn),
		"held, another request cannot begin": held(reports(diskReturned, diskInUse), stranded("data"), another,
			noSnapshot),
		"held, another request": held(reports(diskReturned, diskInUse), stranded("data"), another),
		"held, powerState Stopped and another request": notRolledBack(time.Millisecond, reports(diskReturned, diskInUse),
			stranded("data"), another, powerStopped),
		"held, another request, and somebody started the guest": held(reports(diskReturned, diskInUse), stranded("data"),
			another, runsOn("root-2", "data-2")),
		"held, powerState Stopped": held(reports(diskReturned, diskInUse), stranded("data"), powerStopped),
		"held, and accepted": notRolledBack(0, reports(diskReturned, diskInUse), stranded("data"), powerStopped,
			withdrawn),
		"held, it may start": held(reports(diskReturned, diskInUse), stranded("data"), powerStopped,
			startsOn("root-2", "data-2")),
		"a disk left, and is not":   ends(reports(diskReturned, diskInUse), notListed),
		"another WukongVM has one":  ends(reports(diskReturned, diskInUse), attachedElsewhere),
		"the request was withdrawn": waits(reports(diskReturned, diskInUse), withdrawn),
		"another request":           waits(reports(diskReturned, diskInUse), another),
		"powerState Stopped":        ends(reports(diskReturned, diskReturned), powerStopped),
	})
}

// A guest must not run on disks of two times. When the claim that one disk had before was deleted, none is put back.
func TestNoDiskIsPutBackWithoutTheOthers(t *testing.T) {
	const stays = "the guest did not start on the restored disks within 5m0s"
	given := func(changes ...change) []change {
		return append([]change{
			inPhase(starting, reports(diskInUse, diskInUse), stranded("data")), haltedWith("root-2", "data-2"),
			later(24 * time.Hour),
		}, changes...)
	}
	late := func(condition string, changes ...change) row {
		return row{changes: given(changes...), phase: starting, condition: "False Starting: " + condition}
	}
	one := late(stays + ": KubeVirt reports Stopped. Its previous disks cannot be put back, because the previous " +
		"PersistentVolumeClaim of disk data was deleted")
	undone := one
	undone.changes = given(func(in *restore.Inputs) { in.VM.Status.Restore.SafetySnapshotName = safetyName })
	undone.condition += "; to undo this, restore WukongSnapshot " + safetyName
	waits := one
	waits.changes = given(another, noSnapshot)
	checkAll(t, map[string]row{
		"the previous claim of a disk was deleted": one,
		"the previous claims of both were deleted": late(stays+": KubeVirt reports Stopped. Its previous disks cannot be "+
			"put back, because the previous PersistentVolumeClaims of disks root, data were deleted", stranded("root")),
		"there is a safety snapshot":        undone,
		"another request that cannot begin": waits,
		"another request": {
			changes: given(another), phase: v1alpha1.RestoreNotRolledBack, mark: ended, after: time.Millisecond,
			condition: "False NotRolledBack: " + stays + ", and the previous PersistentVolumeClaim of disk data was deleted",
		},
		"it starts at last": {
			changes: given(runsOn("root-2", "data-2")), phase: succeeded, mark: ended,
			condition: "True Restored: the guest runs on the disks of WukongSnapshot before",
		},
		"powerState Stopped": {
			changes: given(powerStopped), phase: switched, condition: "True Restored: the disks are those of WukongSnapshot " +
				"before; the previous ones are kept until the guest has started (powerState is Stopped)",
		},
		"the disks are replaced, and the deadline is over": {
			changes: []change{
				inPhase(switching, reports(diskInUse, diskInUse), stranded("data")), haltedWith("root-2", "data-2"),
				later(24 * time.Hour),
			},
			phase: starting, after: 5 * time.Minute, condition: "False Starting: the guest starts on the restored disks, " +
				"until 2026-03-02T12:05:00Z at the latest: KubeVirt reports Stopped",
		},
	})
}

// stranded: the previous claims of some disks were deleted.
func stranded(disks ...string) change {
	return func(in *restore.Inputs) {
		for _, name := range disks {
			in.Disks["web-"+name].Status.Restore.PreviousClaimName = ""
		}
	}
}

// A user who stops the WukongVM after the deadline keeps the restored disks: it has not been tried again.
func TestTheDeadlineIsOfAGuestThatIsToRun(t *testing.T) {
	plan := restore.Make(situation(inPhase(starting, reports(diskInUse, diskInUse)), powerStopped, later(time.Hour),
		haltedWith("root-2", "data-2")))
	assert.Equal(t, switched, phaseIn(plan))
	assert.Zero(t, plan.After)
}
