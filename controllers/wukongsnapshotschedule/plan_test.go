package wukongsnapshotschedule

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// noon is a scheduled time; the schedule was created an hour before it.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type change = func(*v1alpha1.WukongSnapshotSchedule, *World)

// situation is the schedule web a minute after noon, with a snapshot for each hour, changed.
func situation(t *testing.T, changes ...change) (*v1alpha1.WukongSnapshotSchedule, *World) {
	t.Helper()
	object := &v1alpha1.WukongSnapshotSchedule{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web", Namespace: "shop", UID: "schedule", Generation: 1,
			CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)),
		},
		Spec: v1alpha1.WukongSnapshotScheduleSpec{
			Schedule: "@hourly", StartingDeadlineSeconds: ptr.To[int64](600),
			Retention: v1alpha1.SnapshotRetention{MaxCount: ptr.To[int32](3), FailedToKeep: ptr.To[int32](1)},
			Template: v1alpha1.SnapshotTemplate{Labels: map[string]string{"tier": "gold"}, Spec: v1alpha1.SnapshotTemplateSpec{
				Source:              v1alpha1.SnapshotSource{VMRef: &v1alpha1.LocalObjectReference{Name: "web"}},
				RequiredConsistency: v1alpha1.ConsistencyCrash,
			}},
		},
	}
	world := &World{now: noon.Add(time.Minute), hasSource: true, used: map[string]bool{}}
	for _, one := range changes {
		one(object, world)
	}
	world.parse(object)
	return object, world
}

// snapshot adds one that was taken some time before noon.
func snapshot(name string, before time.Duration, phase v1alpha1.OperationPhase) change {
	return func(object *v1alpha1.WukongSnapshotSchedule, world *World) {
		at := metav1.NewTime(noon.Add(-before))
		one := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: at}}
		one.Labels = map[string]string{v1alpha1.LabelSchedule: "web"}
		one.Spec.Source = object.Spec.Template.Spec.Source
		one.Status.Phase, one.Status.Consistency = phase, v1alpha1.ConsistencyCrash
		ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "the pool is full"}
		switch phase {
		case v1alpha1.OperationSucceeded:
			one.Status.TakenAt, one.Status.CompletionTime = &at, &at
			ready.Status = metav1.ConditionTrue
		case v1alpha1.OperationFailed:
			one.Status.CompletionTime = &at
		}
		one.Status.Conditions = []metav1.Condition{ready}
		one.Status.Disks = []v1alpha1.SnapshotDiskStatus{{Name: "root"}, {Name: "data"}}
		one.Status.Excluded = []v1alpha1.SnapshotExcludedDisk{{Name: "shared", Reason: "the disk is shared"}}
		world.snapshots = append(world.snapshots, one)
	}
}

func handled(object *v1alpha1.WukongSnapshotSchedule, _ *World) {
	object.Status.LastScheduleTime = ptr.To(metav1.NewTime(noon))
}

func suspended(object *v1alpha1.WukongSnapshotSchedule, _ *World) { object.Spec.Suspend = ptr.To(true) }

func noSource(_ *v1alpha1.WukongSnapshotSchedule, world *World) { world.hasSource = false }

func now(after time.Duration) change {
	return func(_ *v1alpha1.WukongSnapshotSchedule, world *World) { world.now = noon.Add(after) }
}

func rpo(seconds int64) change {
	return func(object *v1alpha1.WukongSnapshotSchedule, _ *World) { object.Spec.RPOSeconds = &seconds }
}

func taken(object *v1alpha1.WukongSnapshotSchedule, world *World) {
	snapshot("web-20260301-1200", 0, v1alpha1.OperationSucceeded)(object, world)
}

// text of a condition: status, reason and message.
func conditionOf(list []metav1.Condition, conditionType string) string {
	condition := meta.FindStatusCondition(list, conditionType)
	if condition == nil {
		return ""
	}
	return strings.TrimSpace(string(condition.Status) + " " + condition.Reason + ": " + condition.Message)
}

