//go:build controlplane

package wukongsnapshotschedule_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// schedules is the fixture in which the controller runs alone, and the test plays the controllers of snapshots, clones
// and WukongVMs. Its clock is moved from one full hour to the next.
type schedules struct {
	*testkit.Fixture
	now *clocktesting.FakePassiveClock
}

func alone(t *testing.T) schedules {
	t.Helper()
	return clocked(testkit.Parallel(t))
}

func clocked(f *testkit.Fixture) schedules {
	now := clocktesting.NewFakePassiveClock(time.Now())
	return schedules{f.Running("wukongsnapshotschedule").ByClock(now), now}
}

// withVM has the WukongVM web.
func withVM(t *testing.T) schedules {
	t.Helper()
	f := alone(t)
	f.Create(builder.VM(f.Namespace, "web", builder.Stamped("root")))
	return f
}

// name is that of the snapshot of the schedule web for the hour that the clock shows.
func (f schedules) name() string {
	return "web-" + f.now.Now().UTC().Truncate(time.Hour).Format("20060102-1504")
}

// later moves the clock, and makes the controller look.
func (f schedules) later(object *v1alpha1.WukongSnapshotSchedule, by time.Duration) {
	f.Helper()
	f.now.SetTime(f.now.Now().Add(by))
	f.touch(object)
}

// touch changes the schedule in a way that decides nothing.
func (f schedules) touch(object *v1alpha1.WukongSnapshotSchedule) {
	f.Helper()
	testkit.Edit(f, object, func(object *v1alpha1.WukongSnapshotSchedule) {
		if object.Spec.Template.Labels == nil {
			object.Spec.Template.Labels = map[string]string{"looked": ""}
		}
		object.Spec.Template.Labels["looked"] += "x"
	})
}

// hour moves the clock to the next full hour.
func (f schedules) hour(object *v1alpha1.WukongSnapshotSchedule) {
	f.Helper()
	f.later(object, f.now.Now().Truncate(time.Hour).Add(time.Hour).Sub(f.now.Now()))
}

// snapshots are the names of those of the namespace, sorted.
func (f schedules) snapshots() (names []string) {
	f.Helper()
	list := &v1alpha1.WukongSnapshotList{}
	require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names
}

// take plays the controller of snapshots: it waits for one, and completes it.
func (f schedules) take(name string) *v1alpha1.WukongSnapshot {
	f.Helper()
	snapshot := &v1alpha1.WukongSnapshot{}
	f.Until(func() bool { return f.Exists(name, snapshot) }, "WukongSnapshot %s is not created", name)
	at := metav1.NewTime(f.now.Now().Truncate(time.Second))
	status := &snapshot.Status
	status.Phase, status.CompletionTime, status.TakenAt = v1alpha1.OperationSucceeded, &at, &at
	status.Consistency = v1alpha1.ConsistencyCrash
	status.Disks = []v1alpha1.SnapshotDiskStatus{{Name: "root", DiskName: "web-root", VolumeSnapshotName: name}}
	testkit.Say(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "", v1alpha1.ConditionReady)
	return snapshot
}

// isLast waits until a snapshot is reported as the newest one.
func (f schedules) isLast(object *v1alpha1.WukongSnapshotSchedule, name string) {
	f.Helper()
	testkit.WaitUntil(f, object, func(now *testkit.Attempt, current *v1alpha1.WukongSnapshotSchedule) {
		if assert.NotNil(now, current.Status.LastSnapshot) {
			assert.Equal(now, name, current.Status.LastSnapshot.Name)
		}
	})
}

// takeHours takes a snapshot in each of the next hours, and returns their names.
func (f schedules) takeHours(object *v1alpha1.WukongSnapshotSchedule, hours int) (names []string) {
	f.Helper()
	for range hours {
		f.hour(object)
		names = append(names, f.name())
		f.take(f.name())
		f.isLast(object, f.name())
	}
	return names
}

