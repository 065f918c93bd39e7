//go:build controlplane

package wukongsnapshot_test

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// snapshots is the fixture in which the snapshot controller runs alone, and the test plays what it waits for.
type snapshots struct{ *testkit.Fixture }

func start(t *testing.T) (snapshots, *testkit.Manager) {
	t.Helper()
	f := alone(t)
	return f, f.StartManager()
}

// alone has no manager yet.
func alone(t *testing.T) snapshots {
	t.Helper()
	return snapshots{testkit.Parallel(t).Running("wukongsnapshot")}
}

// clocked is alone with a clock that the test moves. It begins when the test's turn has come.
func clocked(t *testing.T) (snapshots, *clocktesting.FakePassiveClock) {
	t.Helper()
	f := alone(t)
	now := clocktesting.NewFakePassiveClock(time.Now())
	return snapshots{f.ByClock(now)}, now
}

// completeDisk is a WukongDisk, complete as its controller leaves it.
func (f snapshots) completeDisk(name string) *v1alpha1.WukongDisk {
	f.Helper()
	disk := builder.Disk(f.Namespace, name)
	f.Create(disk)
	f.setComplete(disk, metav1.ConditionTrue)
	return disk
}

func (f snapshots) setComplete(disk *v1alpha1.WukongDisk, status metav1.ConditionStatus) {
	f.Helper()
	disk.Status.ClaimName, disk.Status.ObservedGeneration = disk.Name, disk.Generation
	testkit.Say(f, disk, status, v1alpha1.ReasonImporting, "DataVolume data is being filled",
		v1alpha1.ConditionReady, v1alpha1.ConditionComplete)
}

func (f snapshots) runningVM(name, disk string) *v1alpha1.WukongVM {
	f.Helper()
	vm := builder.VM(f.Namespace, name, builder.Attached(disk))
	f.Create(vm)
	testkit.SayPhase(f, vm, v1alpha1.PhaseRunning)
	return vm
}

func (f snapshots) newSnapshot(name string, options ...builder.SnapshotOption) *v1alpha1.WukongSnapshot {
	return builder.Snapshot(f.Namespace, name, "data", options...)
}

func (f snapshots) waitTaken(name string) *snapshotv1.VolumeSnapshot {
	f.Helper()
	taken := &snapshotv1.VolumeSnapshot{}
	f.Until(func() bool { return f.Exists(name, taken) }, "VolumeSnapshot %s is not made", name)
	return taken
}

// complete plays the snapshot controller and its sidecar.
func (f snapshots) complete(name string) *snapshotv1.VolumeSnapshot {
	f.Helper()
	taken := f.waitTaken(name)
	taken.Status = &snapshotv1.VolumeSnapshotStatus{
		ReadyToUse: ptr.To(true), CreationTime: ptr.To(metav1.NewTime(time.Unix(1700000000, 0))),
		RestoreSize: ptr.To(resource.MustParse("1Gi")),
	}
	f.SetStatus(taken)
	return taken
}

// A snapshot from its first wait to its loss.
func TestASnapshotOfADisk(t *testing.T) {
	f, manager := start(t)
	snapshot := f.newSnapshot("monday", builder.OfSnapshotClass("fast"))
	f.Create(snapshot)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongDisk data does not exist")
	disk := f.completeDisk("data")
	taken := f.waitTaken("monday")
	assert.True(t, metav1.IsControlledBy(taken, snapshot))
	assert.Equal(t, "data", *taken.Spec.Source.PersistentVolumeClaimName)
	assert.Equal(t, "fast", *taken.Spec.VolumeSnapshotClassName)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "VolumeSnapshot monday is being taken")
	taken.Status = &snapshotv1.VolumeSnapshotStatus{
		Error: &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")},
	}
	f.SetStatus(taken)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotError, "pool is full; it is retried until")
	assert.Equal(t, v1alpha1.OperationInProgress, snapshot.Status.Phase)
	f.complete("monday")
	testkit.Wait(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.OperationSucceeded, snapshot.Status.Phase)
	assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
	assert.Equal(t, int64(1700000000), snapshot.Status.TakenAt.Unix())
	require.Len(t, snapshot.Status.Disks, 1)
	assert.Equal(t, "monday", snapshot.Status.Disks[0].VolumeSnapshotName)
	assert.Equal(t, "1Gi", snapshot.Status.Disks[0].RestoreSize.String())
	f.WaitIdle()
	assert.LessOrEqual(t, manager.Writes.Total(), 7, "finalizer, VolumeSnapshot, five words of status:\n%s",
		manager.Writes)

	t.Run("Contract3: none at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	// What was taken is what it is, whatever becomes of the disk.
	f.Remove(disk)
	f.Remove(taken)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotLost, "point in time")
	f.completeDisk("data")
	f.WaitIdle()
	assert.False(t, f.Exists("monday", &snapshotv1.VolumeSnapshot{}), "it would be another point in time")
}