// reported are the conditions of a pass.
func reported(object *v1alpha1.WukongSnapshotSchedule, world *World, plan *Plan) []metav1.Condition {
	set := conditions.For(object, clocktesting.NewFakePassiveClock(world.now))
	last := object.Status.LastTrial
	if plan.trial.ended != nil {
		last = plan.trial.ended
	}
	reportReady(set, object, world, plan)
	reportTrial(set, object, plan, last)
	reportRPO(set, object, world)
	return set.List()
}

func TestEachScheduledTime(t *testing.T) {
	const (
		scheduled = "True Scheduled:"
		missing   = "False SourceMissing: WukongVM web does not exist: create it, and the schedule continues " +
			"automatically, or delete the schedule"
		missed = "False MissedTime: no snapshot was taken at the last scheduled time, 2026-03-01T12:00:00Z: "
	)
	const succeeded, failed = v1alpha1.OperationSucceeded, v1alpha1.OperationFailed
	for name, row := range map[string]struct {
		changes []change
		phase   v1alpha1.SchedulePhase
		ready   string
		take    string
		handled time.Time
		missed  int64
		after   time.Duration
	}{
		"due": {
			phase: v1alpha1.ScheduleTaking, ready: scheduled, take: "web-20260301-1200", handled: noon, after: 59 * time.Minute,
		},
		"taken, and status is behind": {changes: []change{taken}, phase: v1alpha1.ScheduleActive, ready: scheduled,
			handled: noon, after: 59 * time.Minute},
		"strangers have the label": {changes: []change{taken, handled, func(
			_ *v1alpha1.WukongSnapshotSchedule, world *World,
		) {
			world.strangers = 2
		}}, phase: v1alpha1.ScheduleActive, handled: noon, after: 59 * time.Minute,
			ready: "True Scheduled: 2 snapshots of another source have the label of this schedule: they do not count, and " +
				"are not deleted"},
		"taken": {changes: []change{taken, handled}, phase: v1alpha1.ScheduleActive, ready: scheduled, handled: noon,
			after: 59 * time.Minute},
		"it was deleted, and is not taken again": {changes: []change{handled}, phase: v1alpha1.ScheduleActive,
			ready: scheduled, handled: noon, after: 59 * time.Minute},
		"being taken": {changes: []change{handled, snapshot("web-20260301-1200", 0, v1alpha1.OperationInProgress)},
			phase: v1alpha1.ScheduleTaking, ready: scheduled, handled: noon, after: 59 * time.Minute},
		"failed": {changes: []change{handled, snapshot("web-20260301-1200", 0, failed)}, phase: v1alpha1.ScheduleError,
			ready:   "False SnapshotFailed: WukongSnapshot web-20260301-1200: the pool is full",
			handled: noon, after: 59 * time.Minute},
		"failed, and the next is taken": {changes: []change{snapshot("web-20260301-1100", time.Hour, failed)},
			phase: v1alpha1.ScheduleTaking, ready: scheduled, take: "web-20260301-1200", handled: noon,
			after: 59 * time.Minute},
		"failed, and succeeded since": {changes: []change{taken, handled, snapshot("web-20260301-1100", time.Hour, failed)},
			phase: v1alpha1.ScheduleActive, ready: scheduled, handled: noon, after: 59 * time.Minute},
		"the previous one is not finished": {
			changes: []change{snapshot("web-20260301-1100", time.Hour, v1alpha1.OperationPending)},
			phase:   v1alpha1.ScheduleTaking, handled: noon, missed: 1, after: 59 * time.Minute,
			ready: missed + "WukongSnapshot web-20260301-1100 was not finished: the pool is full"},
		"the source is missing": {changes: []change{noSource}, phase: v1alpha1.ScheduleError, ready: missing,
			after: 9*time.Minute + time.Second},
		"the source is missing, too late": {changes: []change{noSource, now(time.Hour - 1)}, phase: v1alpha1.ScheduleError,
			ready: missing, handled: noon, missed: 1, after: 1},
		"nobody looked in time": {changes: []change{now(11 * time.Minute)}, phase: v1alpha1.ScheduleError,
			ready:   missed + "none could be taken until startingDeadlineSeconds (600) after that time",
			handled: noon, missed: 1, after: 49 * time.Minute},
		"suspended": {changes: []change{suspended}, phase: v1alpha1.ScheduleSuspended, handled: noon,
			ready: "True Suspended: no snapshots are taken, because spec.suspend is true"},
		"the name is taken": {
			changes: []change{func(_ *v1alpha1.WukongSnapshotSchedule, world *World) {
				world.named = &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{Name: "web-20260301-1200"}}
			}}, phase: v1alpha1.ScheduleError, handled: noon, missed: 1, after: 59 * time.Minute,
			ready: missed + "WukongSnapshot web-20260301-1200 already exists, and is not one of this schedule (label " +
				"vm.novasphere.dev/schedule): delete it, or name the schedule otherwise",
		},
		"no such zone": {
			changes: []change{func(object *v1alpha1.WukongSnapshotSchedule, _ *World) { object.Spec.TimeZone = "Europe/Wien" }},
			phase:   v1alpha1.ScheduleError, ready: `False InvalidSpec: spec.timeZone: time zone "Europe/Wien" ` +
				"is not known: use a name of the IANA time zone database, such as Europe/Vienna",
		},
		"no such trial": {
			changes: []change{func(object *v1alpha1.WukongSnapshotSchedule, _ *World) {
				object.Spec.Trial = &v1alpha1.TrialRestore{Schedule: "0 0 31 2 *"}
			}},
			phase: v1alpha1.ScheduleError,
			ready: `False InvalidSpec: spec.trial.schedule "0 0 31 2 *" names a time that never comes: correct the day of the ` +
				"month, or the month",
		},
		"one is spared": {
			changes: []change{taken, handled, func(object *v1alpha1.WukongSnapshotSchedule, world *World) {
				object.Spec.Retention.MaxCount = ptr.To[int32](1)
				snapshot("old", 9*time.Hour, succeeded)(object, world)
				world.used["old"] = true
			}},
			phase: v1alpha1.ScheduleActive, ready: scheduled, handled: noon, after: 10 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			object, world := situation(t, row.changes...)
			plan := decide(object, world)
			assert.Equal(t, row.phase, phase(object, world, plan))
			assert.Equal(t, row.ready, conditionOf(reported(object, world, plan), v1alpha1.ConditionReady))
			name := ""
			if plan.take != nil {
				name = plan.take.Name
			}
			assert.Equal(t, row.take, name)
			if row.handled.IsZero() {
				assert.Nil(t, plan.handled)
			} else if assert.NotNil(t, plan.handled) {
				assert.Equal(t, row.handled, plan.handled.Time)
			}
			assert.Equal(t, row.missed, plan.missed)
			assert.Equal(t, row.after, plan.after)
		})
	}
}

