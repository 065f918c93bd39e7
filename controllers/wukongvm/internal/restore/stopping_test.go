package restore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
)

// The safety snapshot of the restore that was requested at noon.
var safetyName = model.SafetySnapshotName(situation().VM, noon)

// notListed: somebody took disk data out of the spec.
func notListed(in *restore.Inputs) { in.VM.Spec.Disks = in.VM.Spec.Disks[:1] }

// otherDisk: somebody put another WukongDisk in the place of disk data.
func otherDisk(in *restore.Inputs) { in.VM.Spec.Disks[1].DiskRef.Name = "other" }

func attachedElsewhere(in *restore.Inputs) { in.Disks["web-data"].Status.AttachedTo = "db" }
func missingDisk(in *restore.Inputs)       { in.Disks["web-data"] = nil }

// skipping takes no safety snapshot.
func skipping(in *restore.Inputs) {
	in.VM.Status.Restore.Request.SafetySnapshot = v1alpha1.SafetySnapshotSkip
}

func whenStopped(in *restore.Inputs) {
	in.VM.Status.Restore.Request.Stop = v1alpha1.RestoreStopWhenStopped
}

// The guest runs on until all disks are filled.
func TestFilling(t *testing.T) {
	filled := func(count, of string) string {
		return "False Filling: " + count + " of " + of + " disks are filled from the snapshot while the WukongVM stays " +
			"as it is"
	}
	unchanged := func(changes ...change) row {
		return row{changes: []change{inPhase(filling, changes...)}, phase: filling, condition: filled("0", "2")}
	}
	fails := func(cause string, changes ...change) row {
		return row{
			changes: []change{inPhase(filling, changes...)}, phase: failed, mark: ended,
			condition: "False RestoreFailed: " + cause + "; nothing was changed",
		}
	}
	earlier := func(in *restore.Inputs) {
		in.Disks["web-data"].Status.Restore.RequestedAt = metav1.NewTime(noon.Add(-time.Hour))
	}
	zone := func(in *restore.Inputs) {
		in.Disks["web-data"].Status.Restore.RequestedAt = metav1.NewTime(noon.In(time.FixedZone("CET", 3600)))
	}
	const gone = "WukongVM web no longer has disk data (WukongDisk web-data)"
	checkAll(t, map[string]row{
		"no disk has reported": unchanged(),
		"one is filled": {changes: []change{inPhase(filling, reports(diskFilled, diskFilling))}, phase: filling,
			condition: filled("1", "2")},
		"both are being filled": {
			changes: []change{inPhase(filling, disk("root", diskFilling, "DataVolume root-2 is filled to 40 %"),
				disk("data", diskFilling, "waits until the disk is complete"))},
			phase: filling, condition: filled("0", "2") + "; disk root: DataVolume root-2 is filled to 40 %; " +
				"disk data: waits until the disk is complete",
		},
		"one reports an earlier restore": {
			changes: []change{inPhase(filling, reports(diskFilled, diskFilled), earlier)}, phase: filling,
			condition: filled("1", "2"),
		},
		"one failed in an earlier restore": {
			changes: []change{inPhase(filling, reports(diskFilled, diskFailed), earlier)}, phase: filling,
			condition: filled("1", "2"),
		},
		"a time of another zone": {
			changes: []change{inPhase(filling, reports(diskFilled, diskFilled), zone)}, phase: stopping, holds: true,
			condition: "False Stopping: all disks are filled: the guest shuts down",
		},
		"one cannot be filled": fails("disk data (WukongDisk web-data): its VolumeSnapshot was deleted",
			disk("root", diskFilled, ""), disk("data", diskFailed, "its VolumeSnapshot was deleted")),
		"a disk is not in the spec any more":  fails(gone, notListed),
		"another disk is in its place":        fails(gone, otherDisk),
		"a disk is deleted":                   fails(gone, missingDisk),
		"a disk is being deleted":             fails("disk data (WukongDisk web-data) is being deleted", deletedDisk),
		"a disk has another name by now":      unchanged(rename("logs")),
		"another WukongVM has a disk":         fails(gone, attachedElsewhere),
		"a disk lost its status":              unchanged(detached),
		"the snapshot is deleted meanwhile":   unchanged(noSnapshot),
		"the spec is limited to one disk now": unchanged(only("root")),
	})
}

func noSnapshot(in *restore.Inputs) { in.Snapshot = nil }

// detached: the status of disk data was lost, so that it names no WukongVM.
func detached(in *restore.Inputs) { in.Disks["web-data"].Status.AttachedTo = "" }

