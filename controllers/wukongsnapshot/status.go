package wukongsnapshot

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

// outcome is where a snapshot stands.
type outcome struct {
	phase           v1alpha1.OperationPhase
	reason, message string
	// after is when to look again, though nothing happens; zero for never.
	after time.Duration
}

// evaluate says where the snapshot stands.
func evaluate(snapshot *v1alpha1.WukongSnapshot, observed *observation, applyErr error) *outcome {
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
		return pending(v1alpha1.ReasonPending, "the VolumeSnapshot is being made")
	}
	return pending(apply.Reason(applyErr), "%s", applyErr)
}

// kept is what became of a snapshot that was finished.
func kept(snapshot *v1alpha1.WukongSnapshot, observed *observation) *outcome {
	if snapshot.Status.Phase == v1alpha1.OperationFailed {
		said := meta.FindStatusCondition(snapshot.Status.Conditions, v1alpha1.ConditionReady)
		return &outcome{phase: v1alpha1.OperationFailed, reason: said.Reason, message: said.Message}
	}
	switch taken := observed.taken; {
	case !observed.served, taken == nil, !taken.DeletionTimestamp.IsZero():
		return &outcome{phase: v1alpha1.OperationSucceeded, reason: v1alpha1.ReasonSnapshotLost, message: fmt.Sprintf(
			"VolumeSnapshot %s, which was complete, is gone, and its point in time with it: make another snapshot", snapshot.Name)}
	case !ready(taken):
		return &outcome{phase: v1alpha1.OperationSucceeded, reason: v1alpha1.ReasonSnapshotError, message: fmt.Sprintf(
			"VolumeSnapshot %s, which was complete, is not ready to use: %s", taken.Name, storageSays(observed))}
	}
	return &outcome{phase: v1alpha1.OperationSucceeded, reason: v1alpha1.ReasonTaken}
}

// progress is how far the storage is.
func progress(snapshot *v1alpha1.WukongSnapshot, observed *observation) *outcome {
	taken := observed.taken
	if ready(taken) {
		if insufficient(snapshot, observed) {
			return &outcome{phase: v1alpha1.OperationFailed, reason: v1alpha1.ReasonFailed, message: "a machine began to use the disk while the snapshot was " +
				"taken, so that it is no better than after a power failure, and requiredConsistency is Application: make another snapshot"}
		}
		return &outcome{phase: v1alpha1.OperationSucceeded, reason: v1alpha1.ReasonTaken}
	}
	patience := time.Duration(ptr.Deref(snapshot.Spec.FailureDeadlineSeconds, 0)) * time.Second
	left := taken.CreationTimestamp.Add(patience).Sub(observed.now)
	if left <= 0 {
		return &outcome{phase: v1alpha1.OperationFailed, reason: v1alpha1.ReasonFailed, message: fmt.Sprintf(
			"given up after %s: %s; mend the cause and make another snapshot", patience, storageSays(observed))}
	}
	if taken.Status != nil && taken.Status.Error != nil {
		return &outcome{phase: v1alpha1.OperationInProgress, reason: v1alpha1.ReasonSnapshotError, after: left, message: fmt.Sprintf(
			"VolumeSnapshot %s: %s; it is tried again until %s", taken.Name, storageSays(observed), taken.CreationTimestamp.Add(patience).UTC().Format(time.RFC3339))}
	}
	return &outcome{phase: v1alpha1.OperationInProgress, reason: v1alpha1.ReasonInProgress, after: left,
		message: fmt.Sprintf("VolumeSnapshot %s is being taken", taken.Name)}
}

// storageSays is the storage's own error.
func storageSays(observed *observation) string {
	if status := observed.taken.Status; status != nil && status.Error != nil && ptr.Deref(status.Error.Message, "") != "" {
		return *status.Error.Message
	}
	return "the storage says nothing of it; is a snapshot controller running, and the driver's sidecar?"
}

// writeStatus writes the status where it differs.
func (r *Reconciler) writeStatus(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, result *outcome) error {
	after := snapshot.DeepCopy()
	set := conditions.For(snapshot, r.clock)
	if result.reason == v1alpha1.ReasonTaken {
		set.True(v1alpha1.ConditionReady, result.reason, "")
	} else {
		set.False(v1alpha1.ConditionReady, result.reason, result.message)
	}
	observed.umbrella.Report(set)
	after.Status = describe(snapshot, observed, result)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = snapshot.Generation
	return r.applier.Status(ctx, snapshot, after)
}

// describe is the status beside its conditions. That of a finished snapshot stays.
func describe(snapshot *v1alpha1.WukongSnapshot, observed *observation, result *outcome) v1alpha1.WukongSnapshotStatus {
	if snapshot.Finished() {
		return snapshot.Status
	}
	described := v1alpha1.WukongSnapshotStatus{Phase: result.phase}
	if result.phase == v1alpha1.OperationSucceeded || result.phase == v1alpha1.OperationFailed {
		described.CompletionTime = ptr.To(metav1.NewTime(observed.now.Truncate(time.Second)))
	}
	if taken := observed.taken; taken != nil {
		disk := v1alpha1.SnapshotDiskStatus{Name: snapshot.Spec.Source.DiskRef.Name, VolumeSnapshotName: taken.Name}
		if ready(taken) {
			disk.RestoreSize = taken.Status.RestoreSize
			described.TakenAt = taken.Status.CreationTime
		}
		described.Consistency = reached(snapshot, observed)
		if result.phase != v1alpha1.OperationFailed {
			described.Disks = []v1alpha1.SnapshotDiskStatus{disk}
		}
	}
	return described
}