func TestTheSnapshot(t *testing.T) {
	object, world := situation(t)
	made := decide(object, world).take
	assert.Equal(t, map[string]string{"tier": "gold", v1alpha1.LabelSchedule: "web"}, made.Labels)
	assert.Equal(t, "shop", made.Namespace)
	assert.Equal(t, "web", made.Spec.Source.VMRef.Name)
	assert.Equal(t, v1alpha1.ConsistencyCrash, made.Spec.RequiredConsistency)
	assert.Nil(t, made.Spec.WukongRef, "it outlives the application")
	assert.Nil(t, made.Spec.TTLSecondsAfterFinished, "it is deleted by the retention")
}

// after is the outcome of a pass in which one step was refused.
func after(t *testing.T, step string) *pass.Outcome {
	t.Helper()
	type none struct{}
	refuse := func(none, context.Context, *v1alpha1.WukongSnapshotSchedule, none) error {
		return &apply.RefusedError{Kind: "WukongSnapshot", Name: "x", Err: errors.New("exceeded quota")}
	}
	return pass.New("test", pass.Do(step, refuse)).Run(t.Context(), none{}, &v1alpha1.WukongSnapshotSchedule{}, none{})
}

// A snapshot, or a trial, that the API server refused is due still. One that was made is not due again because another
// write was refused.
func TestWhatIsDueAfterARefusal(t *testing.T) {
	for _, step := range []string{"snapshot", "trial", "retention"} {
		object, world := situation(t, tried)
		object.Status.LastScheduleTime = nil
		world.snapshots[0].Name = "adopted"
		plan := decide(object, world)
		require.NotNil(t, plan.take)
		require.NotNil(t, plan.trial.begin)
		plan.conclude(object, after(t, step))
		assert.Equal(t, step == "snapshot", plan.handled == nil, step)
		assert.Equal(t, step == "trial", plan.trialHandled == nil, step)
		assert.Contains(t, conditionOf(reported(object, world, plan), v1alpha1.ConditionReady), "exceeded quota", step)
	}
}

