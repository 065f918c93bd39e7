package wukongsnapshotschedule

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule/internal/retention"
)

// writeStatus writes the status where it differs.
func (r *Reconciler) writeStatus(
	ctx context.Context, object *v1alpha1.WukongSnapshotSchedule, world *World, plan *Plan,
) error {
	after := object.DeepCopy()
	set := conditions.For(object, r.clock)
	reportReady(set, object, world, plan)
	trial := object.Status.LastTrial
	if plan.trial.ended != nil {
		trial = plan.trial.ended
	}
	reportTrial(set, object, plan, trial)
	reportBackup(set, object, plan)
	reportRPO(set, object, world)
	world.umbrella.Report(set)
	after.Status = v1alpha1.WukongSnapshotScheduleStatus{
		Conditions: set.List(), ObservedGeneration: object.Generation, Phase: phase(object, world, plan),
		LastScheduleTime: plan.handled, NextScheduleTime: plan.next, Missed: plan.missed, LastMissed: plan.lastMissed,
		Kept: int32(plan.retention.Kept), LastTrial: trial, LastTrialScheduleTime: plan.trialHandled,
		LastBackup: plan.backup.last,
	}
	var last *v1alpha1.ScheduledSnapshot
	if newest := plan.newest; newest != nil {
		last = &v1alpha1.ScheduledSnapshot{
			Name: newest.Name, TakenAt: metav1.NewTime(retention.TakenAt(newest)), Consistency: newest.Status.Consistency,
		}
	}
	after.Status.LastSnapshot = last
	if object.Spec.Trial == nil {
		trial = nil // the metrics of a trial that is no longer asked for would be those of an old snapshot for ever
	}
	copied := plan.backup.last
	if object.Spec.Backup == nil {
		copied = nil
	}
	measure(client.ObjectKeyFromObject(object), last, trial, copied)
	if err := r.applier.Status(ctx, object, after); err != nil {
		return err
	}
	if last := plan.backup.last; last != nil && last != object.Status.LastBackup &&
		last.Result == v1alpha1.BackupFailed {
		r.applier.Recorder.Eventf(object, nil, corev1.EventTypeWarning, v1alpha1.ReasonBackupFailed, "Backup",
			"WukongSnapshot %s was not copied: %s", last.SnapshotName, last.Message)
	}
	if ended := plan.trial.ended; ended != nil && ended.Result == v1alpha1.TrialFailed {
		r.applier.Recorder.Eventf(object, nil, corev1.EventTypeWarning, v1alpha1.ReasonTrialFailed, "Trial", "%s",
			failedMessage(ended))
	}
	return nil
}

func failedMessage(trial *v1alpha1.TrialStatus) string {
	return fmt.Sprintf("no guest started from WukongSnapshot %s: %s", trial.SnapshotName, trial.Message)
}

// phase is a one-word summary.
func phase(object *v1alpha1.WukongSnapshotSchedule, world *World, plan *Plan) v1alpha1.SchedulePhase {
	switch {
	case plan.problem != nil:
		return v1alpha1.ScheduleError
	case plan.take != nil || plan.unfinished != nil:
		return v1alpha1.ScheduleTaking
	case plan.trial.begin != nil || world.clone != nil && metav1.IsControlledBy(world.clone, object):
		return v1alpha1.ScheduleTrying
	case ptr.Deref(object.Spec.Suspend, false):
		return v1alpha1.ScheduleSuspended
	case plan.wasMissed() || lastFailure(world, plan) != nil:
		return v1alpha1.ScheduleError
	default:
		return v1alpha1.ScheduleActive
	}
}

// reportReady reports whether snapshots are taken, and whether the last one was.
func reportReady(set *conditions.Set, object *v1alpha1.WukongSnapshotSchedule, world *World, plan *Plan) {
	failed := lastFailure(world, plan)
	switch {
	case plan.problem != nil:
		set.False(v1alpha1.ConditionReady, plan.problem.Reason, plan.problem.Message)
	case ptr.Deref(object.Spec.Suspend, false):
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonSuspended,
			"no snapshots are taken, because spec.suspend is true")
	case plan.wasMissed():
		set.False(v1alpha1.ConditionReady, v1alpha1.ReasonMissedTime, fmt.Sprintf(
			"no snapshot was taken at the last scheduled time, %s: %s", text(plan.lastMissed.ScheduleTime.Time),
			plan.lastMissed.Message))
	case failed != nil:
		set.False(v1alpha1.ConditionReady, v1alpha1.ReasonSnapshotFailed,
			fmt.Sprintf("WukongSnapshot %s: %s", failed.Name, model.Ready(failed).Message))
	case world.strangers > 0:
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonScheduled, fmt.Sprintf(
			"%d snapshots of another source have the label of this schedule: they do not count, and are not deleted",
			world.strangers))
	default:
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonScheduled, "")
	}
}