func TestADiskThatIsNotCompleteIsWaitedFor(t *testing.T) {
	f, _ := start(t)
	disk, snapshot := f.completeDisk("data"), f.newSnapshot("monday")
	f.setComplete(disk, metav1.ConditionFalse)
	f.Create(snapshot)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady,
		"WukongDisk data: DataVolume data is being filled")
	assert.False(t, f.Exists("monday", &snapshotv1.VolumeSnapshot{}))
	f.setComplete(disk, metav1.ConditionTrue)
	f.waitTaken("monday")
}

// A machine that could write makes it no better than a power failure, whether it did at the beginning or at the end.
func TestConsistency(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	early, late := f.newSnapshot("early"), f.newSnapshot("late", builder.ApplicationConsistent)
	f.Create(late)
	f.waitTaken("late")
	vm := f.runningVM("web", "data")
	f.Create(early)
	f.complete("early")
	f.complete("late")
	testkit.Wait(f, early, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyCrash, early.Status.Consistency)
	testkit.Wait(f, late, metav1.ConditionFalse, v1alpha1.ReasonFailed, "requiredConsistency is Application")
	f.WaitGone(f.Named("late", &snapshotv1.VolumeSnapshot{}))

	waiting := f.newSnapshot("waiting", builder.ApplicationConsistent)
	f.Create(waiting)
	testkit.Wait(f, waiting, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, "in use by WukongVM web")
	assert.False(t, f.Exists("waiting", &snapshotv1.VolumeSnapshot{}))
	f.Patch(vm, `{"spec":{"powerState":"Stopped"}}`)
	vm.Status.Phase, vm.Status.ObservedGeneration = v1alpha1.PhaseStopped, vm.Generation
	f.SetStatus(vm)
	f.complete("waiting")
	testkit.Wait(f, waiting, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, waiting.Status.Consistency)
}

// The guest of a machine that was deleted writes until it has shut down, which is when nobody holds the disk any more.
func TestConsistencyWaitsForTheGuestOfADeletedMachine(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	disk := &v1alpha1.WukongDisk{}
	require.True(t, f.Exists("data", disk))
	disk.Status.AttachedTo = "web"
	f.SetStatus(disk)
	snapshot := f.newSnapshot("monday", builder.ApplicationConsistent)
	f.Create(snapshot)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse,
		"web (its guest has not released the disk yet)")
	assert.False(t, f.Exists("monday", &snapshotv1.VolumeSnapshot{}))

	disk.Status.AttachedTo = ""
	f.SetStatus(disk)
	f.complete("monday")
	testkit.Wait(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
}

// A machine that wrote between the beginning and the end is remembered, though it is gone by then.
func TestConsistencyRemembersWhoWroteMeanwhile(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	snapshot := f.newSnapshot("monday", builder.ApplicationConsistent, builder.Retained)
	f.Create(snapshot)
	f.waitTaken("monday")
	vm := f.runningVM("web", "data")
	f.Until(func() bool {
		return f.Exists("monday", snapshot) && snapshot.Status.Consistency == v1alpha1.ConsistencyCrash
	})
	f.Remove(vm)
	f.complete("monday")
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "requiredConsistency is Application")
	f.WaitGone(f.Named("monday", &snapshotv1.VolumeSnapshot{}))
}

// One that takes too long is given up, deleted, and not begun again.
func TestADeadline(t *testing.T) {
	f, now := clocked(t)
	f.StartManager()
	f.completeDisk("data")
	snapshot := f.newSnapshot("monday", builder.GivenUpAfter(60))
	f.Create(snapshot)
	taken := f.waitTaken("monday")
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "")
	taken.Status = &snapshotv1.VolumeSnapshotStatus{
		Error: &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")},
	}
	f.SetStatus(taken)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotError, "pool is full")
	now.SetTime(now.Now().Add(2 * time.Minute))
	taken.Status.Error.Message = ptr.To("pool is full, still")
	if err := f.Client.Status().Update(t.Context(), taken); !apierrors.IsNotFound(err) {
		require.NoError(t, err, "or it was given up a moment sooner")
	}
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "given up after 1m0s: pool is full")
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "; fix the cause and create another")
	f.WaitGone(f.Named("monday", &snapshotv1.VolumeSnapshot{}))
	f.WaitIdle()
	assert.False(t, f.Exists("monday", &snapshotv1.VolumeSnapshot{}))
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "pool is full")
}