func TestRecoveryPointObjective(t *testing.T) {
	old := snapshot("old", 2*time.Hour, v1alpha1.OperationSucceeded)
	for name, row := range map[string]struct {
		changes  []change
		expected string
		after    time.Duration
	}{
		"none is asked for": {[]change{taken, handled}, "", 59 * time.Minute},
		"met":               {[]change{taken, handled, rpo(600)}, "True WithinRPO:", 9 * time.Minute},
		"at the very moment": {[]change{taken, handled, rpo(60)}, "False OutsideRPO: the newest snapshot, " +
			"web-20260301-1200, was taken at 2026-03-01T12:00:00Z, more than rpoSeconds (60) ago", 59 * time.Minute},
		"too old": {[]change{old, handled, rpo(600)}, "False OutsideRPO: the newest snapshot, old, was taken at " +
			"2026-03-01T10:00:00Z, more than rpoSeconds (600) ago", 59 * time.Minute},
		"suspended": {[]change{taken, handled, suspended, rpo(600)}, "True WithinRPO:", 9 * time.Minute},
		"none": {[]change{handled, rpo(600)},
			"False OutsideRPO: there is no successful snapshot with the consistency Crash", 59 * time.Minute},
		"less consistent than required": {[]change{taken, handled, rpo(600), func(
			object *v1alpha1.WukongSnapshotSchedule, _ *World,
		) {
			object.Spec.Template.Spec.RequiredConsistency = v1alpha1.ConsistencyApplication
		}}, "False OutsideRPO: there is no successful snapshot with the consistency Application", 59 * time.Minute},
		"a newer one is less consistent": {[]change{taken, handled, rpo(36000), func(
			object *v1alpha1.WukongSnapshotSchedule, world *World,
		) {
			object.Spec.Template.Spec.RequiredConsistency = v1alpha1.ConsistencyApplication
			old(object, world)
			world.snapshots[1].Status.Consistency = v1alpha1.ConsistencyApplication
		}}, "True WithinRPO:", 59 * time.Minute},
		"the time zone is wrong": {[]change{taken, handled, rpo(600), func(
			object *v1alpha1.WukongSnapshotSchedule, _ *World,
		) {
			object.Spec.TimeZone = "Europe/Wien"
		}}, "True WithinRPO:", 9 * time.Minute},
	} {
		object, world := situation(t, row.changes...)
		plan := decide(object, world)
		assert.Equal(t, row.expected, conditionOf(reported(object, world, plan), v1alpha1.ConditionWithinRPO), name)
		assert.Equal(t, row.after, plan.after, "%s: a pass begins when it changes", name)
	}
}

// tried is a schedule with a trial at ten to each hour.
func tried(object *v1alpha1.WukongSnapshotSchedule, world *World) {
	handled(object, world)
	taken(object, world)
	object.Spec.StartingDeadlineSeconds = ptr.To[int64](1500)
	object.Spec.Trial = &v1alpha1.TrialRestore{
		Schedule: "50 * * * *", TimeoutSeconds: ptr.To[int64](1800), SuccessWhen: v1alpha1.RestoreSuccessRunning,
		StorageClassName: "slow", Memory: &v1alpha1.Memory{},
	}
}

