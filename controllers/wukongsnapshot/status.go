package wukongsnapshot

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/manifest"
)

// evaluate returns the state of the snapshot, and when to look again.
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
		return operation.Failed("given up after %d attempts: %s; create another snapshot",
			quiesce.Attempts, quiesce.Failure)
	case quiesce != nil && quiesce.Step != v1alpha1.QuiesceThawed:
		return freezing(quiesce)
	case observed.parts.Begun():
		return progress(snapshot, observed, applyErr)
	case quiesce != nil:
		return repeating(snapshot, observed, applyErr)
	}
	if found := observed.obstacle(snapshot); found != nil {
		return found
	}
	if applyErr == nil {
		return operation.Pending(v1alpha1.ReasonPending, "the VolumeSnapshot is being created")
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
		return operation.Failed(
			"given up after failureDeadlineSeconds (%d) and %d attempts to freeze the guest: %s; create another snapshot",
			seconds, quiesce.Attempts, failure)
	}
	state := operation.InProgress(v1alpha1.ReasonInProgress,
		"attempt %d to freeze the guest was in vain and is repeated: %s", quiesce.Attempts, failure)
	state.After = left
	return state
}

// freezing is the state while the guest is frozen or thawed.
func freezing(quiesce *v1alpha1.SnapshotQuiesce) *operation.State {
	switch quiesce.Step {
	case v1alpha1.QuiesceFrozen:
		return operation.InProgress(
			v1alpha1.ReasonInProgress, "the file systems of the guest are frozen, and its disks are cut")
	case v1alpha1.QuiesceThawing:
		return operation.InProgress(v1alpha1.ReasonInProgress,
			"the guest agent is asked to thaw the file systems: %s", quiesce.Failure)
	default:
		return operation.InProgress(v1alpha1.ReasonInProgress, "the guest agent is asked to freeze the file systems")
	}
}

// kept is the state of a finished snapshot. Its VolumeSnapshots may be lost later.
func kept(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	if snapshot.Status.Phase == v1alpha1.OperationFailed || !observed.served {
		return operation.Recorded(snapshot) // while the API is not served, nothing is known of its VolumeSnapshots
	}
	lost := func(reason, format string, arguments ...any) *operation.State {
		return &operation.State{
			Phase: v1alpha1.OperationSucceeded, Reason: reason, Message: fmt.Sprintf(format, arguments...),
		}
	}
	for i := range observed.parts {
		switch one := &observed.parts[i]; {
		case one.Taken == nil, one.Deleting():
			return lost(v1alpha1.ReasonSnapshotLost,
				"VolumeSnapshot %s, which was complete, was deleted, and its point in time is lost: create another snapshot",
				one.VolumeSnapshotName)
		case !one.Ready():
			return lost(v1alpha1.ReasonSnapshotError, "VolumeSnapshot %s, which was complete, is not ready to use: %s",
				one.Taken.Name, one.StorageError())
		}
	}
	return operation.Succeeded(v1alpha1.ReasonTaken)
}

// progress is the state while the storage makes the VolumeSnapshots, and when it has made them.
func progress(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *operation.State {
	if observed.parts.Ready() {
		if !observed.consistency(snapshot).Insufficient() {
			return operation.Succeeded(v1alpha1.ReasonTaken)
		}
		if snapshot.Status.Quiesce != nil {
			return operation.Failed("%s, and requiredConsistency is %s: create another snapshot",
				snapshot.Status.Quiesce.Failure, snapshot.Spec.RequiredConsistency)
		}
		return operation.Failed("a guest began to use the disk while the snapshot was taken, so that it is no better than "+
			"after a power failure, and requiredConsistency is %s: create another snapshot",
			snapshot.Spec.RequiredConsistency)
	}
	waiting := observed.parts.Unready()
	seconds := ptr.Deref(snapshot.Spec.FailureDeadlineSeconds, 0)
	deadline := time.Duration(seconds) * time.Second
	left := operation.Left(observed.started(snapshot).Time, seconds, observed.now)
	switch {
	case left <= 0:
		return operation.Failed("given up after %s: %s; fix the cause and create another snapshot",
			deadline, waiting.StorageError())
	case applyErr != nil:
		return operation.Pending(apply.Reason(applyErr), "%s", applyErr)
	case waiting == nil:
		return operation.InProgress(v1alpha1.ReasonInProgress, "the VolumeSnapshots are being created")
	case waiting.Deleting():
		return operation.InProgress(v1alpha1.ReasonInProgress,
			"VolumeSnapshot %s is being deleted, and is created again afterwards", waiting.Taken.Name)
	}
	state := operation.InProgress(v1alpha1.ReasonInProgress, "VolumeSnapshot %s is being taken", waiting.Taken.Name)
	if waiting.Failed() {
		state = operation.InProgress(v1alpha1.ReasonSnapshotError, "VolumeSnapshot %s: %s; it is retried until %s",
			waiting.Taken.Name, waiting.StorageError(),
			observed.started(snapshot).Add(deadline).UTC().Format(time.RFC3339))
	}
	state.After = left
	return state
}

// started is when the work began; nil before.
func (o *observation) started(snapshot *v1alpha1.WukongSnapshot) *metav1.Time {
	if snapshot.Status.StartTime != nil {
		return snapshot.Status.StartTime
	}
	return o.parts.FirstCreated()
}

// writeStatus writes the status if it differs, and returns the snapshot with it.
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
	if !observed.parts.Begun() && described.Quiesce == nil {
		return described
	}
	described.Disks, described.Excluded = observed.parts.Held(), observed.excluded(snapshot)
	described.Machine = observed.recordedVM(snapshot)
	isFreezing := described.Quiesce != nil && described.Quiesce.Step != v1alpha1.QuiesceThawed
	if isFreezing || !observed.parts.Begun() {
		return described
	}
	in := observed.consistency(snapshot)
	described.Consistency, described.Indications = in.Reached(), in.Indicate()
	if observed.parts.Ready() {
		for i := range described.Disks {
			if at := described.Disks[i].TakenAt; described.TakenAt == nil || described.TakenAt.Before(at) {
				described.TakenAt = at
			}
		}
	}
	return described
}

// excluded are the disks that the snapshot does not hold. That is decided once.
func (o *observation) excluded(snapshot *v1alpha1.WukongSnapshot) []v1alpha1.SnapshotExcludedDisk {
	if len(snapshot.Status.Disks) > 0 {
		return snapshot.Status.Excluded
	}
	return o.source.excluded
}

// recordedVM is the WukongVM as it was when the snapshot began; nil for a snapshot of a disk.
func (o *observation) recordedVM(snapshot *v1alpha1.WukongSnapshot) *v1alpha1.SnapshotMachine {
	vm := o.source.vm
	if snapshot.Status.Machine != nil || vm == nil {
		return snapshot.Status.Machine
	}
	return manifest.Inputs{Snapshot: snapshot.Name, VM: vm}.Status()
}