func TestSnapshotsAreTakenAndDeleted(t *testing.T) {
	f := withVM(t)
	writes := f.StartManager().Writes
	object := builder.Schedule(f.Namespace, "web", "web", "@hourly", builder.RPO(7200))
	f.Create(object)
	testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	testkit.WaitCondition(f, object, v1alpha1.ConditionWithinRPO, metav1.ConditionFalse, v1alpha1.ReasonOutsideRPO,
		"there is no successful snapshot")
	assert.Empty(t, f.snapshots(), "a time before the creation of the schedule does not count")

	names := f.takeHours(object, 3)
	f.WaitIdle()
	writes.Reset()
	names = append(names, f.takeHours(object, 2)...)
	f.Until(func() bool { return slices.Equal(f.snapshots(), names[2:]) }, "the oldest are not deleted")
	current := testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	assert.EqualValues(t, 3, current.Status.Kept)
	assert.Zero(t, current.Status.Missed)
	assert.Equal(t, f.now.Now().Add(time.Hour).Truncate(time.Hour).UTC(), current.Status.NextScheduleTime.UTC())
	f.WaitIdle()
	// For each hour: the snapshot, status when it is created and when it is finished, and the deletion of the oldest.
	assert.Equal(t, 2*4, writes.Total(), "%s", writes)
	assert.Zero(t, writes.Conflicts())

	snapshot := testkit.Read(f, names[4], &v1alpha1.WukongSnapshot{})
	assert.Equal(t, "web", snapshot.Spec.Source.VMRef.Name)
	assert.Empty(t, snapshot.OwnerReferences, "it outlives the schedule")

	// The recovery point objective is missed at the very second.
	f.later(object, 2*time.Hour-time.Second)
	testkit.WaitCondition(f, object, v1alpha1.ConditionWithinRPO, metav1.ConditionTrue, v1alpha1.ReasonWithinRPO, "")
	f.later(object, time.Second)
	testkit.WaitCondition(f, object, v1alpha1.ConditionWithinRPO, metav1.ConditionFalse, v1alpha1.ReasonOutsideRPO,
		names[4])
}

// Whatever is lost or deleted, each scheduled time has one snapshot at most.
func TestEachTimeHasOneSnapshot(t *testing.T) {
	f := withVM(t)
	manager := f.StartManager()
	object := builder.Schedule(f.Namespace, "web", "web", "@hourly")
	f.Create(object)
	testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	f.hour(object)
	snapshot := f.take(f.name())
	f.isLast(object, f.name())

	// Status is lost, and another manager starts.
	manager.Stop()
	current := testkit.Read(f, "web", object)
	current.Status = v1alpha1.WukongSnapshotScheduleStatus{}
	f.SetStatus(current)
	manager = f.StartManager()
	f.isLast(object, snapshot.Name)
	assert.Equal(t, []string{snapshot.Name}, f.snapshots())
	assert.True(t, testkit.Read(f, "web", object).Status.LastScheduleTime.Equal(
		&metav1.Time{Time: f.now.Now().Truncate(time.Hour)}))

	// A user deletes the snapshot.
	f.Remove(snapshot)
	f.WaitGone(snapshot)
	f.touch(object)
	f.WaitIdle()
	assert.Empty(t, f.snapshots())

	// Of 400 hours in which Wukong did not run, one snapshot is taken.
	manager.Stop()
	f.now.SetTime(f.now.Now().Add(400 * time.Hour))
	f.StartManager()
	f.take(f.name())
	f.isLast(object, f.name())
	assert.Len(t, f.snapshots(), 1)
	assert.EqualValues(t, 399, testkit.Read(f, "web", object).Status.Missed)
}

