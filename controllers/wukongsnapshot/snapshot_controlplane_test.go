//go:build controlplane

package wukongsnapshot_test

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	patience = time.Minute
	interval = 20 * time.Millisecond
)

// fixture is a namespace of one test in a control plane.
type fixture struct {
	*testing.T
	*testenv.Environment
	namespace string
}

func start(t *testing.T) (fixture, *testenv.Manager) {
	t.Helper()
	f := fixture{t, environment, environment.Namespace(t)}
	return f, f.startManager(nil)
}

func (f fixture) startManager(clock clock.PassiveClock) *testenv.Manager {
	f.Helper()
	return f.StartManager(f, testenv.ManagerOptions{Namespace: f.namespace, Controllers: []string{"wukongsnapshot"}, Clock: clock})
}

func (f fixture) create(objects ...client.Object) {
	f.Helper()
	for _, obj := range objects {
		require.NoError(f, f.Client.Create(f.Context(), obj))
	}
}

func (f fixture) patch(obj client.Object, body string) {
	f.Helper()
	require.NoError(f, f.Client.Patch(f.Context(), obj, client.RawPatch(types.MergePatchType, []byte(body))))
}

func (f fixture) setStatus(obj client.Object) {
	f.Helper()
	require.NoError(f, f.Client.Status().Update(f.Context(), obj))
}

func (f fixture) exists(name string, obj client.Object) bool {
	err := f.Client.Get(f.Context(), client.ObjectKey{Namespace: f.namespace, Name: name}, obj)
	require.NoError(f, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

func (f fixture) waitGone(name string, obj client.Object) {
	f.Helper()
	require.Eventually(f, func() bool { return !f.exists(name, obj) }, patience, interval, "%T %s does not go", obj, name)
}

// completeDisk is a WukongDisk, complete as its controller leaves it.
func (f fixture) completeDisk(name string) *v1alpha1.WukongDisk {
	f.Helper()
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))},
	}
	f.create(disk)
	f.setComplete(disk, metav1.ConditionTrue)
	return disk
}

func (f fixture) setComplete(disk *v1alpha1.WukongDisk, status metav1.ConditionStatus) {
	f.Helper()
	disk.Status.ClaimName, disk.Status.ObservedGeneration = disk.Name, disk.Generation
	for _, condition := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionComplete} {
		meta.SetStatusCondition(&disk.Status.Conditions, metav1.Condition{
			Type: condition, Status: status, Reason: v1alpha1.ReasonImporting, Message: "DataVolume data is being filled", ObservedGeneration: disk.Generation,
		})
	}
	f.setStatus(disk)
}

func (f fixture) runningVM(name, disk string) *v1alpha1.WukongVM {
	f.Helper()
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			Memory: v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
			Disks:  []v1alpha1.VMDisk{{Name: disk, DiskRef: &v1alpha1.LocalObjectReference{Name: disk}}},
		},
	}
	f.create(vm)
	vm.Status.Phase, vm.Status.ObservedGeneration = v1alpha1.PhaseRunning, vm.Generation
	f.setStatus(vm)
	return vm
}

func (f fixture) newSnapshot(name string, options ...func(*v1alpha1.WukongSnapshot)) *v1alpha1.WukongSnapshot {
	snapshot := &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: name},
		Spec:       v1alpha1.WukongSnapshotSpec{Source: v1alpha1.SnapshotSource{DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}}},
	}
	for _, option := range options {
		option(snapshot)
	}
	return snapshot
}

func retained(snapshot *v1alpha1.WukongSnapshot) {
	snapshot.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
}

func quiet(snapshot *v1alpha1.WukongSnapshot) {
	snapshot.Spec.RequiredConsistency = v1alpha1.ConsistencyApplication
}