// The guest is stopped when all disks are filled, and not while that would harm it.
func TestStopping(t *testing.T) {
	frozen := func(in *restore.Inputs) { in.Instance.Status.FSFreezeStatus = "frozen" }
	migrating := func(in *restore.Inputs) {
		in.Instance.Status.MigrationState = &kubevirtv1.VirtualMachineInstanceMigrationState{}
	}
	volumeMigrates := func(in *restore.Inputs) { in.Migrates = true }
	shutsDown := func(in *restore.Inputs) { in.Instance.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }
	final := func(in *restore.Inputs) { in.Instance.Status.Phase = kubevirtv1.Succeeded }
	noMachine := func(in *restore.Inputs) { in.Machine, in.Instance = nil, nil }
	orphan := func(in *restore.Inputs) { in.Machine = nil }
	given := func(changes ...change) []change {
		return []change{inPhase(stopping, reports(diskFilled, diskFilled)), func(in *restore.Inputs) {
			for _, change := range changes {
				change(in)
			}
		}}
	}
	stops := func(changes ...change) row {
		return row{changes: given(changes...), phase: stopping, holds: true,
			condition: "False Stopping: all disks are filled: the guest shuts down"}
	}
	waits := func(message string, after time.Duration, changes ...change) row {
		return row{changes: given(changes...), phase: stopping, condition: "False Stopping: " + message, after: after}
	}
	isTaken := func(changes ...change) row {
		return row{changes: given(changes...), phase: safety, holds: true, after: 10 * time.Minute,
			condition: "False Safety: WukongSnapshot " + safetyName + " of the stopped WukongVM is taken"}
	}
	fails := func(cause string, changes ...change) row {
		return row{changes: given(changes...), phase: failed, mark: ended,
			condition: "False RestoreFailed: " + cause + "; no disk was replaced"}
	}
	const untilStopped = "all disks are filled: the " +
		"restore waits until powerState is Stopped (restore.stop is WhenStopped)"
	const untilMigrated, untilThawed = "the guest is stopped when its migration has ended",
		"the guest is stopped when its file systems are thawed: a snapshot is being taken"
	checkAll(t, map[string]row{
		"the guest runs":                       stops(),
		"the guest shuts down":                 stops(shutsDown),
		"the guest has shut down":              stops(final),
		"the VirtualMachine is gone":           stops(orphan),
		"the VirtualMachine may start":         stops(startsOn("root-1", "data-1")),
		"frozen, and shuts down":               stops(frozen, shutsDown),
		"WhenStopped, and it runs":             waits(untilStopped, 0, whenStopped),
		"WhenStopped, and powerState Stopped":  stops(whenStopped, powerStopped),
		"WhenStopped, and it is stopped":       isTaken(whenStopped, powerStopped, halted),
		"WhenStopped, and it is frozen":        waits(untilStopped, 0, whenStopped, frozen),
		"it is frozen":                         waits(untilThawed, time.Second, frozen),
		"it is frozen, with powerState":        waits(untilThawed, time.Second, frozen, powerStopped),
		"it migrates":                          waits(untilMigrated, 0, migrating),
		"a volume migrates":                    waits(untilMigrated, 0, volumeMigrates),
		"a volume migrates, and it shuts down": stops(volumeMigrates, shutsDown),
		"it could not start again": waits("all disks are filled, and the guest is not stopped, because it could not start "+
			"again: Secret web does not exist", 30*time.Second, prevented),
		"it could not start again, migrates":   waits(untilMigrated, 0, prevented, migrating),
		"it could not start again, shuts down": stops(prevented, shutsDown),
		"it could not start again, is stopped": isTaken(prevented, halted),
		"a disk is being deleted":              fails("disk data (WukongDisk web-data) is being deleted", deletedDisk),
		"nobody knows what runs": {changes: given(unserved), phase: stopping, holds: true,
			condition: "False Stopping: waits until the cluster serves VirtualMachines"},
		"it is stopped":     isTaken(halted),
		"there is no guest": isTaken(noMachine),
		"it is stopped, and none is wanted": {changes: given(halted, skipping), phase: switching, holds: true,
			condition: "False Switching: 0 of 2 disks are replaced"},
		"a disk fails": fails("disk data (WukongDisk web-data): its new claim was deleted",
			disk("data", diskFailed, "its new claim was deleted")),
		"a disk fails when it is stopped": fails("disk data (WukongDisk web-data): its new claim was deleted", halted,
			disk("data", diskFailed, "its new claim was deleted")),
		"a disk is not in the spec any more": fails("WukongVM web no longer has disk data (WukongDisk web-data)",
			notListed),
	})
}

