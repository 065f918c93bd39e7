package wukongsnapshotschedule

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule/internal/due"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule/internal/retention"
)

// Plan is what a pass does, and what it reports.
type Plan struct {
	// take is the snapshot to create; nil for none.
	take      *v1alpha1.WukongSnapshot
	retention retention.Decision
	trial     Trial
	backup    Backup
	// problem is why no snapshots are taken; nil when they are.
	problem *cause.Cause
	// handled, missed and lastMissed are about the scheduled times, as status reports them.
	handled    *metav1.Time
	missed     int64
	lastMissed *v1alpha1.MissedSnapshot
	next       *metav1.Time
	// trialHandled is the last scheduled time of a trial that needs nothing any more.
	trialHandled *metav1.Time
	// newest is the newest successful snapshot, unfinished one that is not finished; nil for none.
	newest, unfinished *v1alpha1.WukongSnapshot
	// after is when to look again; zero for never.
	after time.Duration
}

func decide(object *v1alpha1.WukongSnapshotSchedule, world *World) *Plan {
	status := &object.Status
	plan := &Plan{
		handled: status.LastScheduleTime, missed: status.Missed, lastMissed: status.LastMissed,
		trialHandled: status.LastTrialScheduleTime,
	}
	if good := retention.Successful(world.snapshots); len(good) > 0 {
		plan.newest = good[0]
	}
	if at := slices.IndexFunc(world.snapshots, func(one *v1alpha1.WukongSnapshot) bool {
		return !one.Finished() && one.DeletionTimestamp.IsZero()
	}); at >= 0 {
		plan.unfinished = world.snapshots[at]
	}
	plan.retention = world.retain(object)
	plan.lookAfter(plan.retention.After)
	if plan.retention.Spared {
		plan.lookAfter(10 * time.Minute) // no watch reports when the snapshot is no longer used
	}
	if world.invalid != nil {
		plan.problem = &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Message: world.invalid.Error()}
	} else {
		plan.schedule(object, world)
	}
	plan.decideBackup(object, world)
	plan.decideTrial(object, world)
	plan.lookAfter(plan.trial.after)
	plan.lookAfter(rpoLeft(object, world))
	return plan
}

// lookAfter looks again after some time at the latest; zero changes nothing.
func (p *Plan) lookAfter(wait time.Duration) {
	if wait > 0 && (p.after == 0 || wait < p.after) {
		p.after = wait
	}
}

// schedule decides about the scheduled times.
func (p *Plan) schedule(object *v1alpha1.WukongSnapshotSchedule, world *World) {
	in := due.Inputs{Object: object, Schedule: world.times, Now: world.now}
	for _, snapshot := range world.snapshots {
		in.Taken = append(in.Taken, snapshot.Name)
	}
	decided := in.Decide()
	if next := in.Next(); !next.IsZero() && !ptr.Deref(object.Spec.Suspend, false) {
		p.next = ptr.To(metav1.NewTime(next))
		p.lookAfter(next.Sub(world.now))
	}
	p.lookAfter(decided.After)
	if !world.hasSource {
		p.problem = sourceMissing(object)
	}
	if decided.Time.IsZero() {
		if p.problem != nil && decided.Why != "" {
			decided.Why = p.problem.Message
		}
		p.handle(decided.Handled, decided.Missed, decided.Why)
		return
	}
	name := due.Name(object.Name, decided.Time)
	switch {
	case world.named != nil && world.named.Name == name && !isOf(object, world.named):
		p.handle(decided.Time, decided.Missed+1, fmt.Sprintf(
			"WukongSnapshot %s already exists, and is not one of this schedule (label %s): delete it, or name the schedule "+
				"otherwise", name, v1alpha1.LabelSchedule))
	case !world.hasSource:
		p.lookAfter(decided.Until.Sub(world.now) + time.Second)
	case p.unfinished != nil:
		p.handle(decided.Time, decided.Missed+1, fmt.Sprintf("WukongSnapshot %s was not finished: %s", p.unfinished.Name,
			model.Ready(p.unfinished).Message))
	default:
		p.take = snapshotOf(object, name)
		p.handle(decided.Time, decided.Missed, "")
	}
}

// handle records that a scheduled time needs nothing any more; a zero time records nothing. Why is empty when a
// snapshot was taken for it.
func (p *Plan) handle(at time.Time, missed int, why string) {
	if at.IsZero() {
		return
	}
	p.handled = ptr.To(metav1.NewTime(at))
	p.missed += int64(missed)
	if why != "" {
		p.lastMissed = &v1alpha1.MissedSnapshot{ScheduleTime: *p.handled, Message: why}
	}
}

func sourceMissing(object *v1alpha1.WukongSnapshotSchedule) *cause.Cause {
	source, kind, name := object.Spec.Template.Spec.Source, "WukongDisk", ""
	if source.VMRef != nil {
		kind, name = "WukongVM", source.VMRef.Name
	} else {
		name = source.DiskRef.Name
	}
	return &cause.Cause{Reason: v1alpha1.ReasonSourceMissing, Message: fmt.Sprintf(
		"%s %s does not exist: create it, and the schedule continues automatically, or delete the schedule", kind, name)}
}

// snapshotOf is the snapshot for a scheduled time.
func snapshotOf(object *v1alpha1.WukongSnapshotSchedule, name string) *v1alpha1.WukongSnapshot {
	template := object.Spec.Template.DeepCopy()
	labels := map[string]string{}
	for key, value := range template.Labels {
		labels[key] = value
	}
	labels[v1alpha1.LabelSchedule] = object.Name
	return &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: object.Namespace, Name: name, Labels: labels},
		Spec: v1alpha1.WukongSnapshotSpec{
			Source:                  template.Spec.Source,
			RequiredConsistency:     template.Spec.RequiredConsistency,
			FreezeTimeoutSeconds:    template.Spec.FreezeTimeoutSeconds,
			VolumeSnapshotClassName: template.Spec.VolumeSnapshotClassName,
			FailureDeadlineSeconds:  template.Spec.FailureDeadlineSeconds,
			CloneableFrom:           template.Spec.CloneableFrom,
		},
	}
}

// conclude reports a write that the API server refused. A snapshot or a trial that was not created is due still, until
// it is too late.
func (p *Plan) conclude(object *v1alpha1.WukongSnapshotSchedule, outcome *pass.Outcome) {
	status := &object.Status
	if err := outcome.Refused(); err != nil {
		p.problem = cause.Refused(err)
	}
	if outcome.Of("snapshot") != nil {
		p.handled, p.missed, p.lastMissed = status.LastScheduleTime, status.Missed, status.LastMissed
	}
	if outcome.Of("trial") != nil {
		p.trialHandled = status.LastTrialScheduleTime
	}
}