// ttlSecondsAfterFinished deletes a snapshot, whether it succeeded or failed. Its data is deleted or stays as
// reclaimPolicy says.
func TestASnapshotIsDeletedWhenItsTimeIsOver(t *testing.T) {
	f, now := clocked(t)
	f.StartManager()
	f.completeDisk("data")
	gone, kept := f.newSnapshot("gone", builder.SnapshotDeletedAfter(600)),
		f.newSnapshot("kept", builder.SnapshotDeletedAfter(600), builder.Retained)
	failed := f.newSnapshot("failed", builder.SnapshotDeletedAfter(600), builder.GivenUpAfter(60))
	all := []*v1alpha1.WukongSnapshot{gone, kept, failed}
	for _, snapshot := range all {
		f.Create(snapshot)
	}
	f.waitTaken("failed")
	f.complete("gone")
	f.complete("kept")
	testkit.Wait(f, gone, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	testkit.Wait(f, kept, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, f.waitTaken("gone").CreationTimestamp, *gone.Status.StartTime)
	now.SetTime(now.Now().Add(5 * time.Minute))
	f.Patch(failed, `{"spec":{"ttlSecondsAfterFinished":601}}`)
	testkit.Wait(f, failed, metav1.ConditionFalse, v1alpha1.ReasonFailed, "given up after 1m0s")
	f.WaitIdle()
	require.True(t, f.Has(gone) && f.Has(kept) && f.Has(failed), "five of ten minutes are over")
	now.SetTime(now.Now().Add(10 * time.Minute))
	for _, snapshot := range all {
		f.Patch(snapshot, `{"spec":{"ttlSecondsAfterFinished":60}}`)
		f.WaitGone(snapshot)
	}
	f.WaitGone(f.Named("gone", &snapshotv1.VolumeSnapshot{}))
	assert.Nil(t, f.waitTaken("kept").DeletionTimestamp)
}

// The policy that stands at the end decides, in the foreground too, whether the manager is there or not.
func TestContract7ReclaimPolicyOfASnapshot(t *testing.T) {
	f, manager := start(t)
	f.completeDisk("data")
	gone, kept, changed := f.newSnapshot("gone"), f.newSnapshot("kept", builder.Retained),
		f.newSnapshot("changed", builder.Retained)
	for _, snapshot := range []*v1alpha1.WukongSnapshot{gone, kept, changed} {
		f.Create(snapshot)
		f.complete(snapshot.Name)
		testkit.Wait(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	}
	f.WaitIdle()
	manager.Stop()
	f.Patch(changed, `{"spec":{"reclaimPolicy":"Delete"}}`)
	f.RemoveInForeground(gone, kept, changed)
	f.StartManager()
	for _, snapshot := range []*v1alpha1.WukongSnapshot{gone, kept, changed} {
		f.WaitGone(f.Named(snapshot.Name, &v1alpha1.WukongSnapshot{}))
	}
	f.WaitGone(f.Named("gone", &snapshotv1.VolumeSnapshot{}))
	f.WaitGone(f.Named("changed", &snapshotv1.VolumeSnapshot{}))
	left := f.waitTaken("kept")
	assert.Nil(t, left.DeletionTimestamp)
	assert.Empty(t, left.OwnerReferences)
}

// Contract 10: what has the name and is not ours is reported, and not taken over.
func TestContract10SomeoneElsesSnapshot(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	f.Create(&snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "monday"},
		Spec: snapshotv1.VolumeSnapshotSpec{
			Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To("other")},
		},
	})
	snapshot := f.newSnapshot("monday")
	f.Create(snapshot)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonNameConflict,
		"VolumeSnapshot monday already exists")
	f.Remove(snapshot)
	f.WaitGone(f.Named("monday", &v1alpha1.WukongSnapshot{}))
	assert.Empty(t, f.waitTaken("monday").OwnerReferences)
}

// Contract 5: snapshots may come to the cluster later.
func TestContract5SnapshotsAbsentHeals(t *testing.T) {
	apart := testkit.Apart(t, testenv.Options{Without: []testenv.Definitions{testenv.Snapshots}})
	f := snapshots{apart.Running("wukongsnapshot")}
	f.StartManager()
	f.completeDisk("data")
	snapshot, other := f.newSnapshot("monday"), f.newSnapshot("other")
	f.Create(snapshot, other)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing,
		"volumesnapshots.snapshot.storage.k8s.io")
	testkit.Wait(f, other, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	f.Remove(other)
	f.WaitGone(f.Named("other", &v1alpha1.WukongSnapshot{}))
	f.Install(testenv.Snapshots)
	f.complete("monday")
	testkit.Wait(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
}