func untilAgent(object *v1alpha1.WukongSnapshotSchedule, _ *World) {
	object.Spec.Trial.SuccessWhen = v1alpha1.RestoreSuccessGuestAgent
}

// clone is the trial that began some time before now.
func clone(before time.Duration, phase v1alpha1.OperationPhase) change {
	return func(object *v1alpha1.WukongSnapshotSchedule, world *World) {
		world.clone = &v1alpha1.WukongClone{ObjectMeta: metav1.ObjectMeta{
			Name: "web-trial", UID: "clone", CreationTimestamp: metav1.NewTime(world.now.Add(-before)),
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(object, v1alpha1.GroupVersion.WithKind("WukongSnapshotSchedule")),
			},
		}}
		world.clone.Spec.Source.SnapshotRef = &v1alpha1.LocalObjectReference{Name: "web-20260301-1200"}
		world.clone.Spec.TargetName = "web-trial"
		world.clone.Status.Phase = phase
		world.clone.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Message: "the disks are not filled yet",
		}}
	}
}

// completed: the clone ended some time before now.
func completed(before time.Duration) change {
	return func(_ *v1alpha1.WukongSnapshotSchedule, world *World) {
		world.clone.Status.CompletionTime = ptr.To(metav1.NewTime(world.now.Add(-before)))
	}
}

// guest is that of the trial, in a state for some time.
func guest(status metav1.ConditionStatus, since time.Duration, others ...string) change {
	return func(_ *v1alpha1.WukongSnapshotSchedule, world *World) {
		world.guest = &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{
			Name: "web-trial", OwnerReferences: []metav1.OwnerReference{{UID: "clone"}},
		}}
		world.guest.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: status, Message: "no bootable device",
			LastTransitionTime: metav1.NewTime(world.now.Add(-since)),
		}}
		for _, one := range others {
			world.guest.Status.Conditions = append(world.guest.Status.Conditions,
				metav1.Condition{Type: one, Status: metav1.ConditionTrue})
		}
	}
}

// trialHandled is the last scheduled time of a trial that was handled, some time after noon.
func trialHandled(after time.Duration) change {
	return func(object *v1alpha1.WukongSnapshotSchedule, _ *World) {
		object.Status.LastTrialScheduleTime = ptr.To(metav1.NewTime(noon.Add(after)))
	}
}

// last is how the trial ended that began some time before now.
func last(before time.Duration, result v1alpha1.TrialResult, message string) change {
	return func(object *v1alpha1.WukongSnapshotSchedule, world *World) {
		object.Status.LastTrial = &v1alpha1.TrialStatus{
			SnapshotName: "earlier", StartTime: metav1.NewTime(world.now.Add(-before)), Result: result, Message: message,
			CompletionTime: metav1.NewTime(world.now.Add(-before + time.Minute)),
		}
	}
}