// The snapshots of a schedule that is deleted and applied again are its own again. With onDelete Delete they are
// deleted with it.
func TestDeletionOfASchedule(t *testing.T) {
	f := withVM(t)
	f.StartManager()
	object := builder.Schedule(f.Namespace, "web", "web", "@hourly")
	f.Create(object)
	testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	names := f.takeHours(object, 3)
	f.Remove(object)
	f.WaitGone(object)
	f.WaitIdle()
	assert.Equal(t, names, f.snapshots())

	again := builder.Schedule(f.Namespace, "web", "web", "@hourly", builder.KeepingSnapshots(2), builder.DeletingSnapshots)
	f.Create(again)
	f.Until(func() bool { return slices.Equal(f.snapshots(), names[1:]) }, "the oldest is not deleted")
	f.isLast(again, names[2])
	f.Until(func() bool {
		return metav1.IsControlledBy(testkit.Read(f, names[1], &v1alpha1.WukongSnapshot{}), again)
	}, "it is not deleted with the schedule")
	f.Patch(again, `{"spec":{"onDelete":"Keep"}}`)
	f.Until(func() bool {
		return len(testkit.Read(f, names[1], &v1alpha1.WukongSnapshot{}).OwnerReferences) == 0
	}, "it is deleted with the schedule")
	f.Patch(again, `{"spec":{"onDelete":"Delete"}}`)
	f.hour(again)
	f.take(f.name())
	f.isLast(again, f.name())
	f.Until(func() bool {
		return metav1.IsControlledBy(testkit.Read(f, names[2], &v1alpha1.WukongSnapshot{}), again)
	})
	f.Remove(again)
	f.Until(func() bool { return len(f.snapshots()) == 0 }, "the snapshots stay")
}

// A snapshot from which a WukongVM is being restored, or something is being cloned, filled or exported, is not deleted.
// Neither is a pinned one, nor one of another source.
func TestWhatIsUsedIsNotDeleted(t *testing.T) {
	f := withVM(t)
	f.StartManager()
	object := builder.Schedule(f.Namespace, "web", "web", "@hourly")
	f.Create(object)
	testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	stranger := builder.SnapshotOfVM(f.Namespace, "stranger", "db")
	stranger.Labels = map[string]string{v1alpha1.LabelSchedule: "web"}
	f.Create(stranger)
	f.Patch(object, `{"spec":{"retention":{"maxCount":6}}}`)
	names := f.takeHours(object, 6)
	clone := builder.CloneOfSnapshot(f.Namespace, "copy", names[0], "copy")
	export := builder.Export(f.Namespace, "backup", "", builder.OfVolumeSnapshot(names[3]), builder.ToDownload(3600))
	disk := builder.Disk(f.Namespace, "filled", builder.FromVolumeSnapshot(names[4]))
	copied := builder.Backup(f.Namespace, "copied", names[5], bucket)
	f.Create(clone, export, disk, copied)
	f.Patch(testkit.Read(f, "web", &v1alpha1.WukongVM{}), `{"spec":{"restore":{"requestedAt":"2050-03-01T12:00:00Z",`+
		`"snapshotRef":{"name":"`+names[1]+`"}}}}`)
	f.Patch(testkit.Read(f, names[2], &v1alpha1.WukongSnapshot{}),
		`{"metadata":{"labels":{"`+v1alpha1.LabelPinned+`":"true"}}}`)
	f.Patch(object, `{"spec":{"retention":{"maxCount":1}}}`)
	newer := f.takeHours(object, 2)
	f.WaitIdle()
	all := append([]string{"stranger"}, append(slices.Clone(names), newer[1])...)
	assert.Equal(t, all, f.snapshots())
	testkit.Wait(f, object, metav1.ConditionTrue, v1alpha1.ReasonScheduled, "1 snapshots of another source")

	at := metav1.NewTime(f.now.Now().Truncate(time.Second))
	clone.Status.Phase, clone.Status.CompletionTime = v1alpha1.OperationSucceeded, &at
	f.SetStatus(clone)
	f.Remove(export)
	f.Remove(disk)
	f.Remove(copied)
	f.Patch(testkit.Read(f, "web", &v1alpha1.WukongVM{}), `{"spec":{"restore":null}}`)
	f.WaitGone(export, disk, copied)
	f.touch(object)
	f.Until(func() bool { return slices.Equal(f.snapshots(), []string{"stranger", names[2], newer[1]}) })
}

