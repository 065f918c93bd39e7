package wukongsnapshotschedule

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

const (
	// steady is how long the guest of a trial has to run.
	steady = time.Minute
	// longTrial is how long a trial blocks those of other namespaces.
	longTrial = 30 * time.Minute
	// trialSuffix is what the name of a trial adds to that of the schedule.
	trialSuffix = "-trial"
	// look is how often a trial is looked at that waits for what no watch reports.
	look = 30 * time.Second
)

// Trial is what a pass does for the trial, and what it reports.
type Trial struct {
	// begin is the WukongClone to create, remove the one to delete; nil for none.
	begin, remove *v1alpha1.WukongClone
	// ended is the trial that ended in this pass; nil for none.
	ended *v1alpha1.TrialStatus
	// waits is why the trial that is due does not begin; reason is that in one word.
	waits, reason string
	// after is when to look again; zero for never.
	after time.Duration
}

// trialName is the name of the WukongClone of a trial, and of its result.
func trialName(object *v1alpha1.WukongSnapshotSchedule) string { return object.Name + trialSuffix }

// decideTrial decides about the trial.
func (p *Plan) decideTrial(object *v1alpha1.WukongSnapshotSchedule, world *World) {
	switch clone := world.clone; {
	case clone != nil && !metav1.IsControlledBy(clone, object):
		if object.Spec.Trial != nil {
			p.trial = Trial{reason: v1alpha1.ReasonNameConflict, after: look, waits: fmt.Sprintf(
				"WukongClone %s already exists, and this schedule did not make it: delete it, or name the schedule otherwise",
				clone.Name)}
		}
	case clone != nil && !clone.DeletionTimestamp.IsZero():
	case clone != nil && object.Spec.Trial == nil, clone != nil && isRecorded(object, clone):
		p.trial = Trial{remove: clone}
	case clone != nil:
		p.trial = follow(object, world)
	case object.Spec.Trial != nil && world.trialTimes != nil:
		p.beginTrial(object, world)
	}
}

// isRecorded reports whether status has how the trial ended.
func isRecorded(object *v1alpha1.WukongSnapshotSchedule, clone *v1alpha1.WukongClone) bool {
	last := object.Status.LastTrial
	return last != nil && last.StartTime.Equal(&clone.CreationTimestamp)
}

// follow decides whether the trial has ended.
func follow(object *v1alpha1.WukongSnapshotSchedule, world *World) Trial {
	clone, timeout := world.clone, time.Duration(ptr.Deref(object.Spec.Trial.TimeoutSeconds, 0))*time.Second
	left := clone.CreationTimestamp.Add(timeout).Sub(world.now)
	passed, rest, waits := judge(object, world)
	switch {
	case passed:
		return ended(world, v1alpha1.TrialPassed, "")
	case clone.Status.Phase == v1alpha1.OperationFailed:
		return ended(world, v1alpha1.TrialFailed, fmt.Sprintf("WukongClone %s: %s", clone.Name, model.Ready(clone).Message))
	case isGone(world):
		return ended(world, v1alpha1.TrialFailed,
			fmt.Sprintf("WukongVM %s was deleted before the trial had ended", clone.Spec.TargetName))
	case left <= 0:
		return ended(world, v1alpha1.TrialFailed,
			fmt.Sprintf("the guest did not start within timeoutSeconds (%d): %s", int64(timeout.Seconds()), waits))
	default:
		return Trial{after: min(left, rest)}
	}
}

// ended is the trial that ended now. Status is written before the WukongClone is deleted, by the next pass.
func ended(world *World, result v1alpha1.TrialResult, message string) Trial {
	return Trial{after: time.Millisecond, ended: &v1alpha1.TrialStatus{
		SnapshotName: world.clone.Spec.Source.SnapshotRef.Name, StartTime: world.clone.CreationTimestamp,
		CompletionTime: metav1.NewTime(world.now.Truncate(time.Second)), Result: result, Message: message,
	}}
}