// safetySnapshot is the WukongSnapshot of the safety snapshot's name, in a phase.
func safetySnapshot(phase v1alpha1.OperationPhase, options ...func(*v1alpha1.WukongSnapshot)) change {
	return func(in *restore.Inputs) {
		in.Safety = &v1alpha1.WukongSnapshot{
			ObjectMeta: metav1.ObjectMeta{
				Name: safetyName, Namespace: "shop", Labels: map[string]string{v1alpha1.LabelSafetyOf: "vm"},
			},
			Status: v1alpha1.WukongSnapshotStatus{OperationStatus: v1alpha1.OperationStatus{
				Phase: phase, Conditions: []metav1.Condition{{
					Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "no VolumeSnapshotClass",
				}},
			}},
		}
		if phase == v1alpha1.OperationSucceeded {
			in.Safety.Status.Conditions = isReady()
		}
		if phase == v1alpha1.OperationFailed || phase == v1alpha1.OperationSucceeded {
			in.Safety.Status.CompletionTime = ptr.To(metav1.NewTime(noon))
		}
		for _, option := range options {
			option(in.Safety)
		}
	}
}

// The WukongVM stays stopped until its safety snapshot is taken, for ten minutes at most.
func TestSafety(t *testing.T) {
	foreign := func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Labels = nil }
	ofAnother := func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Labels[v1alpha1.LabelSafetyOf] = "vm-2" }
	isTaken := func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Status.Conditions = isReady() }
	because := func(reason string) func(*v1alpha1.WukongSnapshot) {
		return func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Status.Conditions[0].Reason = reason }
	}
	isDeleted := func(snapshot *v1alpha1.WukongSnapshot) {
		snapshot.DeletionTimestamp = ptr.To(metav1.NewTime(noon))
	}
	lately := func(in *restore.Inputs) { in.Now = noon.Add(10*time.Minute - time.Second) }
	tooLate := func(in *restore.Inputs) { in.Now = noon.Add(10 * time.Minute) }
	given := func(changes ...change) []change {
		named := func(in *restore.Inputs) { in.VM.Status.Restore.SafetySnapshotName = safetyName }
		return append([]change{inPhase(safety, named, halted, reports(diskFilled, diskFilled))}, changes...)
	}
	waits := func(message string, after time.Duration, changes ...change) row {
		return row{changes: given(changes...), phase: safety, holds: true, after: after,
			condition: "False Safety: WukongSnapshot " + safetyName + " of the stopped WukongVM is taken" + message}
	}
	const inProgress, done, broken = v1alpha1.OperationInProgress, v1alpha1.OperationSucceeded, v1alpha1.OperationFailed
	checkAll(t, map[string]row{
		"it is made":                    waits("", 9*time.Minute),
		"it is made at the last moment": waits("", time.Second, lately),
		"it is being taken":             waits(": no VolumeSnapshotClass", 9*time.Minute, safetySnapshot(inProgress)),
		"it is taken": {changes: given(safetySnapshot(done)), phase: switching, holds: true,
			condition: "False Switching: 0 of 2 disks are replaced"},
		"it is taken at the last moment": {changes: given(safetySnapshot(done), tooLate), phase: switching, holds: true,
			condition: "False Switching: 0 of 2 disks are replaced"},
		"it is ready": {changes: given(safetySnapshot(inProgress, isTaken)), phase: switching, holds: true,
			condition: "False Switching: 0 of 2 disks are replaced"},
		"a disk is being deleted": {changes: given(safetySnapshot(done), deletedDisk), phase: failed, mark: ended,
			condition: "False RestoreFailed: disk data (WukongDisk web-data) is being deleted; no disk was replaced"},
		"a disk is lost": {changes: given(safetySnapshot(done), notListed), phase: failed, mark: ended,
			condition: "False RestoreFailed: WukongVM web no longer has disk data (WukongDisk web-data); no disk was " +
				"replaced"},
		"a new claim is lost": {
			changes: given(safetySnapshot(inProgress), disk("data", diskFailed, "DataVolume data-2 was deleted")),
			phase:   failed, mark: ended, condition: "False RestoreFailed: disk data (WukongDisk web-data): DataVolume " +
				"data-2 was deleted; no disk was replaced",
		},
	})
	for name, row := range map[string]struct {
		changes []change
		cause   string
	}{
		"a user's, in progress": {[]change{safetySnapshot(inProgress, foreign)}, "a WukongSnapshot " + safetyName +
			" that Wukong did not make has the name of the safety snapshot"},
		"a user's, which succeeded": {[]change{safetySnapshot(done, foreign)}, "a WukongSnapshot " + safetyName +
			" that Wukong did not make has the name of the safety snapshot"},
		"that of an earlier WukongVM web": {[]change{safetySnapshot(done, ofAnother)}, "a WukongSnapshot " +
			safetyName + " that Wukong did not make has the name of the safety snapshot"},
		"it failed": {[]change{safetySnapshot(broken)},
			"WukongSnapshot " + safetyName + ": no VolumeSnapshotClass"},
		"somebody deletes it": {[]change{safetySnapshot(done, isDeleted)}, "WukongSnapshot " + safetyName + " was deleted"},
		"it cannot be taken": {[]change{safetySnapshot(inProgress, because("SnapshotUnsupported"))},
			"WukongSnapshot " + safetyName + ": no VolumeSnapshotClass"},
		"its spec is wrong": {[]change{safetySnapshot(inProgress, because("InvalidSpec"))},
			"WukongSnapshot " + safetyName + ": no VolumeSnapshotClass"},
		"its bytes were lost": {[]change{safetySnapshot(inProgress, because("SnapshotLost"))},
			"WukongSnapshot " + safetyName + ": no VolumeSnapshotClass"},
		"it was not made": {[]change{tooLate}, "WukongSnapshot " + safetyName + " was not made within 10m0s"},
		"it takes too long": {[]change{safetySnapshot(inProgress), tooLate}, "WukongSnapshot " + safetyName +
			" was not taken within 10m0s: no VolumeSnapshotClass"},
	} {
		plan := restore.Make(situation(given(row.changes...)...))
		assert.Equal(t, failed, phaseIn(plan), name)
		assert.Equal(t, v1alpha1.ReasonRestoreFailed, plan.Status.Reason, name)
		assert.Contains(t, plan.Status.Cause, row.cause+"; no disk was replaced. ", name)
		assert.Contains(t, plan.Status.Cause, "or set restore.safetySnapshot to Skip", name)
		assert.Equal(t, ended, plan.Mark, name)
		assert.False(t, plan.Holds(), "%s: the guest starts again", name)
		assert.False(t, plan.MakesSafety, name)
	}
}