func (f fixture) wait(snapshot *v1alpha1.WukongSnapshot, status metav1.ConditionStatus, reason, words string) *v1alpha1.WukongSnapshot {
	f.Helper()
	require.EventuallyWithT(f, func(collect *assert.CollectT) {
		require.NoError(collect, f.Client.Get(f.Context(), client.ObjectKeyFromObject(snapshot), snapshot))
		ready := meta.FindStatusCondition(snapshot.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, ready)
		assert.Equal(collect, string(status)+" "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
		assert.Contains(collect, ready.Message, words)
	}, patience, interval)
	return snapshot
}

// The part of the snapshot controller and its sidecar.

func (f fixture) waitTaken(name string) *snapshotv1.VolumeSnapshot {
	f.Helper()
	taken := &snapshotv1.VolumeSnapshot{}
	require.Eventually(f, func() bool { return f.exists(name, taken) }, patience, interval)
	return taken
}

func (f fixture) complete(name string) *snapshotv1.VolumeSnapshot {
	f.Helper()
	taken := f.waitTaken(name)
	taken.Status = &snapshotv1.VolumeSnapshotStatus{
		ReadyToUse: ptr.To(true), CreationTime: ptr.To(metav1.NewTime(time.Unix(1700000000, 0))), RestoreSize: ptr.To(resource.MustParse("1Gi")),
	}
	f.setStatus(taken)
	return taken
}

// A snapshot from its first wait to its loss.
func TestASnapshotOfADisk(t *testing.T) {
	f, manager := start(t)
	snapshot := f.newSnapshot("monday", func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Spec.VolumeSnapshotClassName = "fast" })
	f.create(snapshot)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongDisk data does not exist")
	disk := f.completeDisk("data")
	taken := f.waitTaken("monday")
	assert.True(t, metav1.IsControlledBy(taken, snapshot))
	assert.Equal(t, "data", *taken.Spec.Source.PersistentVolumeClaimName)
	assert.Equal(t, "fast", *taken.Spec.VolumeSnapshotClassName)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "VolumeSnapshot monday is being taken")
	taken.Status = &snapshotv1.VolumeSnapshotStatus{Error: &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")}}
	f.setStatus(taken)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotError, "pool is full; it is tried again until")
	assert.Equal(t, v1alpha1.OperationInProgress, snapshot.Status.Phase)
	f.complete("monday")
	f.wait(snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.OperationSucceeded, snapshot.Status.Phase)
	assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
	assert.Equal(t, int64(1700000000), snapshot.Status.TakenAt.Unix())
	require.Len(t, snapshot.Status.Disks, 1)
	assert.Equal(t, "monday", snapshot.Status.Disks[0].VolumeSnapshotName)
	assert.Equal(t, "1Gi", snapshot.Status.Disks[0].RestoreSize.String())
	testenv.WaitIdle(t, 0)
	assert.LessOrEqual(t, manager.Writes.Total(), 7, "finalizer, VolumeSnapshot, five words of status:\n%s", manager.Writes)

	t.Run("Contract3: none at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := f.startManager(nil)
		testenv.WaitIdle(t, 1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	// What was taken is what it is, whatever becomes of the disk.
	require.NoError(t, f.Client.Delete(t.Context(), disk))
	require.NoError(t, f.Client.Delete(t.Context(), taken))
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotLost, "point in time")
	f.completeDisk("data")
	testenv.WaitIdle(t, 0)
	assert.False(t, f.exists("monday", &snapshotv1.VolumeSnapshot{}), "it would be another point in time")
}

func TestADiskThatIsNotCompleteIsWaitedFor(t *testing.T) {
	f, _ := start(t)
	disk, snapshot := f.completeDisk("data"), f.newSnapshot("monday")
	f.setComplete(disk, metav1.ConditionFalse)
	f.create(snapshot)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "WukongDisk data: DataVolume data is being filled")
	assert.False(t, f.exists("monday", &snapshotv1.VolumeSnapshot{}))
	f.setComplete(disk, metav1.ConditionTrue)
	f.waitTaken("monday")
}

// A machine that could write makes it no better than a power failure, whether it did at the beginning or at the end.
func TestConsistency(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	early, late := f.newSnapshot("early"), f.newSnapshot("late", quiet)
	f.create(late)
	f.waitTaken("late")
	vm := f.runningVM("web", "data")
	f.create(early)
	f.complete("early")
	f.complete("late")
	f.wait(early, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyCrash, early.Status.Consistency)
	f.wait(late, metav1.ConditionFalse, v1alpha1.ReasonFailed, "requiredConsistency is Application")
	f.waitGone("late", &snapshotv1.VolumeSnapshot{})

	waiting := f.newSnapshot("waiting", quiet)
	f.create(waiting)
	f.wait(waiting, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, "in use by WukongVM web")
	assert.False(t, f.exists("waiting", &snapshotv1.VolumeSnapshot{}))
	f.patch(vm, `{"spec":{"powerState":"Stopped"}}`)
	vm.Status.Phase, vm.Status.ObservedGeneration = v1alpha1.PhaseStopped, vm.Generation
	f.setStatus(vm)
	f.complete("waiting")
	f.wait(waiting, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, waiting.Status.Consistency)
}

// The guest of a machine that was deleted writes until it has shut down, which is when nobody holds the disk any more.
func TestConsistencyWaitsForTheGuestOfADeletedMachine(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	disk := &v1alpha1.WukongDisk{}
	require.True(t, f.exists("data", disk))
	disk.Status.AttachedTo = "web"
	f.setStatus(disk)
	snapshot := f.newSnapshot("monday", quiet)
	f.create(snapshot)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, "web (given up, but its guest has not let go yet)")
	assert.False(t, f.exists("monday", &snapshotv1.VolumeSnapshot{}))

	disk.Status.AttachedTo = ""
	f.setStatus(disk)
	f.complete("monday")
	f.wait(snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	assert.Equal(t, v1alpha1.ConsistencyApplication, snapshot.Status.Consistency)
}

