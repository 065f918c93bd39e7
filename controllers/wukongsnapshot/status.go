package wukongsnapshot

import (
	"context"
	"fmt"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// evaluate says where the snapshot stands.
func evaluate(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *operation.State {
	state := stateOf(snapshot, observed, applyErr)
	if after := observed.done.after; after > 0 && (state.After == 0 || after < state.After) {
		state.After = after
	}
	return state
}

func stateOf(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *operation.State {
	quiesce := snapshot.Status.Quiesce
	switch {
	case snapshot.Finished():
		return kept(snapshot, observed)
	case observed.done.gaveUp:
		return operation.Failed("given up after %d attempts: %s; make another snapshot", quiesce.Attempts, quiesce.Failure)
	case quiesce != nil && quiesce.Step != v1alpha1.QuiesceThawed:
		return freezing(quiesce)
	case observed.begun():
		return progress(snapshot, observed, applyErr)
	case quiesce != nil:
		return repeating(snapshot, observed, applyErr)
	}
	if found := obstacle(snapshot, observed); found != nil {
		return found
	}
	if applyErr == nil {
		return operation.Pending(v1alpha1.ReasonPending, "the VolumeSnapshot is being made")
	}
	return operation.Pending(apply.Reason(applyErr), "%s", applyErr)
}

// repeating is the state between two attempts to freeze the guest.
func repeating(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *operation.State {
	failure := snapshot.Status.Quiesce.Failure
	if applyErr != nil {
		failure = applyErr.Error()
	}
	quiesce, seconds := snapshot.Status.Quiesce, ptr.Deref(snapshot.Spec.FailureDeadlineSeconds, 0)
	left := operation.Left(observed.started(snapshot).Time, seconds, observed.now)
	if left <= 0 {
		return operation.Failed("given up after failureDeadlineSeconds (%d) and %d attempts to freeze the guest: %s; make another snapshot",
			seconds, quiesce.Attempts, failure)
	}
	state := operation.InProgress(v1alpha1.ReasonInProgress, "attempt %d to freeze the guest was in vain and is repeated: %s", quiesce.Attempts, failure)
	state.After = left
	return state
}

// freezing is how far the freezing of the guest is.
func freezing(quiesce *v1alpha1.SnapshotQuiesce) *operation.State {
	switch quiesce.Step {
	case v1alpha1.QuiesceFrozen:
		return operation.InProgress(v1alpha1.ReasonInProgress, "the file systems of the guest are frozen, and its disks are cut")
	case v1alpha1.QuiesceThawing:
		return operation.InProgress(v1alpha1.ReasonInProgress, "the guest agent is asked to thaw the file systems: %s", quiesce.Failure)
	default:
		return operation.InProgress(v1alpha1.ReasonInProgress, "the guest agent is asked to freeze the file systems")
	}
}

// kept is what became of a snapshot that was finished.
func kept(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	if snapshot.Status.Phase == v1alpha1.OperationFailed {
		return operation.Recorded(snapshot)
	}
	lost := func(reason, format string, arguments ...any) *operation.State {
		return &operation.State{Phase: v1alpha1.OperationSucceeded, Reason: reason, Message: fmt.Sprintf(format, arguments...)}
	}
	for _, one := range observed.parts {
		switch taken := one.taken; {
		case taken == nil, !taken.DeletionTimestamp.IsZero():
			return lost(v1alpha1.ReasonSnapshotLost, "VolumeSnapshot %s, which was complete, is gone, and its point in time with it: make another snapshot",
				one.VolumeSnapshotName)
		case !ready(taken):
			return lost(v1alpha1.ReasonSnapshotError, "VolumeSnapshot %s, which was complete, is not ready to use: %s", taken.Name, storageSays(taken))
		}
	}
	return operation.Succeeded(v1alpha1.ReasonTaken)
}

// progress is how far the storage is.
func progress(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *operation.State {
	if observed.all(ready) {
		if !insufficient(snapshot, observed) {
			return operation.Succeeded(v1alpha1.ReasonTaken)
		}
		if snapshot.Status.Quiesce != nil {
			return operation.Failed("%s, and requiredConsistency is %s: make another snapshot", snapshot.Status.Quiesce.Failure, snapshot.Spec.RequiredConsistency)
		}
		return operation.Failed("a machine began to use the disk while the snapshot was taken, so that it is no better than after a power failure, "+
			"and requiredConsistency is %s: make another snapshot", snapshot.Spec.RequiredConsistency)
	}
	waiting := observed.waiting()
	seconds := ptr.Deref(snapshot.Spec.FailureDeadlineSeconds, 0)
	deadline := time.Duration(seconds) * time.Second
	left := operation.Left(observed.started(snapshot).Time, seconds, observed.now)
	switch {
	case left <= 0:
		return operation.Failed("given up after %s: %s; mend the cause and make another snapshot", deadline, storageSays(waiting))
	case applyErr != nil:
		return operation.Pending(apply.Reason(applyErr), "%s", applyErr)
	case waiting == nil:
		return operation.InProgress(v1alpha1.ReasonInProgress, "the VolumeSnapshots are being made")
	case !waiting.DeletionTimestamp.IsZero():
		return operation.InProgress(v1alpha1.ReasonInProgress, "VolumeSnapshot %s is being deleted, and is made again afterwards", waiting.Name)
	}
	state := operation.InProgress(v1alpha1.ReasonInProgress, "VolumeSnapshot %s is being taken", waiting.Name)
	if waiting.Status != nil && waiting.Status.Error != nil {
		state = operation.InProgress(v1alpha1.ReasonSnapshotError, "VolumeSnapshot %s: %s; it is tried again until %s",
			waiting.Name, storageSays(waiting), observed.started(snapshot).Add(deadline).UTC().Format(time.RFC3339))
	}
	state.After = left
	return state
}

// waiting is a VolumeSnapshot that is not ready, rather one that failed; nil for none.
func (o *observation) waiting() *snapshotv1.VolumeSnapshot {
	var found *snapshotv1.VolumeSnapshot
	for _, one := range o.parts {
		if one.taken == nil || ready(one.taken) {
			continue
		}
		if found == nil || one.taken.Status != nil && one.taken.Status.Error != nil {
			found = one.taken
		}
	}
	return found
}

// storageSays is the storage's own error.
func storageSays(taken *snapshotv1.VolumeSnapshot) string {
	if taken != nil && taken.Status != nil && taken.Status.Error != nil && ptr.Deref(taken.Status.Error.Message, "") != "" {
		return *taken.Status.Error.Message
	}
	return "the storage says nothing of it; is a snapshot controller running, and the driver's sidecar?"
}

// started is when the work began; nil before.
func (o *observation) started(snapshot *v1alpha1.WukongSnapshot) *metav1.Time {
	if snapshot.Status.StartTime != nil {
		return snapshot.Status.StartTime
	}
	var first *metav1.Time
	for _, one := range o.parts {
		if one.taken != nil && (first == nil || one.taken.CreationTimestamp.Before(first)) {
			first = &one.taken.CreationTimestamp
		}
	}
	return first
}

// writeStatus writes the status where it differs, and returns the snapshot with it.
func (r *Reconciler) writeStatus(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, state *operation.State,
) (*v1alpha1.WukongSnapshot, error) {
	after := snapshot.DeepCopy()
	set := conditions.For(snapshot, r.clock)
	state.Report(set)
	observed.umbrella.Report(set)
	if !snapshot.Finished() {
		after.Status = describe(snapshot, observed)
	}
	after.Status.OperationStatus = state.Describe(snapshot, set, observed.started(snapshot), observed.now)
	return after, r.applier.Status(ctx, snapshot, after)
}

// describe is the part of status that only snapshots have. It is empty until the snapshot has begun.
func describe(snapshot *v1alpha1.WukongSnapshot, observed *observation) v1alpha1.WukongSnapshotStatus {
	described := v1alpha1.WukongSnapshotStatus{Quiesce: snapshot.Status.Quiesce}
	if !observed.begun() && described.Quiesce == nil {
		return described
	}
	described.Disks, described.Excluded, described.Machine = observed.held(), observed.excluded(snapshot), observed.machine(snapshot)
	if isFreezing := described.Quiesce != nil && described.Quiesce.Step != v1alpha1.QuiesceThawed; isFreezing || !observed.begun() {
		return described
	}
	described.Consistency, described.Indications = reached(snapshot, observed), indications(snapshot, observed)
	if observed.all(ready) {
		for i := range described.Disks {
			if at := described.Disks[i].TakenAt; described.TakenAt == nil || described.TakenAt.Before(at) {
				described.TakenAt = at
			}
		}
	}
	return described
}

// held are the disks that the snapshot holds. What the storage reported of each is added when all are ready: that is one
// write, however many disks there are.
func (o *observation) held() []v1alpha1.SnapshotDiskStatus {
	held := make([]v1alpha1.SnapshotDiskStatus, 0, len(o.parts))
	for _, one := range o.parts {
		disk := one.SnapshotDiskStatus
		if o.all(ready) {
			disk.RestoreSize, disk.TakenAt = one.taken.Status.RestoreSize, one.taken.Status.CreationTime
		}
		held = append(held, disk)
	}
	return held
}

// excluded are the disks that the snapshot does not hold. That is decided once.
func (o *observation) excluded(snapshot *v1alpha1.WukongSnapshot) []v1alpha1.SnapshotExcludedDisk {
	if len(snapshot.Status.Disks) > 0 {
		return snapshot.Status.Excluded
	}
	return o.source.excluded
}

// machine is the WukongVM as it was when the snapshot began; nil for a snapshot of a disk.
func (o *observation) machine(snapshot *v1alpha1.WukongSnapshot) *v1alpha1.SnapshotMachine {
	vm := o.source.vm
	if snapshot.Status.Machine != nil || vm == nil {
		return snapshot.Status.Machine
	}
	machine := &v1alpha1.SnapshotMachine{Name: vm.Name, UID: string(vm.UID), Generation: vm.Generation}
	if data, err := manifest(vm); err == nil && len(data) <= maxManifest {
		machine.RevisionName = revisionName(snapshot, vm)
	}
	return machine
}