func TestEachTrial(t *testing.T) {
	const (
		inProgress, failed = v1alpha1.OperationInProgress, v1alpha1.OperationFailed
		succeeded          = v1alpha1.OperationSucceeded
		notYet             = "Unknown NotTried: no trial has ended yet"
		passed             = "True TrialPassed: a guest started from WukongSnapshot web-20260301-1200"
		failure            = "False TrialFailed: no guest started from WukongSnapshot web-20260301-1200: "
	)
	isTrue, isFalse := metav1.ConditionTrue, metav1.ConditionFalse
	foreign := func(_ *v1alpha1.WukongSnapshotSchedule, world *World) { world.clone.OwnerReferences = nil }
	deleting := func(_ *v1alpha1.WukongSnapshotSchedule, world *World) {
		world.clone.DeletionTimestamp = ptr.To(metav1.NewTime(noon))
	}
	busy := func(_ *v1alpha1.WukongSnapshotSchedule, world *World) { world.busy = "one in another namespace" }
	noSnapshots := func(_ *v1alpha1.WukongSnapshotSchedule, world *World) { world.snapshots = nil }
	wrongZone := func(object *v1alpha1.WukongSnapshotSchedule, _ *World) { object.Spec.TimeZone = "Europe/Wien" }
	noTrial := func(object *v1alpha1.WukongSnapshotSchedule, _ *World) { object.Spec.Trial = nil }
	for name, row := range map[string]struct {
		changes   []change
		does      string
		condition string
		after     time.Duration
	}{
		"due": {[]change{}, "begin", notYet, 0},
		"not due": {[]change{trialHandled(-10 * time.Minute), last(5*time.Minute, v1alpha1.TrialPassed, "")}, "-",
			"True TrialPassed: a guest started from WukongSnapshot earlier", 49 * time.Minute},
		"it was deleted by a user": {[]change{trialHandled(-10 * time.Minute)}, "-", notYet, 49 * time.Minute},
		"due again, after a failure": {[]change{trialHandled(-70 * time.Minute),
			last(2*time.Hour, v1alpha1.TrialFailed, "no bootable device")}, "begin",
			"False TrialFailed: no guest started from WukongSnapshot earlier: no bootable device", 0},
		"too late":                {[]change{now(20 * time.Minute)}, "-", notYet, 30 * time.Minute},
		"the clock was put back":  {[]change{trialHandled(9999 * time.Hour)}, "-", notYet, 49 * time.Minute},
		"suspended":               {[]change{suspended}, "-", notYet, 49 * time.Minute},
		"the time zone is wrong":  {[]change{wrongZone}, "-", notYet, 0},
		"wrong zone, and it runs": {[]change{wrongZone, clone(time.Minute, inProgress)}, "-", notYet, look},
		"no snapshot": {[]change{noSnapshots}, "-",
			"Unknown NotTried: the trial waits for the first successful snapshot", look},
		"another one runs": {[]change{busy}, "-",
			"Unknown NotTried: the trial waits until one in another namespace has ended", look},
		"another one runs, and the last one passed": {[]change{busy, last(2*time.Hour, v1alpha1.TrialPassed, "")}, "-",
			"True TrialPassed: a guest started from WukongSnapshot earlier; the trial waits until one in " +
				"another namespace has ended", look},
		"the last guest is being deleted": {[]change{guest(isTrue, 0)}, "-",
			"Unknown NameConflict: the trial waits until WukongVM web-trial is deleted, the name of which it needs", look},
		"the name is taken": {[]change{clone(0, inProgress), foreign}, "-", "Unknown NameConflict: WukongClone web-trial " +
			"already exists, and this schedule did not make it: delete it, or name the schedule otherwise", look},
		"the name is taken, no trial": {[]change{clone(0, inProgress), foreign, noTrial}, "-", "", 0},

		"a guest of somebody else runs": {[]change{clone(time.Minute, inProgress), guest(isTrue, time.Hour),
			func(_ *v1alpha1.WukongSnapshotSchedule, world *World) { world.guest.OwnerReferences = nil }}, "-", notYet, look},
		"copies":       {[]change{clone(time.Minute, inProgress)}, "-", notYet, look},
		"copies still": {[]change{clone(29*time.Minute+50*time.Second, inProgress)}, "-", notYet, 10 * time.Second},
		"copies for too long": {[]change{clone(30*time.Minute, inProgress)}, "end", failure + "the guest did not start " +
			"within timeoutSeconds (1800): WukongClone web-trial: the disks are not filled yet", time.Millisecond},
		"the clone fails": {[]change{clone(time.Minute, failed)}, "end", failure +
			"WukongClone web-trial: the disks are not filled yet", time.Millisecond},
		"its guest was deleted": {[]change{clone(5*time.Minute, succeeded), completed(time.Minute)}, "end", failure +
			"WukongVM web-trial was deleted before the trial had ended", time.Millisecond},
		"its guest is not seen yet": {[]change{clone(5*time.Minute, succeeded), completed(time.Second)}, "-", notYet, look},
		"starts":                    {[]change{clone(time.Minute, inProgress), guest(isFalse, 0)}, "-", notYet, look},
		"has started": {[]change{clone(5*time.Minute, inProgress), guest(isTrue, 50*time.Second)}, "-", notYet,
			10 * time.Second},
		"runs": {[]change{clone(5*time.Minute, inProgress), guest(isTrue, time.Minute)}, "end", passed,
			time.Millisecond},
		"runs, and was just too late": {[]change{clone(time.Hour, inProgress), guest(isTrue, time.Minute)}, "end", passed,
			time.Millisecond},
		"does not boot": {[]change{clone(time.Hour, inProgress), guest(isFalse, time.Hour)}, "end", failure + "the guest " +
			"did not start within timeoutSeconds (1800): WukongVM web-trial: no bootable device", time.Millisecond},
		"boots, without an agent": {[]change{untilAgent, clone(time.Minute, inProgress), guest(isTrue, time.Hour)}, "-",
			notYet, look},
		"boots, without an agent, too long": {[]change{untilAgent, clone(time.Hour, inProgress), guest(isTrue, time.Hour)},
			"end", failure + "the guest did not start within timeoutSeconds (1800): WukongVM web-trial runs, and its guest " +
				"agent does not answer", time.Millisecond},
		"boots, with an agent": {[]change{untilAgent, clone(time.Minute, inProgress),
			guest(isTrue, 0, v1alpha1.ConditionGuestAgentConnected)}, "end", passed, time.Millisecond},

		"recorded": {[]change{clone(time.Minute, inProgress), last(time.Minute, v1alpha1.TrialPassed, "")}, "remove",
			"True TrialPassed: a guest started from WukongSnapshot earlier", 0},
		"recorded, and being deleted": {
			[]change{clone(time.Minute, inProgress), last(time.Minute, v1alpha1.TrialPassed, ""), deleting}, "-",
			"True TrialPassed: a guest started from WukongSnapshot earlier", 0},
		"no longer asked for": {[]change{clone(time.Minute, inProgress), noTrial}, "remove", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			object, world := situation(t, append([]change{tried}, row.changes...)...)
			plan := decide(object, world)
			does := "-"
			switch {
			case plan.trial.begin != nil:
				does = "begin"
			case plan.trial.remove != nil:
				does = "remove"
			case plan.trial.ended != nil:
				does = "end"
			}
			assert.Equal(t, row.does, does)
			assert.Equal(t, row.condition, conditionOf(reported(object, world, plan), v1alpha1.ConditionTrialPassed))
			assert.Equal(t, row.after, plan.trial.after)
		})
	}
}