// A machine that wrote between the beginning and the end is remembered, though it is gone by then.
func TestConsistencyRemembersWhoWroteMeanwhile(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	snapshot := f.newSnapshot("monday", quiet, retained)
	f.create(snapshot)
	f.waitTaken("monday")
	vm := f.runningVM("web", "data")
	require.Eventually(t, func() bool {
		return f.exists("monday", snapshot) && snapshot.Status.Consistency == v1alpha1.ConsistencyCrash
	}, patience, interval)
	require.NoError(t, f.Client.Delete(t.Context(), vm))
	f.complete("monday")
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "requiredConsistency is Application")
	f.waitGone("monday", &snapshotv1.VolumeSnapshot{})
}

// One that takes too long is given up, deleted, and not begun again.
func TestADeadline(t *testing.T) {
	f := fixture{t, environment, environment.Namespace(t)}
	now := clocktesting.NewFakePassiveClock(time.Now())
	f.startManager(now)
	f.completeDisk("data")
	snapshot := f.newSnapshot("monday", func(snapshot *v1alpha1.WukongSnapshot) { snapshot.Spec.FailureDeadlineSeconds = ptr.To[int64](60) })
	f.create(snapshot)
	taken := f.waitTaken("monday")
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "")
	taken.Status = &snapshotv1.VolumeSnapshotStatus{Error: &snapshotv1.VolumeSnapshotError{Message: ptr.To("pool is full")}}
	f.setStatus(taken)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonSnapshotError, "pool is full")
	now.SetTime(now.Now().Add(2 * time.Minute))
	taken.Status.Error.Message = ptr.To("pool is full, still")
	if err := f.Client.Status().Update(t.Context(), taken); !apierrors.IsNotFound(err) {
		require.NoError(t, err, "or it was given up a moment sooner")
	}
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "given up after 1m0s: pool is full")
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "; mend the cause and make another")
	f.waitGone("monday", &snapshotv1.VolumeSnapshot{})
	testenv.WaitIdle(t, 0)
	assert.False(t, f.exists("monday", &snapshotv1.VolumeSnapshot{}))
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "pool is full")
}

// The policy that stands at the end decides, in the foreground too, whether the manager is there or not.
func TestContract7ReclaimPolicyOfASnapshot(t *testing.T) {
	f, manager := start(t)
	f.completeDisk("data")
	gone, kept, changed := f.newSnapshot("gone"), f.newSnapshot("kept", retained), f.newSnapshot("changed", retained)
	for _, snapshot := range []*v1alpha1.WukongSnapshot{gone, kept, changed} {
		f.create(snapshot)
		f.complete(snapshot.Name)
		f.wait(snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
	}
	testenv.WaitIdle(t, 0)
	manager.Stop()
	f.patch(changed, `{"spec":{"reclaimPolicy":"Delete"}}`)
	for _, snapshot := range []*v1alpha1.WukongSnapshot{gone, kept, changed} {
		require.NoError(t, f.Client.Delete(t.Context(), snapshot, client.PropagationPolicy(metav1.DeletePropagationForeground)))
	}
	f.waitGone("gone", &snapshotv1.VolumeSnapshot{})
	f.startManager(nil)
	for _, snapshot := range []*v1alpha1.WukongSnapshot{gone, kept, changed} {
		f.waitGone(snapshot.Name, &v1alpha1.WukongSnapshot{})
	}
	f.waitGone("changed", &snapshotv1.VolumeSnapshot{})
	left := f.waitTaken("kept")
	assert.Nil(t, left.DeletionTimestamp)
	assert.Empty(t, left.OwnerReferences)
}

// Contract 10: what has the name and is not ours is reported, and not taken over.
func TestContract10SomeoneElsesSnapshot(t *testing.T) {
	f, _ := start(t)
	f.completeDisk("data")
	f.create(&snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "monday"},
		Spec:       snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To("other")}},
	})
	snapshot := f.newSnapshot("monday")
	f.create(snapshot)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "VolumeSnapshot monday exists already")
	require.NoError(t, f.Client.Delete(t.Context(), snapshot))
	f.waitGone("monday", &v1alpha1.WukongSnapshot{})
	assert.Empty(t, f.waitTaken("monday").OwnerReferences)
}

// Contract 5: snapshots may come to the cluster later.
func TestContract5SnapshotsAbsentHeals(t *testing.T) {
	bare := testenv.StartFor(t, testenv.Options{Without: []testenv.Definitions{testenv.Snapshots}})
	f := fixture{t, bare, bare.Namespace(t)}
	f.startManager(nil)
	f.completeDisk("data")
	snapshot, other := f.newSnapshot("monday"), f.newSnapshot("other")
	f.create(snapshot, other)
	f.wait(snapshot, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "volumesnapshots.snapshot.storage.k8s.io")
	f.wait(other, metav1.ConditionFalse, v1alpha1.ReasonDependencyMissing, "")
	require.NoError(t, f.Client.Delete(t.Context(), other))
	f.waitGone("other", &v1alpha1.WukongSnapshot{})
	f.Install(t, testenv.Snapshots)
	f.complete("monday")
	f.wait(snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")
}
