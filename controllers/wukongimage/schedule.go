package wukongimage

import (
	"time"

	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// nextTick returns when our next import is due; zero when none will be.
func nextTick(image *v1alpha1.WukongImage, observed *observation) time.Time {
	if observed.schedule == nil || polled(image) || !image.DeletionTimestamp.IsZero() {
		return time.Time{}
	}
	return observed.schedule.Next(observed.now)
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
	next := observed.schedule.Next(last)
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
		if last := observed.schedule.Last(observed.now); last.After(due) {
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