// wasMissed reports whether no snapshot was taken at the last scheduled time.
func (p *Plan) wasMissed() bool {
	return p.lastMissed != nil && p.handled != nil && p.lastMissed.ScheduleTime.Equal(p.handled)
}

// lastFailure is the snapshot that was finished last, if it failed and no other is being taken; nil otherwise.
func lastFailure(world *World, plan *Plan) *v1alpha1.WukongSnapshot {
	var last *v1alpha1.WukongSnapshot
	for _, snapshot := range world.snapshots {
		if snapshot.DeletionTimestamp.IsZero() && snapshot.Finished() &&
			(last == nil || last.Status.CompletionTime.Before(snapshot.Status.CompletionTime)) {
			last = snapshot
		}
	}
	if last == nil || plan.take != nil || model.Ready(last).Status == metav1.ConditionTrue {
		return nil
	}
	return last
}

// reportTrial reports how the last trial ended, and why the next one does not begin.
func reportTrial(
	set *conditions.Set, object *v1alpha1.WukongSnapshotSchedule, plan *Plan, last *v1alpha1.TrialStatus,
) {
	waits := ""
	if plan.trial.waits != "" {
		waits = "; " + plan.trial.waits
	}
	switch {
	case object.Spec.Trial == nil:
	case last == nil && plan.trial.waits != "":
		set.Unknown(v1alpha1.ConditionTrialPassed, plan.trial.reason, plan.trial.waits)
	case last == nil:
		set.Unknown(v1alpha1.ConditionTrialPassed, v1alpha1.ReasonNotTried, "no trial has ended yet")
	case last.Result == v1alpha1.TrialPassed:
		set.True(v1alpha1.ConditionTrialPassed, v1alpha1.ReasonTrialPassed, fmt.Sprintf(
			"a guest started from WukongSnapshot %s%s", last.SnapshotName, waits))
	default:
		set.False(v1alpha1.ConditionTrialPassed, v1alpha1.ReasonTrialFailed, failedMessage(last)+waits)
	}
}

// counting is the newest successful snapshot that is as consistent as the schedule requires now; nil for none.
func counting(object *v1alpha1.WukongSnapshotSchedule, world *World) *v1alpha1.WukongSnapshot {
	for _, snapshot := range retention.Successful(world.snapshots) {
		if model.ReachesConsistency(snapshot.Status.Consistency, object.Spec.Template.Spec.RequiredConsistency) {
			return snapshot
		}
	}
	return nil
}

// rpoLeft is how long the recovery point objective is met; zero or less when it is not.
func rpoLeft(object *v1alpha1.WukongSnapshotSchedule, world *World) time.Duration {
	newest := counting(object, world)
	if object.Spec.RPOSeconds == nil || newest == nil {
		return 0
	}
	return retention.TakenAt(newest).Add(time.Duration(*object.Spec.RPOSeconds) * time.Second).Sub(world.now)
}

// reportRPO reports whether the recovery point objective is met.
func reportRPO(set *conditions.Set, object *v1alpha1.WukongSnapshotSchedule, world *World) {
	objective, newest := ptr.Deref(object.Spec.RPOSeconds, 0), counting(object, world)
	required := object.Spec.Template.Spec.RequiredConsistency
	switch {
	case objective == 0:
	case newest == nil && required != "":
		set.False(v1alpha1.ConditionWithinRPO, v1alpha1.ReasonOutsideRPO,
			fmt.Sprintf("there is no successful snapshot with the consistency %s", required))
	case newest == nil:
		set.False(v1alpha1.ConditionWithinRPO, v1alpha1.ReasonOutsideRPO, "there is no successful snapshot")
	case rpoLeft(object, world) > 0:
		set.True(v1alpha1.ConditionWithinRPO, v1alpha1.ReasonWithinRPO, "")
	default:
		set.False(v1alpha1.ConditionWithinRPO, v1alpha1.ReasonOutsideRPO, fmt.Sprintf(
			"the newest snapshot, %s, was taken at %s, more than rpoSeconds (%d) ago", newest.Name,
			text(retention.TakenAt(newest)), objective))
	}
}

func text(at time.Time) string { return at.UTC().Format(time.RFC3339) }
