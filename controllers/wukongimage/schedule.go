package wukongimage

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// everyDate is a date from which Next finds the first tick of each schedule that has one: Next looks five years ahead
// (github.com/robfig/cron/v3, spec.go), and a leap year begins here.
var everyDate = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parseSchedule reads spec.schedule. One such as "0 0 31 2 *" is an error.
func parseSchedule(expression string) (cron.Schedule, error) {
	schedule, err := cron.ParseStandard(expression)
	switch {
	case err != nil:
		return nil, fmt.Errorf(
			`spec.schedule cannot be read: %w; write the five fields of cron, for example "0 3 * * *"`, err)
	case schedule.Next(everyDate).IsZero():
		return nil, fmt.Errorf(
			"spec.schedule %q names a time that never comes: correct the day of the month, or the month", expression)
	default:
		return schedule, nil
	}
}

// windows are searched one after another for the last tick, so that years of missed minutes are not counted one by
// one. The longest exceeds the longest gap that cron knows, the 29th of February around 2100.
var windows = []time.Duration{time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour,
	9 * 366 * 24 * time.Hour}

// lastTick returns the last tick at or before now; zero when there is none. Ticks are in UTC.
func lastTick(schedule cron.Schedule, now time.Time) time.Time {
	now = now.UTC()
	for _, window := range windows {
		var last time.Time
		for tick := schedule.Next(now.Add(-window)); !tick.IsZero() && !tick.After(now); tick = schedule.Next(tick) {
			last = tick
		}
		if !last.IsZero() {
			return last
		}
	}
	return time.Time{}
}

// nextTick returns when our next import is due; zero when none will be.
func nextTick(image *v1alpha1.WukongImage, observed *observation) time.Time {
	if observed.schedule == nil || polled(image) || !image.DeletionTimestamp.IsZero() {
		return time.Time{}
	}
	return observed.schedule.Next(observed.now.UTC())
}

// pollGrace is how long after its tick a poll of CDI may take.
const pollGrace = 5 * time.Minute

// pollDeadline returns when CDI's poller last read the registry, and the latest time when it should have read it
// again. A poller that misses two ticks cannot reach the registry. Both are zero when unknown, and the deadline is zero
// also when the ticks are more than five years ahead.
func pollDeadline(observed *observation) (last, deadline time.Time) {
	if observed.cron == nil || observed.schedule == nil {
		return time.Time{}, time.Time{}
	}
	last, err := time.Parse(time.RFC3339, observed.cron.Annotations[annotationLastPoll])
	if err != nil {
		return time.Time{}, time.Time{}
	}
	next := observed.schedule.Next(last.UTC())
	if !next.IsZero() {
		next = observed.schedule.Next(next)
	}
	if next.IsZero() {
		return last, time.Time{}
	}
	return last, next.Add(pollGrace)
}

// dueTick returns the tick for which our import is due now; zero when none is. The first is the image's creation.
//
// One import runs at a time. CDI retries a failed one, which then fetches what the server has by then, so a tick
// during an import is skipped. Of missed ticks, the last counts.
func dueTick(image *v1alpha1.WukongImage, observed *observation) time.Time {
	if underway(observed.imports) != nil {
		return time.Time{}
	}
	due := image.CreationTimestamp.Time
	if observed.schedule != nil {
		if last := lastTick(observed.schedule, observed.now); last.After(due) {
			due = last
		}
	}
	if len(observed.imports) == 0 {
		return due
	}
	newest := &observed.imports[0]
	if !due.After(tickOf(newest)) || newest.Status.Phase == cdiv1.Succeeded && !due.After(finishedAt(newest).Time) {
		return time.Time{}
	}
	return due
}

// underway returns the import that is neither complete nor failed, or nil.
func underway(imports []cdiv1.DataVolume) *cdiv1.DataVolume {
	for i := range imports {
		if phase := imports[i].Status.Phase; phase != cdiv1.Succeeded && phase != cdiv1.Failed {
			return &imports[i]
		}
	}
	return nil
}

// expired returns our imports to delete: complete ones beyond those to keep, and failed ones once there is a newer
// one.
func expired(image *v1alpha1.WukongImage, imports []cdiv1.DataVolume) []*cdiv1.DataVolume {
	var old []*cdiv1.DataVolume
	complete := int32(0)
	for i := range imports {
		one := &imports[i]
		switch one.Status.Phase {
		case cdiv1.Succeeded:
			if complete++; complete > max(image.Spec.VersionsToKeep, 1) {
				old = append(old, one)
			}
		case cdiv1.Failed:
			if i > 0 {
				old = append(old, one)
			}
		}
	}
	return old
}
