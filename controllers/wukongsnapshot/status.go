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
)

// evaluate says where the snapshot stands.
func evaluate(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *operation.State {
	switch {
	case snapshot.Finished():
		return kept(snapshot, observed)
	case observed.taken != nil:
		return progress(snapshot, observed)
	}
	if found := obstacle(snapshot, observed); found != nil {
		return found
	}
	if applyErr == nil {
		return operation.Pending(v1alpha1.ReasonPending, "the VolumeSnapshot is being made")
	}
	return operation.Pending(apply.Reason(applyErr), "%s", applyErr)
}

// kept is what became of a snapshot that was finished.
func kept(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	if snapshot.Status.Phase == v1alpha1.OperationFailed {
		return operation.Recorded(snapshot)
	}
	switch taken := observed.taken; {
	case !observed.served, taken == nil, !taken.DeletionTimestamp.IsZero():
		return &operation.State{Phase: v1alpha1.OperationSucceeded, Reason: v1alpha1.ReasonSnapshotLost, Message: fmt.Sprintf(
			"VolumeSnapshot %s, which was complete, is gone, and its point in time with it: make another snapshot", snapshot.Name)}
	case !ready(taken):
		return &operation.State{Phase: v1alpha1.OperationSucceeded, Reason: v1alpha1.ReasonSnapshotError, Message: fmt.Sprintf(
			"VolumeSnapshot %s, which was complete, is not ready to use: %s", taken.Name, storageSays(observed))}
	}
	return operation.Succeeded(v1alpha1.ReasonTaken)
}

// progress is how far the storage is.
func progress(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	taken := observed.taken
	if ready(taken) {
		if insufficient(snapshot, observed) {
			return operation.Failed("a machine began to use the disk while the snapshot was taken, so that it is no better than after a power failure, " +
				"and requiredConsistency is Application: make another snapshot")
		}
		return operation.Succeeded(v1alpha1.ReasonTaken)
	}
	seconds := ptr.Deref(snapshot.Spec.FailureDeadlineSeconds, 0)
	patience := time.Duration(seconds) * time.Second
	left := operation.Left(taken.CreationTimestamp.Time, seconds, observed.now)
	if left <= 0 {
		return operation.Failed("given up after %s: %s; mend the cause and make another snapshot", patience, storageSays(observed))
	}
	state := operation.InProgress(v1alpha1.ReasonInProgress, "VolumeSnapshot %s is being taken", taken.Name)
	if taken.Status != nil && taken.Status.Error != nil {
		state = operation.InProgress(v1alpha1.ReasonSnapshotError, "VolumeSnapshot %s: %s; it is tried again until %s",
			taken.Name, storageSays(observed), taken.CreationTimestamp.Add(patience).UTC().Format(time.RFC3339))
	}
	state.After = left
	return state
}

// storageSays is the storage's own error.
func storageSays(observed *observation) string {
	if status := observed.taken.Status; status != nil && status.Error != nil && ptr.Deref(status.Error.Message, "") != "" {
		return *status.Error.Message
	}
	return "the storage says nothing of it; is a snapshot controller running, and the driver's sidecar?"
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
		after.Status = describe(snapshot, observed, state)
	}
	var started *metav1.Time
	if observed.taken != nil {
		started = &observed.taken.CreationTimestamp
	}
	after.Status.OperationStatus = state.Describe(snapshot, set, started, observed.now)
	return after, r.applier.Status(ctx, snapshot, after)
}

// describe is the part of status that only snapshots have.
func describe(snapshot *v1alpha1.WukongSnapshot, observed *observation, state *operation.State) v1alpha1.WukongSnapshotStatus {
	described := v1alpha1.WukongSnapshotStatus{}
	taken := observed.taken
	if taken == nil {
		return described
	}
	disk := v1alpha1.SnapshotDiskStatus{Name: snapshot.Spec.Source.DiskRef.Name, VolumeSnapshotName: taken.Name}
	if ready(taken) {
		disk.RestoreSize = taken.Status.RestoreSize
		described.TakenAt = taken.Status.CreationTime
	}
	described.Consistency = reached(snapshot, observed)
	if state.Phase != v1alpha1.OperationFailed {
		described.Disks = []v1alpha1.SnapshotDiskStatus{disk}
	}
	return described
}
