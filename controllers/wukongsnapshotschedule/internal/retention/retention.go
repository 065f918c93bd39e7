// Package retention decides which snapshots of a schedule are deleted. It reads and writes nothing.
package retention

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Inputs decide which snapshots are deleted.
type Inputs struct {
	Spec v1alpha1.SnapshotRetention
	// Snapshots are those of the schedule.
	Snapshots []*v1alpha1.WukongSnapshot
	// Used are the names of those from which something is being restored or cloned.
	Used map[string]bool
	Now  time.Time
}

// Decision is which snapshots are deleted.
type Decision struct {
	Delete []*v1alpha1.WukongSnapshot
	// Kept is the number of successful snapshots that are kept, without pinned ones.
	Kept int
	// After is when the next one is too old; zero for never.
	After time.Duration
	// Spared: a snapshot is not deleted yet, because it is used.
	Spared bool
}

// Decide returns which snapshots are deleted now.
func (in Inputs) Decide() Decision {
	var decided Decision
	good := Successful(in.Snapshots)
	count := 0
	for i, snapshot := range good {
		if IsPinned(snapshot) {
			continue
		}
		count++
		beyond := in.Spec.MaxCount != nil && count > int(*in.Spec.MaxCount)
		left, ages := in.left(snapshot)
		switch {
		case i == 0: // the newest, however old it is
			decided.Kept++
		case beyond || ages && left <= 0:
			decided.remove(snapshot, in.Used)
		default:
			decided.Kept++
			if ages && (decided.After == 0 || left < decided.After) {
				decided.After = left
			}
		}
	}
	for i, snapshot := range failed(in.Snapshots) {
		if i >= int(ptr.Deref(in.Spec.FailedToKeep, 0)) {
			decided.remove(snapshot, in.Used)
		}
	}
	return decided
}

func (d *Decision) remove(snapshot *v1alpha1.WukongSnapshot, used map[string]bool) {
	if used[snapshot.Name] {
		d.Spared = true
		return
	}
	d.Delete = append(d.Delete, snapshot)
}

// left is how much time is left until a snapshot is too old.
func (in Inputs) left(snapshot *v1alpha1.WukongSnapshot) (time.Duration, bool) {
	if in.Spec.MaxAgeSeconds == nil {
		return 0, false
	}
	return TakenAt(snapshot).Add(time.Duration(*in.Spec.MaxAgeSeconds) * time.Second).Sub(in.Now), true
}

// IsPinned reports whether no schedule may delete a snapshot.
func IsPinned(snapshot *v1alpha1.WukongSnapshot) bool {
	return snapshot.Labels[v1alpha1.LabelPinned] == "true"
}

// Successful returns the snapshots that can be restored, the newest first.
func Successful(snapshots []*v1alpha1.WukongSnapshot) []*v1alpha1.WukongSnapshot {
	return sorted(snapshots, isGood)
}

// failed returns the snapshots that can never be restored, the newest first, without pinned ones.
func failed(snapshots []*v1alpha1.WukongSnapshot) []*v1alpha1.WukongSnapshot {
	return sorted(snapshots, func(snapshot *v1alpha1.WukongSnapshot) bool {
		return (snapshot.Status.Phase == v1alpha1.OperationFailed || isLost(snapshot)) && !IsPinned(snapshot)
	})
}

// isGood reports whether a snapshot succeeded and is not known to be unusable. That its controller has not looked at
// the last change of its spec says nothing about its content.
func isGood(snapshot *v1alpha1.WukongSnapshot) bool {
	ready := readyOf(snapshot)
	return snapshot.Status.Phase == v1alpha1.OperationSucceeded && ready != nil && ready.Status == metav1.ConditionTrue
}

// isLost reports whether the storage deleted the content of a snapshot. A snapshot with any other problem is neither
// good nor failed: it may be usable again.
func isLost(snapshot *v1alpha1.WukongSnapshot) bool {
	ready := readyOf(snapshot)
	return snapshot.Status.Phase == v1alpha1.OperationSucceeded && ready != nil &&
		ready.Status == metav1.ConditionFalse && ready.Reason == v1alpha1.ReasonSnapshotLost
}

func readyOf(snapshot *v1alpha1.WukongSnapshot) *metav1.Condition {
	return meta.FindStatusCondition(snapshot.Status.Conditions, v1alpha1.ConditionReady)
}

// sorted returns the snapshots that match and are not being deleted, the newest first.
func sorted(
	snapshots []*v1alpha1.WukongSnapshot, matches func(*v1alpha1.WukongSnapshot) bool,
) []*v1alpha1.WukongSnapshot {
	var found []*v1alpha1.WukongSnapshot
	for _, snapshot := range snapshots {
		if snapshot.DeletionTimestamp.IsZero() && matches(snapshot) {
			found = append(found, snapshot)
		}
	}
	slices.SortFunc(found, func(a, b *v1alpha1.WukongSnapshot) int {
		return cmp.Or(TakenAt(b).Compare(TakenAt(a)), cmp.Compare(b.Name, a.Name))
	})
	return found
}

// TakenAt is the point in time of a snapshot by the clock of the API server. That of the storage may differ: a time
// before the snapshot was created, or after it was finished, is moved to there.
func TakenAt(snapshot *v1alpha1.WukongSnapshot) time.Time {
	created, taken, finished := snapshot.CreationTimestamp, snapshot.Status.TakenAt, snapshot.Status.CompletionTime
	switch {
	case taken == nil || taken.Before(&created):
		return created.Time
	case finished != nil && finished.Before(taken):
		return finished.Time
	default:
		return taken.Time
	}
}