// What is wrong is in the condition, and is over when it is mended.
func TestCausesOfASchedule(t *testing.T) {
	f := alone(t)
	f.StartManager()
	object := builder.Schedule(f.Namespace, "web", "web", "@hourly")
	object.Spec.TimeZone = "Europe/Wien"
	f.Create(object)
	testkit.Wait(f, object, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, `time zone "Europe/Wien" is not known`)
	f.Patch(object, `{"spec":{"timeZone":"Europe/Vienna"}}`)
	testkit.Wait(f, object, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongVM web does not exist")
	f.hour(object)
	f.WaitIdle()
	assert.Empty(t, f.snapshots())
	f.Create(builder.VM(f.Namespace, "web", builder.Stamped("root")))
	first := f.name()
	f.take(first)
	testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)

	// The next one is not finished when the one after it is due.
	f.hour(object)
	second := f.name()
	f.Until(func() bool { return f.Exists(second, &v1alpha1.WukongSnapshot{}) })
	f.hour(object)
	testkit.Wait(f, object, metav1.ConditionFalse, v1alpha1.ReasonMissedTime, second+" was not finished")
	f.take(second)
	f.hour(object)
	failed := testkit.Read(f, f.waitSnapshot(), &v1alpha1.WukongSnapshot{})
	at := metav1.NewTime(f.now.Now().Truncate(time.Second))
	failed.Status.Phase, failed.Status.CompletionTime = v1alpha1.OperationFailed, &at
	testkit.Say(f, failed, metav1.ConditionFalse, v1alpha1.ReasonFailed, "the pool is full", v1alpha1.ConditionReady)
	testkit.Wait(f, object, metav1.ConditionFalse, v1alpha1.ReasonSnapshotFailed, "the pool is full")

	// Another object has the name of the next one.
	next := "web-" + f.now.Now().Add(time.Hour).UTC().Format("20060102-1504")
	f.Create(builder.SnapshotOfVM(f.Namespace, next, "web"))
	f.hour(object)
	testkit.Wait(f, object, metav1.ConditionFalse, v1alpha1.ReasonMissedTime, next+" already exists")
	f.Patch(object, `{"spec":{"suspend":true}}`)
	testkit.WaitTrue(f, object, v1alpha1.ReasonSuspended)
}

// waitSnapshot waits for the snapshot of this hour, and returns its name.
func (f schedules) waitSnapshot() string {
	f.Helper()
	f.Until(func() bool { return f.Exists(f.name(), &v1alpha1.WukongSnapshot{}) })
	return f.name()
}

// forADay: a trial may take that long. The objects of a test are created by the clock of the API server, which is
// behind the clock that the test moves.
func forADay(trial *v1alpha1.TrialRestore) { trial.TimeoutSeconds = ptr.To[int64](86400) }

// adopted makes a successful snapshot that carries the label of the schedule web.
func (f schedules) adopted(name string) {
	f.Helper()
	snapshot := builder.SnapshotOfVM(f.Namespace, name, "web")
	snapshot.Labels = map[string]string{v1alpha1.LabelSchedule: "web"}
	f.Create(snapshot)
	f.take(name)
}

// guestOf plays the controller of WukongClones: it makes the WukongVM of a trial, in a state.
func (f schedules) guestOf(
	clone *v1alpha1.WukongClone, status metav1.ConditionStatus, reason, message string,
) *v1alpha1.WukongVM {
	f.Helper()
	guest := builder.VM(f.Namespace, "web-trial", builder.Stamped("root"))
	guest.OwnerReferences = []metav1.OwnerReference{
		*metav1.NewControllerRef(clone, v1alpha1.GroupVersion.WithKind("WukongClone")),
	}
	f.Create(guest)
	testkit.Say(f, guest, status, reason, message, v1alpha1.ConditionReady)
	f.WaitIdle()
	return guest
}