// judge reports whether the guest of the trial has started, how long it has to go on running, and what it waits for.
func judge(object *v1alpha1.WukongSnapshotSchedule, world *World) (bool, time.Duration, string) {
	guest := world.guest
	if guest == nil || !isResult(guest, world.clone) {
		return false, look, fmt.Sprintf("WukongClone %s: %s", world.clone.Name, model.Ready(world.clone).Message)
	}
	ready := meta.FindStatusCondition(guest.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue {
		return false, look, fmt.Sprintf("WukongVM %s: %s", guest.Name, model.Ready(guest).Message)
	}
	if object.Spec.Trial.SuccessWhen == v1alpha1.RestoreSuccessGuestAgent {
		return meta.IsStatusConditionTrue(guest.Status.Conditions, v1alpha1.ConditionGuestAgentConnected), look,
			fmt.Sprintf("WukongVM %s runs, and its guest agent does not answer", guest.Name)
	}
	rest := ready.LastTransitionTime.Add(steady).Sub(world.now)
	return rest <= 0, rest, fmt.Sprintf("WukongVM %s has not run for %s yet", guest.Name, steady)
}

// isGone reports whether the result of a clone that has ended was deleted. The cache may show the end first.
func isGone(world *World) bool {
	completed := world.clone.Status.CompletionTime
	return completed != nil && world.now.Sub(completed.Time) > look &&
		(world.guest == nil || !isResult(world.guest, world.clone))
}

// isResult reports whether a WukongVM is the result of a clone, which is deleted with it.
func isResult(guest *v1alpha1.WukongVM, clone *v1alpha1.WukongClone) bool {
	return slices.ContainsFunc(guest.OwnerReferences, func(reference metav1.OwnerReference) bool {
		return reference.UID == clone.UID
	})
}

// beginTrial begins a trial when one is due. Its scheduled time is recorded when the trial begins, so that one that a
// user deletes does not begin again, and when it is too late.
func (p *Plan) beginTrial(object *v1alpha1.WukongSnapshotSchedule, world *World) {
	handled := object.CreationTimestamp.Time
	if last := object.Status.LastTrialScheduleTime; last != nil && last.After(handled) {
		handled = last.Time
	}
	last := world.trialTimes.Last(world.now)
	until := last.Add(time.Duration(ptr.Deref(object.Spec.StartingDeadlineSeconds, 0)) * time.Second)
	switch {
	case handled.After(world.now) && !last.IsZero(), // the clock was put back
		last.After(handled) && (world.now.After(until) || ptr.Deref(object.Spec.Suspend, false)):
		p.trialHandled = ptr.To(metav1.NewTime(last))
	case !last.After(handled):
	case p.newest == nil:
		p.trial = Trial{reason: v1alpha1.ReasonNotTried, waits: "the trial waits for the first successful snapshot"}
	case world.guest != nil:
		p.trial = Trial{reason: v1alpha1.ReasonNameConflict, waits: fmt.Sprintf(
			"the trial waits until WukongVM %s is deleted, the name of which it needs", world.guest.Name)}
	case world.busy != "":
		p.trial = waitsFor(world.busy)
	default:
		p.trial = Trial{begin: trialOf(object, p.newest)}
		p.trialHandled = ptr.To(metav1.NewTime(last))
		return
	}
	if next := world.trialTimes.Next(world.now); !next.IsZero() {
		p.trial.after = next.Sub(world.now)
	}
	if p.trial.waits != "" {
		p.trial.after = look
	}
}

// waitsFor is a trial that waits for the end of another one.
func waitsFor(busy string) Trial {
	return Trial{reason: v1alpha1.ReasonNotTried, after: look, waits: fmt.Sprintf(
		"the trial waits until %s has ended", busy)}
}

// trialOf is the WukongClone of a trial. Every disk of the snapshot is copied, also a shared one, so that the guest
// writes to nothing that another one uses.
func trialOf(object *v1alpha1.WukongSnapshotSchedule, snapshot *v1alpha1.WukongSnapshot) *v1alpha1.WukongClone {
	trial := object.Spec.Trial
	clone := &v1alpha1.WukongClone{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: object.Namespace, Name: trialName(object),
			Labels: map[string]string{v1alpha1.LabelSchedule: object.Name},
		},
		Spec: v1alpha1.WukongCloneSpec{
			Source:     v1alpha1.CloneSource{SnapshotRef: &v1alpha1.LocalObjectReference{Name: snapshot.Name}},
			TargetName: trialName(object),
			Identity:   v1alpha1.IdentityKeep, // what is restored has the identity of the snapshot, too
			PowerState: v1alpha1.PowerRunning,
			OnDelete:   v1alpha1.CloneDeletionDelete,
			Overrides: &v1alpha1.CloneOverrides{
				Isolated: ptr.To(true), CPU: trial.CPU.DeepCopy(), Memory: trial.Memory.DeepCopy(),
			},
			DeadlineSeconds: trial.TimeoutSeconds,
			// This controller deletes it earlier. If it does not run, nothing else would end the guest.
			TTLSecondsAfterFinished: trial.TimeoutSeconds,
		},
	}
	for i := range snapshot.Status.Disks {
		clone.Spec.Disks = append(clone.Spec.Disks, v1alpha1.CloneDisk{
			Name: snapshot.Status.Disks[i].Name, Action: v1alpha1.CloneActionClone,
			StorageClassName: trial.StorageClassName,
		})
	}
	for i := range snapshot.Status.Excluded {
		clone.Spec.Disks = append(clone.Spec.Disks, v1alpha1.CloneDisk{
			Name: snapshot.Status.Excluded[i].Name, Action: v1alpha1.CloneActionOmit,
		})
	}
	return clone
}