// The safety snapshot outlives the WukongVM: it has no owner, and its label names the WukongVM that it is of.
func TestTheSafetySnapshotThatIsMade(t *testing.T) {
	with := func(changes ...change) []change {
		return append([]change{inPhase(stopping, reports(diskFilled, diskFilled)), halted}, changes...)
	}
	plan := restore.Make(situation(with(func(in *restore.Inputs) {
		in.VM.Spec.WukongRef = &v1alpha1.LocalObjectReference{Name: "shop"}
	})...))
	assert.True(t, plan.MakesSafety)
	assert.Equal(t, safetyName, plan.Status.SafetySnapshotName)
	assert.Regexp(t, `^web-before20260301120000`, safetyName)
	assert.Equal(t, &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: safetyName, Labels: map[string]string{v1alpha1.LabelSafetyOf: "vm"},
		},
		Spec: v1alpha1.WukongSnapshotSpec{
			WukongRef: &v1alpha1.LocalObjectReference{Name: "shop"},
			Source: v1alpha1.SnapshotSource{
				VMRef: &v1alpha1.LocalObjectReference{Name: "web"}, Disks: []string{"root", "data"},
			},
			RequiredConsistency: v1alpha1.ConsistencyApplication, TTLSecondsAfterFinished: ptr.To[int64](3600),
		},
	}, plan.SafetySnapshot())

	plan = restore.Make(situation(with(func(in *restore.Inputs) {
		in.VM.Status.Restore.Disks = in.VM.Status.Restore.Disks[1:]
	})...))
	assert.Equal(t, []string{"data"}, plan.SafetySnapshot().Spec.Source.Disks, "of what is replaced")
	assert.Nil(t, plan.SafetySnapshot().Spec.WukongRef)

	assert.False(t, restore.Make(situation(with(skipping)...)).MakesSafety)
	assert.Empty(t, restore.Make(situation(with(skipping)...)).Status.SafetySnapshotName)
	assert.False(t, restore.Make(situation(inPhase(filling))).MakesSafety)
}
