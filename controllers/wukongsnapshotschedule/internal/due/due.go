// Package due decides for which scheduled time a snapshot is due, and which ones were missed. It reads and writes
// nothing.
package due

import (
	"fmt"
	"hash/fnv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/schedule"
)

// maxMissed is how many missed times are counted at once: a schedule of every minute misses half a million in a year.
const maxMissed = 10000

// Inputs decide what is due.
type Inputs struct {
	Object   *v1alpha1.WukongSnapshotSchedule
	Schedule *schedule.Schedule
	// Taken are the names of the snapshots of the schedule.
	Taken []string
	Now   time.Time
}

// Decision is what is due.
type Decision struct {
	// Time is the scheduled time for which a snapshot is due now; zero for none.
	Time time.Time
	// Until is when it is too late for that.
	Until time.Time
	// Handled is the last scheduled time that needs nothing any more; zero when that is as before.
	Handled time.Time
	// Missed are the times that passed without a snapshot since the last one that was handled, and Why the last of them
	// did; empty when a snapshot is due for it, or it was not missed.
	Missed int
	Why    string
	// After is when to look again; zero when the next scheduled time comes first.
	After time.Duration
}

// Decide returns what is due now.
func (in Inputs) Decide() Decision {
	last, handled := in.Schedule.Last(in.Now), in.handled()
	switch {
	case handled.After(in.Now) && !last.IsZero():
		return Decision{Handled: last} // the clock was put back: the next time counts again
	case !last.After(handled):
		return Decision{Handled: in.found(handled)}
	case ptr.Deref(in.Object.Spec.Suspend, false), in.wasSuspended():
		return Decision{Handled: last}
	}
	missed := in.Schedule.Between(handled, last, maxMissed)
	if in.Object.Status.ObservedGeneration != in.Object.Generation {
		missed = 0 // the times of before may be those of another expression
	}
	begins := last.Add(in.jitter(last))
	until := begins.Add(time.Duration(ptr.Deref(in.Object.Spec.StartingDeadlineSeconds, 0)) * time.Second)
	switch {
	case in.Now.Before(begins):
		return Decision{After: begins.Sub(in.Now)}
	case in.Now.After(until):
		return Decision{Handled: last, Missed: missed + 1, Why: fmt.Sprintf(
			"none could be taken until startingDeadlineSeconds (%d) after that time",
			ptr.Deref(in.Object.Spec.StartingDeadlineSeconds, 0))}
	default:
		return Decision{Time: last, Until: until, Missed: missed}
	}
}

// handled is the last scheduled time that needs nothing any more: as status reports it or, if status was lost, that of
// the newest snapshot. Times before the creation of the schedule need nothing.
func (in Inputs) handled() time.Time {
	handled := in.Object.CreationTimestamp.Time
	if last := in.Object.Status.LastScheduleTime; last != nil && last.After(handled) {
		handled = last.Time
	}
	for _, name := range in.Taken {
		at, err := time.Parse(in.Object.Name+format, name)
		if err == nil && at.After(handled) && !at.After(in.Now) {
			handled = at
		}
	}
	return handled
}

// found is the last scheduled time that was handled, if status does not have it; else zero.
func (in Inputs) found(handled time.Time) time.Time {
	recorded := in.Object.Status.LastScheduleTime
	if recorded != nil && !handled.After(recorded.Time) || !handled.After(in.Object.CreationTimestamp.Time) {
		return time.Time{}
	}
	return handled
}

// wasSuspended reports whether the schedule was suspended until this pass: times until now do not count.
func (in Inputs) wasSuspended() bool {
	ready := meta.FindStatusCondition(in.Object.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonSuspended
}

// Next returns the next scheduled time; zero when there is none.
func (in Inputs) Next() time.Time { return in.Schedule.Next(in.Now) }

// jitter is how much later than a scheduled time its snapshot begins: always the same for the same time, and less than
// the time until the next one.
func (in Inputs) jitter(at time.Time) time.Duration {
	most := time.Duration(ptr.Deref(in.Object.Spec.JitterSeconds, 0)) * time.Second
	if next := in.Schedule.Next(at); !next.IsZero() {
		most = min(most, next.Sub(at))
	}
	if most < time.Second {
		return 0
	}
	hash := fnv.New64a()
	_, _ = fmt.Fprintf(hash, "%s/%d", in.Object.UID, at.Unix()) // a hash never fails
	return time.Duration(hash.Sum64()%uint64(most/time.Second)) * time.Second
}

// format is what the name of a snapshot adds to that of the schedule: its scheduled time.
const format = "-20060102-1504"

// Name returns the name of the snapshot for a scheduled time, which is in UTC. So a snapshot is taken once for each
// time, whatever happens in between.
func Name(object string, at time.Time) string { return object + at.UTC().Format(format) }