// A trial makes a WukongVM without a network, reports whether its guest starts, and deletes it.
func TestTrial(t *testing.T) {
	f := withVM(t)
	f.StartManager()
	f.adopted("first")
	object := builder.Schedule(f.Namespace, "web", "web", "@yearly", builder.TriedAt("0 0 * * *", forADay))
	f.Create(object)
	testkit.WaitCondition(f, object, v1alpha1.ConditionTrialPassed, metav1.ConditionUnknown, v1alpha1.ReasonNotTried, "")
	midnight := f.now.Now().UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	f.later(object, midnight.Sub(f.now.Now()))
	clone := f.waitTrial()
	assert.Equal(t, "first", clone.Spec.Source.SnapshotRef.Name)
	assert.True(t, metav1.IsControlledBy(clone, object))
	testkit.WaitUntil(f, object, func(now *testkit.Attempt, current *v1alpha1.WukongSnapshotSchedule) {
		assert.Equal(now, v1alpha1.ScheduleTrying, current.Status.Phase)
	})

	guest := f.guestOf(clone, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	testkit.WaitCondition(f, object, v1alpha1.ConditionTrialPassed, metav1.ConditionTrue, v1alpha1.ReasonTrialPassed,
		"a guest started from WukongSnapshot first")
	f.WaitGone(clone, guest)
	last := testkit.Read(f, "web", object).Status.LastTrial
	assert.Equal(t, v1alpha1.TrialPassed, last.Result)
	f.WaitIdle()
	assert.False(t, f.Exists("web-trial", &v1alpha1.WukongClone{}), "there is one for each scheduled time")

	// The next one does not start: by the clock of this test, its time is over at once.
	f.adopted("second")
	f.later(object, 24*time.Hour)
	testkit.WaitCondition(f, object, v1alpha1.ConditionTrialPassed, metav1.ConditionFalse, v1alpha1.ReasonTrialFailed,
		"no guest started from WukongSnapshot second: the guest did not start within timeoutSeconds (86400): WukongClone "+
			"web-trial: ")
	f.WaitGone(clone)

	// A trial that is going on is deleted with the schedule.
	f.Patch(object, `{"spec":{"trial":null}}`)
	f.Remove(object)
	f.WaitGone(object)
	object = builder.Schedule(f.Namespace, "web", "web", "@yearly", builder.TriedAt("* * * * *", forADay))
	f.now.SetTime(time.Now())
	f.Create(object)
	testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	f.later(object, 2*time.Minute)
	clone = f.waitTrial()
	f.Remove(object)
	f.WaitGone(clone)
}

// waitTrial waits for the WukongClone of a trial.
func (f schedules) waitTrial() *v1alpha1.WukongClone {
	f.Helper()
	clone := &v1alpha1.WukongClone{}
	f.Until(func() bool { return f.Exists("web-trial", clone) && clone.DeletionTimestamp.IsZero() }, "no trial begins")
	return clone
}

// One trial runs at a time, also in several namespaces.
func TestOneTrialAtATime(t *testing.T) {
	one := clocked(testkit.New(t))
	one.StartManagerOfAll()
	other := schedules{one.Elsewhere(), one.now}
	var objects []*v1alpha1.WukongSnapshotSchedule
	for _, f := range []schedules{one, other} {
		f.Create(builder.VM(f.Namespace, "web", builder.Stamped("root")))
		f.adopted("first")
		object := builder.Schedule(f.Namespace, "web", "web", "@yearly", builder.TriedAt("* * * * *", forADay))
		f.Create(object)
		objects = append(objects, object)
		testkit.WaitTrue(f, object, v1alpha1.ReasonScheduled)
	}
	one.now.SetTime(one.now.Now().Add(2 * time.Minute))
	one.touch(objects[0])
	clone := one.waitTrial()
	other.touch(objects[1])
	testkit.WaitCondition(other, objects[1], v1alpha1.ConditionTrialPassed, metav1.ConditionUnknown,
		v1alpha1.ReasonNotTried, "waits until one in another namespace has ended")
	one.Patch(objects[0], `{"spec":{"trial":null}}`)
	one.Until(func() bool {
		return meta.FindStatusCondition(testkit.Read(one, "web", objects[0]).Status.Conditions,
			v1alpha1.ConditionTrialPassed) == nil
	})
	one.WaitGone(clone)
	other.touch(objects[1])
	other.waitTrial()
}
