//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/request"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// startRestoring plays KubeVirt and CDI, and runs the controllers of both halves. The test plays the storage, and the
// controller of WukongSnapshots.
func startRestoring(t *testing.T) (machines, *testkit.Manager) {
	t.Helper()
	f := newMachines(t)
	f.Simulate()
	f = machines{f.Running("wukongvm", "wukongdisk")}
	return f, f.StartManagerOfAll()
}

// cut makes a WukongSnapshot of the machine, as it is after it was taken.
func (m mover) cut(name string) {
	m.Helper()
	snapshot := builder.SnapshotOfVM(m.Namespace, name, "web")
	m.Create(snapshot)
	for _, disk := range []string{"root", "data"} {
		m.cutDisk(name+"-"+disk, disk)
		snapshot.Status.Disks = append(snapshot.Status.Disks, v1alpha1.SnapshotDiskStatus{
			Name: disk, DiskName: disk, VolumeSnapshotName: name + "-" + disk,
		})
	}
	m.took(snapshot)
}

// cutDisk makes the VolumeSnapshot of a disk.
func (m mover) cutDisk(name, disk string) {
	m.Helper()
	taken := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: name},
		Spec: snapshotv1.VolumeSnapshotSpec{
			Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: ptr.To(disk)},
		},
	}
	m.Create(taken)
	taken.Status = &snapshotv1.VolumeSnapshotStatus{ReadyToUse: ptr.To(true)}
	m.SetStatus(taken)
}

// took ends a WukongSnapshot with success.
func (m mover) took(snapshot *v1alpha1.WukongSnapshot) {
	m.Helper()
	snapshot.Status.Phase = v1alpha1.OperationSucceeded
	snapshot.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTaken,
		ObservedGeneration: snapshot.Generation, LastTransitionTime: metav1.Now(),
	}}
	m.SetStatus(snapshot)
}

// ask requests a restore. The machine and its last request are older.
func (m mover) ask(options string) string {
	m.Helper()
	return m.askFrom("before", options)
}

// askFrom requests a restore from a snapshot.
func (m mover) askFrom(snapshot, options string) string {
	m.Helper()
	vm := testkit.Read(m, m.vm.Name, &v1alpha1.WukongVM{})
	last, _ := request.Parse(vm.Annotations[v1alpha1.AnnotationRestoreRequest])
	m.Until(func() bool {
		now := time.Now().Truncate(time.Second)
		return now.After(vm.CreationTimestamp.Time) && now.After(last.At)
	})
	at := time.Now().UTC().Format(time.RFC3339)
	const change = `{"spec":{"restore":{"requestedAt":%q,"snapshotRef":{"name":%q}%s}}}`
	m.Patch(m.vm, fmt.Sprintf(change, at, snapshot, options))
	return at
}

// waitRestore waits until a restore is in a phase.
func (m mover) waitRestore(phase v1alpha1.RestorePhase) *v1alpha1.WukongVM {
	m.Helper()
	return testkit.WaitUntil(m, m.vm, func(now *testkit.Attempt, vm *v1alpha1.WukongVM) {
		if assert.NotNil(now, vm.Status.Restore) {
			assert.Equal(now, phase, vm.Status.Restore.Phase, "%+v", vm.Status.Restore)
		}
	})
}

// defaultClass is the StorageClass of the disks.
func (m mover) defaultClass() *storagev1.StorageClass {
	return &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: testenv.DefaultStorageClass}}
}

func (m mover) restored() *metav1.Condition {
	m.Helper()
	vm := testkit.Read(m, "web", &v1alpha1.WukongVM{})
	return meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionRestored)
}

// fillOn lets the simulator look at DataVolumes again whose class it no longer holds.
func (m mover) fillOn() {
	m.Helper()
	for _, name := range []string{"root", "data"} {
		target := m.disk(name).Status.Restore.TargetClaimName
		m.Patch(m.Named(target, &cdiv1.DataVolume{}), `{"metadata":{"annotations":{"test":"look"}}}`)
	}
}

// waitClean waits until nothing is left of a restore but one claim for each disk.
func (m mover) waitClean() {
	m.Helper()
	for _, name := range []string{"root", "data"} {
		m.Eventually(func(now *testkit.Attempt) {
			list := &cdiv1.DataVolumeList{}
			require.NoError(now, m.Client.List(m.Context(), list))
			var left []string
			for i := range list.Items {
				one := &list.Items[i]
				if one.Namespace == m.Namespace && (one.Name == name || one.Labels[v1alpha1.LabelDisk] ==
					string(m.disk(name).UID)) {
					left = append(left, one.Name)
				}
			}
			assert.Equal(now, []string{m.disk(name).Status.ClaimName}, left)
		})
	}
}