// The guest of a trial has no network, and writes to no disk that another guest has.
func TestTheCloneOfATrial(t *testing.T) {
	object, world := situation(t, tried)
	made := decide(object, world).trial.begin
	require.NotNil(t, made)
	assert.Equal(t, "web-trial", made.Name)
	assert.Equal(t, "web-trial", made.Spec.TargetName)
	assert.Equal(t, "web-20260301-1200", made.Spec.Source.SnapshotRef.Name)
	assert.Equal(t, []v1alpha1.CloneDisk{
		{Name: "root", Action: v1alpha1.CloneActionClone, StorageClassName: "slow"},
		{Name: "data", Action: v1alpha1.CloneActionClone, StorageClassName: "slow"},
		{Name: "shared", Action: v1alpha1.CloneActionOmit},
	}, made.Spec.Disks)
	assert.True(t, *made.Spec.Overrides.Isolated)
	assert.NotNil(t, made.Spec.Overrides.Memory)
	assert.Nil(t, made.Spec.Overrides.CPU)
	assert.Equal(t, v1alpha1.PowerRunning, made.Spec.PowerState)
	assert.Equal(t, v1alpha1.CloneDeletionDelete, made.Spec.OnDelete)
	assert.EqualValues(t, 1800, *made.Spec.DeadlineSeconds)
	assert.EqualValues(t, 1800, *made.Spec.TTLSecondsAfterFinished, "the guest ends if nothing else ends it")
	assert.Equal(t, "web", made.Labels[v1alpha1.LabelSchedule])
}