// A running machine is restored: its disks are filled while it runs, then it is stopped, a safety snapshot is taken,
// and it starts on the new claims. The same request is never carried out again.
func TestAMachineIsRestored(t *testing.T) {
	f, manager := startRestoring(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.cut("before")
	m.WaitIdle()
	first := m.instance().UID
	manager.Writes.Reset()
	root, data := m.disk("root"), m.disk("data")

	at := m.ask("")
	vm := m.waitRestore(v1alpha1.RestoreSafety)
	assert.Equal(t, v1alpha1.PhaseRestoring, vm.Status.Phase)
	assert.False(t, meta.IsStatusConditionTrue(vm.Status.Conditions, v1alpha1.ConditionReady))
	assert.False(t, m.Exists("web", &kubevirtv1.VirtualMachineInstance{}), "the guest is stopped")
	safety := testkit.Read(m, vm.Status.Restore.SafetySnapshotName, &v1alpha1.WukongSnapshot{})
	assert.Equal(t, string(vm.UID), safety.Labels[v1alpha1.LabelSafetyOf])
	assert.Equal(t, v1alpha1.ConsistencyApplication, safety.Spec.RequiredConsistency)
	assert.Equal(t, []string{"root", "data"}, safety.Spec.Source.Disks)
	assert.EqualValues(t, 604800, *safety.Spec.TTLSecondsAfterFinished)
	assert.Empty(t, safety.OwnerReferences, "it outlives the WukongVM")
	m.took(safety)

	m.waitRestore(v1alpha1.RestoreSucceeded)
	m.running()
	m.waitClean()
	assert.NotEqual(t, first, m.instance().UID)
	assert.Contains(t, m.restored().Message, "to undo this, restore WukongSnapshot "+safety.Name)
	for _, old := range []*v1alpha1.WukongDisk{root, data} {
		now := m.disk(old.Name)
		assert.Equal(t, old.UID, now.UID)
		assert.NotEqual(t, old.Status.ClaimName, now.Status.ClaimName)
		require.NotNil(t, now.Status.Restore)
		assert.Equal(t, v1alpha1.DiskRestoreDone, now.Status.Restore.Phase)
		assert.Equal(t, "before-"+old.Name, now.Status.Restore.VolumeSnapshotName)
		m.one(now)
	}
	m.WaitIdle()
	assert.Equal(t, at+"/ended",
		testkit.Read(m, "web", &v1alpha1.WukongVM{}).Annotations[v1alpha1.AnnotationRestoreRequest])
	t.Logf("writes of a restore of two disks: %d\n%s", manager.Writes.Total(), manager.Writes)
	assert.LessOrEqual(t, manager.Writes.Total(), 30, manager.Writes)
	assert.Zero(t, manager.Writes.Conflicts())

	t.Run("ItIsNotRestoredAgain", func(t *testing.T) {
		m := m.in(t)
		second := m.instance().UID
		m.Patch(m.vm, `{"spec":{"restore":null}}`)
		testkit.WaitUntil(m, m.vm, func(now *testkit.Attempt, vm *v1alpha1.WukongVM) {
			assert.Nil(now, vm.Status.Restore)
		})
		m.Patch(m.vm, fmt.Sprintf(`{"spec":{"restore":{"requestedAt":%q,"snapshotRef":{"name":"before"}}}}`, at))
		vm := m.waitRestore(v1alpha1.RestoreSkipped)
		assert.Equal(t, v1alpha1.ReasonAlreadyHandled, vm.Status.Restore.Reason)
		assert.Equal(t, second, m.instance().UID)
	})

	t.Run("ALostStatusChangesNothing", func(t *testing.T) {
		m := m.in(t)
		claim, second := m.disk("root").Status.ClaimName, m.instance().UID
		manager.Stop()
		disk, vm := m.disk("root"), testkit.Read(m, "web", &v1alpha1.WukongVM{})
		disk.Status, vm.Status = v1alpha1.WukongDiskStatus{}, v1alpha1.WukongVMStatus{}
		m.SetStatus(disk)
		m.SetStatus(vm)
		m.StartManager()
		m.running()
		m.WaitIdle()
		assert.Equal(t, claim, m.disk("root").Status.ClaimName)
		assert.Equal(t, second, m.instance().UID)
	})
}

// A machine whose guest does not start on the restored disks gets its previous ones back.
func TestAGuestThatDoesNotStartGetsItsDisksBack(t *testing.T) {
	f, _ := startRestoring(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.cut("before")
	root := m.disk("root").Status.ClaimName
	m.ask(`,"safetySnapshot":"Skip","successWhen":"GuestAgent","startDeadlineSeconds":10`)
	m.waitRestore(v1alpha1.RestoreStarting)
	vm := m.waitRestore(v1alpha1.RestoreRolledBack)
	assert.Contains(t, vm.Status.Restore.Cause, "its agent does not answer yet")
	m.running()
	m.waitClean()
	assert.Equal(t, root, m.disk("root").Status.ClaimName)
	assert.Equal(t, v1alpha1.ReasonRolledBack, m.restored().Reason)
	assert.Contains(t, m.restored().Message, "the WukongVM has its previous disks again")
}

// A machine is not touched before all disks are filled: not when the snapshot does not exist, nor when its bytes are
// lost, nor when the request is withdrawn.
func TestAMachineRunsOnUntilItsDisksAreFilled(t *testing.T) {
	f, _ := startRestoring(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	first, root := m.instance().UID, m.disk("root").Status.ClaimName
	class := m.defaultClass()
	m.hold(class, true)
	defer m.hold(class, false)

	m.ask("")
	m.waitRestore(v1alpha1.RestorePending)
	assert.Equal(t, v1alpha1.ReasonSourceMissing, m.restored().Reason)
	assert.Contains(t, m.restored().Message, "WukongSnapshot before does not exist")
	m.cut("before")
	m.waitRestore(v1alpha1.RestoreFilling)
	m.Eventually(func(now *testkit.Attempt) {
		assert.Contains(now, m.restored().Message,
			"0 of 2 disks are filled from the snapshot while the WukongVM stays as it is")
	})
	m.Patch(m.vm, `{"spec":{"restore":null}}`)
	testkit.WaitUntil(m, m.vm, func(now *testkit.Attempt, vm *v1alpha1.WukongVM) { assert.Nil(now, vm.Status.Restore) })
	m.waitClean()

	m.Remove(m.Named("before-data", &snapshotv1.VolumeSnapshot{}))
	m.ask("")
	vm := m.waitRestore(v1alpha1.RestoreFailed)
	assert.Contains(t, vm.Status.Restore.Cause,
		"disk data (WukongDisk data): VolumeSnapshot before-data was deleted; nothing was changed")
	m.waitClean()
	assert.Equal(t, first, m.instance().UID)
	assert.Equal(t, root, m.disk("root").Status.ClaimName)
	m.running()
}

// A stopped machine is restored and stays stopped. Its previous claims are kept until it has run.
func TestAStoppedMachineIsRestored(t *testing.T) {
	f, _ := startRestoring(t)
	m := newMover(f, v1alpha1.PowerStopped)
	m.stopped()
	m.cut("before")
	root := m.disk("root").Status.ClaimName
	m.ask(`,"safetySnapshot":"Skip","disks":["root"]`)
	vm := m.waitRestore(v1alpha1.RestoreSwitched)
	assert.Len(t, vm.Status.Restore.Disks, 1)
	assert.Equal(t, metav1.ConditionTrue, m.restored().Status)
	m.stopped()
	assert.True(t, m.lives(root), "the previous claim is kept")
	m.setPower(m.vm, v1alpha1.PowerRunning)
	m.running()
	m.waitRestore(v1alpha1.RestoreSucceeded)
	m.waitClean()
	assert.Equal(t, "data", m.disk("data").Status.ClaimName, "it stays as it is")
}

// A disk does not move while it is restored, and is not restored while it moves.
func TestADiskDoesNotMoveWhileItIsRestored(t *testing.T) {
	f, _ := startRestoring(t)
	m := newMover(f, v1alpha1.PowerStopped)
	m.stopped()
	m.cut("before")
	class := m.defaultClass()
	m.hold(class, true)
	m.ask(`,"safetySnapshot":"Skip"`)
	m.waitRestore(v1alpha1.RestoreFilling)
	m.Eventually(func(now *testkit.Attempt) { assert.NotNil(now, m.disk("root").Status.Restore) })
	m.setClass("root", slow)
	m.Eventually(func(now *testkit.Attempt) {
		moved := meta.FindStatusCondition(m.disk("root").Status.Conditions, v1alpha1.ConditionStorageMoved)
		if assert.NotNil(now, moved) {
			assert.Equal(now, v1alpha1.ReasonRestoring, moved.Reason)
		}
	})
	assert.Nil(t, m.disk("root").Status.Move)
	m.hold(class, false)
	m.fillOn()
	m.waitRestore(v1alpha1.RestoreSwitched)
	m.setPower(m.vm, v1alpha1.PowerRunning)
	m.waitRestore(v1alpha1.RestoreSucceeded)
	m.waitMoved("root", slow, "root")
}
