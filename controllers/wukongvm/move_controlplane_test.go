//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/simulator"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// Classes that disks move between.
const (
	slow = "slow"
	cold = "cold"
)

// mover is a machine with a root and a data disk, which run on a cluster with two nodes and three classes.
type mover struct {
	machines
	vm *v1alpha1.WukongVM
}

// startMoving plays KubeVirt and CDI and runs all controllers.
func startMoving(t *testing.T) (machines, *testkit.Manager) {
	t.Helper()
	f := newMachines(t)
	f.Simulate()
	return f, f.StartManagerOfAll()
}

// newMover makes the machine in a namespace of its own.
func newMover(f machines, power v1alpha1.PowerState) mover {
	f.Helper()
	f = f.elsewhere()
	for _, name := range []string{"node-1", "node-2"} {
		node := &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{kubevirtv1.NodeSchedulable: "true"}},
		}
		require.NoError(f, client.IgnoreAlreadyExists(f.Client.Create(f.Context(), node)))
	}
	for _, name := range []string{slow, cold} {
		class := &storagev1.StorageClass{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "test.novasphere.dev/none",
		}
		require.NoError(f, client.IgnoreAlreadyExists(f.Client.Create(f.Context(), class)))
	}
	for _, name := range []string{"root", "data"} {
		f.Create(builder.Disk(f.Namespace, name, builder.OnClass(testenv.DefaultStorageClass)))
	}
	vm := builder.VM(f.Namespace, "web", builder.Power(power), builder.Attached("root", "data"))
	f.Create(vm)
	return mover{f, vm}
}

func (m mover) in(t *testing.T) mover { return mover{m.machines.in(t), m.vm} }

func (m mover) running() {
	m.Helper()
	testkit.Wait(m, m.vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	m.waitAttached(m.vm, "root", "data")
}

func (m mover) stopped() {
	m.Helper()
	testkit.Wait(m, m.vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	// A WukongVM that is stopped does not wait for its disks, and a class that is held from now on would fill none.
	m.Until(func() bool { return m.disk("root").Complete() && m.disk("data").Complete() }, "the disks are not filled")
}

func (m mover) disk(name string) *v1alpha1.WukongDisk {
	m.Helper()
	return testkit.Read(m, name, &v1alpha1.WukongDisk{})
}

func (m mover) machine() *kubevirtv1.VirtualMachine {
	m.Helper()
	return testkit.Read(m, "web", &kubevirtv1.VirtualMachine{})
}

func (m mover) instance() *kubevirtv1.VirtualMachineInstance {
	m.Helper()
	return testkit.Read(m, "web", &kubevirtv1.VirtualMachineInstance{})
}

// held tells whether KubeVirt is kept from migrating the machine.
func (m mover) held() bool {
	m.Helper()
	return metav1.HasAnnotation(m.instance().ObjectMeta, kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation)
}

func (m mover) setClass(name, class string) {
	m.Helper()
	m.Patch(m.disk(name), fmt.Sprintf(`{"spec":{"storageClassName":%q}}`, class))
}

// hold keeps the simulator from ending what it does to an object.
func (m mover) hold(object client.Object, held bool) {
	m.Helper()
	value := "null"
	if held {
		value = `"true"`
	}
	m.Patch(object, fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, simulator.AnnotationHold, value))
}

// waitMoved waits until a disk is on a class and nothing is left of the claim that it came from.
func (m mover) waitMoved(name, class, from string) *v1alpha1.WukongDisk {
	m.Helper()
	var disk *v1alpha1.WukongDisk
	m.Eventually(func(now *testkit.Attempt) {
		disk = m.disk(name)
		assert.Equal(now, class, disk.Status.StorageClassName, "%+v", disk.Status)
		assert.Nil(now, disk.Status.Move)
		assert.True(now, meta.IsStatusConditionTrue(disk.Status.Conditions, v1alpha1.ConditionReady),
			"%+v", disk.Status.Conditions)
		assert.Nil(now, meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved))
		assert.NotEqual(now, from, disk.Status.ClaimName)
		assert.False(now, m.Exists(from, &cdiv1.DataVolume{}), "the old DataVolume is there")
		assert.False(now, m.lives(from), "the old claim is there")
	})
	m.one(disk)
	return disk
}

// lives tells whether a claim is there, and not on its way out: nothing in this control plane takes off the API
// server's finalizer.
func (m mover) lives(name string) bool {
	claim := &corev1.PersistentVolumeClaim{}
	return m.Exists(name, claim) && claim.DeletionTimestamp.IsZero()
}

// one checks that a disk has no DataVolume but the one that is in use.
func (m mover) one(disk *v1alpha1.WukongDisk) {
	m.Helper()
	list := &cdiv1.DataVolumeList{}
	require.NoError(m, m.Client.List(m.Context(), list, client.InNamespace(m.Namespace)))
	var names []string
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], disk) {
			names = append(names, list.Items[i].Name)
		}
	}
	assert.Equal(m, []string{disk.Status.ClaimName}, names)
}

func (m mover) waitCondition(name, reason, words string) *v1alpha1.WukongDisk {
	m.Helper()
	var disk *v1alpha1.WukongDisk
	m.Eventually(func(now *testkit.Attempt) {
		disk = m.disk(name)
		condition := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved)
		require.NotNil(now, condition)
		assert.Equal(now, reason, condition.Reason, condition.Message)
		assert.Contains(now, condition.Message, words)
	})
	return disk
}

func (m mover) waitMigrating(volumes int) {
	m.Helper()
	m.Until(func() bool { return len(m.instance().Status.MigratedVolumes) == volumes })
}

// waitUnderWay waits until KubeVirt migrates volumes, and needs no manager for it any more.
func (m mover) waitUnderWay(volumes int) {
	m.Helper()
	m.waitMigrating(volumes)
	m.Until(func() bool { return !m.held() })
}

func (m mover) claimInTemplate(name string) string {
	m.Helper()
	for _, volume := range m.machine().Spec.Template.Spec.Volumes {
		if volume.Name == name && volume.DataVolume != nil {
			return volume.DataVolume.Name
		}
	}
	return ""
}

func TestDisksMoveUnderARunningMachine(t *testing.T) {
	f, manager := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	instance := m.instance().UID
	m.WaitIdle()
	manager.Writes.Reset()

	m.setClass("data", slow)
	data := m.waitMoved("data", slow, "data")
	m.running()
	m.WaitIdle()
	assert.False(t, m.held(), "KubeVirt migrates it for other reasons again")
	t.Logf("writes of one move:\n%s", manager.Writes)
	assert.LessOrEqual(t, manager.Writes.Total(), 16, manager.Writes)
	assert.Zero(t, manager.Writes.Conflicts())

	m.setClass("root", slow)
	root := m.waitMoved("root", slow, "root")
	m.running()
	assert.Equal(t, instance, m.instance().UID, "the guest never stopped")
	assert.Equal(t, root.Status.ClaimName, m.claimInTemplate("root"))
	assert.Equal(t, data.Status.ClaimName, m.claimInTemplate("data"))

	t.Run("both at once, and back", func(t *testing.T) {
		m := m.in(t)
		m.setClass("data", testenv.DefaultStorageClass)
		m.setClass("root", testenv.DefaultStorageClass)
		m.waitMoved("data", testenv.DefaultStorageClass, data.Status.ClaimName)
		m.waitMoved("root", testenv.DefaultStorageClass, root.Status.ClaimName)
		assert.Equal(t, instance, m.instance().UID)
	})
	t.Run("a disk is plugged in afterwards", func(t *testing.T) {
		m := m.in(t)
		m.editDisks(m.vm, with(blank("extra", v1alpha1.DetachDelete)))
		m.waitAttached(m.vm, "root", "data", "extra")
		assert.Nil(t, m.in(t).machine().Spec.UpdateVolumesStrategy, "KubeVirt plugs nothing while it is to migrate")
	})
	t.Run("Contract3: nothing is left to do", func(t *testing.T) {
		m := m.in(t)
		m.WaitIdle()
		manager.Stop()
		second := m.StartManagerOfAll()
		m.WaitPasses(3)
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}

func TestADiskOfAStoppedMachineIsCopied(t *testing.T) {
	f, _ := startMoving(t)
	m := newMover(f, v1alpha1.PowerStopped)
	m.stopped()
	m.hold(testkit.Read(m, "data", &corev1.PersistentVolumeClaim{}), true)
	m.setClass("data", slow)
	m.Until(func() bool {
		move := m.disk("data").Status.Move
		return move != nil && move.Phase == v1alpha1.MoveCopying
	})
	assert.Equal(t, v1alpha1.DiskMoving, m.disk("data").Status.Phase)

	m.setPower(m.vm, v1alpha1.PowerRunning)
	waiting := testkit.Wait(m, m.vm, metav1.ConditionFalse, v1alpha1.ReasonWaitingForDisk, "")
	assert.Contains(t, meta.FindStatusCondition(waiting.Status.Conditions, v1alpha1.ConditionReady).Message,
		"is being copied")
	assert.Equal(t, kubevirtv1.RunStrategyHalted, *m.machine().Spec.RunStrategy,
		"a guest that writes now would lose it")
	assert.Equal(t, "data", m.disk("data").Status.ClaimName)

	m.hold(testkit.Read(m, "data", &corev1.PersistentVolumeClaim{}), false)
	data := m.waitMoved("data", slow, "data")
	m.running()
	assert.Equal(t, data.Status.ClaimName, m.claimInTemplate("data"))
}

func TestADiskOfNobodyIsCopiedAndLostStatusIsFound(t *testing.T) {
	f, manager := startMoving(t)
	m := newMover(f, v1alpha1.PowerStopped)
	m.stopped()
	m.Create(builder.Disk(m.Namespace, "lone", builder.OnClass(testenv.DefaultStorageClass)))
	m.Until(func() bool { return m.disk("lone").Status.Phase == v1alpha1.DiskReady })
	m.setClass("lone", slow)
	lone := m.waitMoved("lone", slow, "lone")

	m.WaitIdle()
	manager.Stop()
	lost := lone.DeepCopy()
	lost.Status = v1alpha1.WukongDiskStatus{}
	m.SetStatus(lost)
	m.StartManagerOfAll()
	m.Until(func() bool { return m.disk("lone").Status.ClaimName == lone.Status.ClaimName })
	m.WaitIdle()
	m.one(m.disk("lone"))
}

// The machine stops in the middle: the old claim is the truth, the target is taken away, and the disk is copied
// instead.
func TestAMoveThatIsBrokenOffBeginsAnewAsACopy(t *testing.T) {
	f, _ := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.hold(testkit.Read(m, "data", &corev1.PersistentVolumeClaim{}), true)
	m.setClass("data", slow)
	m.waitMigrating(1)
	target := m.claimInTemplate("data")
	require.NotEqual(t, "data", target)
	blankVolume := testkit.Read(m, target, &cdiv1.DataVolume{}).UID

	m.setPower(m.vm, v1alpha1.PowerStopped)
	m.Eventually(func(now *testkit.Attempt) {
		volume := &cdiv1.DataVolume{}
		require.NoError(now,
			client.IgnoreNotFound(
				m.Client.Get(t.Context(), client.ObjectKey{Namespace: m.Namespace, Name: target}, volume),
			))
		assert.NotEqual(now, blankVolume, volume.UID, "what KubeVirt began to fill is not used")
		if assert.NotNil(now, volume.Spec.Source) {
			assert.NotNil(now, volume.Spec.Source.PVC)
		}
	})
	assert.Equal(t, "data", m.claimInTemplate("data"))
	assert.Equal(t, "data", m.disk("data").Status.ClaimName)
	m.hold(testkit.Read(m, "data", &corev1.PersistentVolumeClaim{}), false)
	m.waitMoved("data", slow, "data")
	m.stopped()
	m.setPower(m.vm, v1alpha1.PowerRunning)
	m.running()
}

// KubeVirt says that the migration goes on before it has given the instance the new claim, and refuses the claim from
// then on.
func TestAMoveInWhichKubeVirtOvertakesItselfBeginsAnew(t *testing.T) {
	f, _ := startMoving(t)
	for moving, staying := range map[string]string{"data": "root", "root": "data"} {
		t.Run(moving, func(t *testing.T) {
			m := newMover(f.in(t), v1alpha1.PowerRunning)
			m.running()
			instance := m.instance().UID
			m.Patch(m.machine(), fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"}}}`, simulator.AnnotationOvertaken))
			// Its pods have the old claims.
			begun := &kubevirtv1.VirtualMachineInstanceMigration{
				ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: "begun", Labels: map[string]string{
					kubevirtv1.MigrationSelectorLabel: "web",
				}},
				Spec: kubevirtv1.VirtualMachineInstanceMigrationSpec{VMIName: "web"},
			}
			m.Create(begun)
			m.setClass(moving, slow)
			m.waitMigrating(1)
			m.waitCondition(moving, v1alpha1.ReasonMoving, "the migration is being restarted")
			assert.True(t, m.held(), "a migration with the old claim fails, and spoils the node for those that follow")
			m.Until(func() bool { return m.claimInTemplate(moving) == moving && m.claimInTemplate(staying) == staying })
			m.Never(func() bool { return m.claimInTemplate(moving) != moving }, 3*time.Second, "a migration is left")
			assert.True(t, meta.IsStatusConditionTrue(testkit.Read(m, "web", &v1alpha1.WukongVM{}).Status.Conditions,
				v1alpha1.ConditionReady))

			m.Remove(begun)
			m.waitMoved(moving, slow, moving)
			m.running()
			assert.Equal(t, instance, m.instance().UID, "the guest never stopped")
			assert.Equal(t, staying, m.claimInTemplate(staying))
			assert.False(t, m.held())
			now := testkit.Read(m, "web", &v1alpha1.WukongVM{})
			assert.Nil(t, meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionRestartRequired))
		})
	}
}

// The manager is down while KubeVirt finishes and the machine stops: the new claim is the truth.
func TestAMoveThatFinishedUnseenIsFound(t *testing.T) {
	f, manager := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.setClass("root", slow)
	m.waitUnderWay(1)
	target := m.claimInTemplate("root")
	manager.Stop()
	m.hold(m.machine(), false)
	m.waitMigrating(0)
	m.Patch(m.machine(), `{"spec":{"runStrategy":"Halted"}}`)
	m.Until(func() bool { return !m.Exists("web", &kubevirtv1.VirtualMachineInstance{}) })
	m.setPower(m.vm, v1alpha1.PowerStopped)

	m.StartManagerOfAll()
	root := m.waitMoved("root", slow, "root")
	assert.Equal(t, target, root.Status.ClaimName)
	m.stopped()
	assert.Equal(t, target, m.claimInTemplate("root"))
}

// Between the request that gives the VirtualMachine the new claim and the moment in which KubeVirt begins to migrate, a
// guest that ends must not be started on the new claim: it is empty.
func TestAGuestThatEndsBeforeItsVolumeMovesIsNotStartedOnTheNewClaim(t *testing.T) {
	f, _ := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.Patch(m.machine(),
		fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, simulator.AnnotationHold, simulator.HoldBeginning))
	m.setClass("data", slow)
	m.Until(func() bool { return m.claimInTemplate("data") != "data" })
	assert.Equal(t, kubevirtv1.RunStrategyManual, *m.machine().Spec.RunStrategy)

	m.Remove(m.instance())
	m.waitCondition("data", v1alpha1.ReasonMoveUndecided, "kubectl annotate wukongdisk data")
	m.WaitIdle()
	assert.False(t, m.Exists("web", &kubevirtv1.VirtualMachineInstance{}),
		"KubeVirt has no record of whether it had begun")

	m.Patch(m.disk("data"), fmt.Sprintf(`{"metadata":{"annotations":{%q:"data"}}}`, v1alpha1.AnnotationClaimInUse))
	m.Until(func() bool { return m.Exists("web", &kubevirtv1.VirtualMachineInstance{}) })
	for _, volume := range m.instance().Spec.Volumes {
		assert.True(t, volume.Name != "data" || volume.DataVolume.Name == "data", "it starts on %+v", volume)
	}
	m.hold(m.machine(), false)
	m.waitMoved("data", slow, "data")
	m.running()
	assert.Equal(t, kubevirtv1.RunStrategyAlways, *m.machine().Spec.RunStrategy)
}

// Nothing says what KubeVirt did: both claims stay until a person decides.
func TestContract7AnUndecidedMoveLosesNothing(t *testing.T) {
	f, manager := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.setClass("data", slow)
	m.waitUnderWay(1)
	target := m.claimInTemplate("data")
	manager.Stop()
	m.hold(m.machine(), false)
	m.waitMigrating(0)
	m.Patch(m.machine(), `{"spec":{"runStrategy":"Halted"}}`)
	m.Until(func() bool { return !m.Exists("web", &kubevirtv1.VirtualMachineInstance{}) })
	require.NoError(t, m.Client.Status().Patch(t.Context(), m.machine(),
		client.RawPatch(types.MergePatchType, []byte(`{"status":{"volumeUpdateState":null}}`))))

	m.StartManagerOfAll()
	m.waitCondition("data", v1alpha1.ReasonMoveUndecided, "kubectl annotate wukongdisk data")
	m.WaitIdle()
	assert.True(t, m.lives("data"))
	assert.True(t, m.lives(target))
	assert.Equal(t, kubevirtv1.RunStrategyHalted, *m.machine().Spec.RunStrategy,
		"the machine does not start on a guess")
	m.Patch(m.disk("data"), fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationClaimInUse, target))
	m.waitMoved("data", slow, "data")
	m.running()
}

func TestTheClassChangesAgainWhileTheDiskMoves(t *testing.T) {
	f, _ := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.setClass("data", slow)
	m.waitMigrating(1)
	m.setClass("data", cold)
	m.waitCondition("data", v1alpha1.ReasonMoving, "is finished or cancelled first")
	m.WaitIdle()
	list := &cdiv1.DataVolumeList{}
	require.NoError(t, m.Client.List(t.Context(), list, client.InNamespace(m.Namespace)))
	assert.Len(t, list.Items, 3, "root, data and one target")
	m.hold(m.machine(), false)
	m.waitMoved("data", cold, "data")
	m.running()
}

// Two migrations in a row would bring the machine back to a node that KubeVirt has not cleared yet.
func TestAllDisksOfAMachineMoveInOneMigration(t *testing.T) {
	f, _ := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	held := &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{Name: m.Namespace + "-held"}, Provisioner: "test.novasphere.dev/none",
	}
	m.Create(held)
	m.hold(held, true)
	m.setClass("root", held.Name)
	m.waitCondition("root", v1alpha1.ReasonMoving, "is being created")

	m.setClass("data", slow)
	m.waitCondition("data", v1alpha1.ReasonMoving, "waits until volume root can move too")
	m.WaitIdle()
	assert.Empty(t, m.instance().Status.MigratedVolumes)

	m.hold(m.machine(), true)
	m.hold(held, false)
	m.Patch(testkit.Read(m, m.disk("root").Status.Move.TargetClaimName, &cdiv1.DataVolume{}),
		`{"metadata":{"annotations":{"test":"touched"}}}`)
	m.waitMigrating(2)
	m.hold(m.machine(), false)
	m.waitMoved("data", slow, "data")
	m.waitMoved("root", held.Name, "root")

	t.Run("but not one that is stuck", func(t *testing.T) {
		m := m.in(t)
		m.hold(held, true)
		m.setClass("data", held.Name)
		m.waitCondition("data", v1alpha1.ReasonMoving, "is being created")
		target := testkit.Read(m, m.disk("data").Status.Move.TargetClaimName, &cdiv1.DataVolume{})
		target.Status.Phase = cdiv1.Failed
		require.NoError(t, m.Client.Status().Update(t.Context(), target))
		m.waitCondition("data", v1alpha1.ReasonImportFailed, "failed")
		from := m.disk("root").Status.ClaimName
		m.setClass("root", slow)
		m.waitMoved("root", slow, from)
	})
}

func TestMovesThatCannotBe(t *testing.T) {
	f, _ := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()

	t.Run("to a class that does not exist", func(t *testing.T) {
		m := m.in(t)
		m.setClass("data", "nowhere")
		m.waitCondition("data", v1alpha1.ReasonStorageClassMissing, "StorageClass nowhere does not exist")
		m.setClass("data", testenv.DefaultStorageClass)
	})
	t.Run("of a machine that cannot migrate", func(t *testing.T) {
		m := m.in(t)
		instance := m.instance()
		instance.Status.Conditions = append(instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
			Type: kubevirtv1.VirtualMachineInstanceIsStorageLiveMigratable, Status: corev1.ConditionFalse,
			Message: "it has a host device",
		})
		require.NoError(t, m.Client.Update(t.Context(), instance))
		m.setClass("data", slow)
		disk := m.waitCondition("data", v1alpha1.ReasonMoveUnsupported, "it has a host device")
		assert.True(t, meta.IsStatusConditionTrue(disk.Status.Conditions, v1alpha1.ConditionReady),
			"the disk works as before")
		m.WaitIdle()
		m.one(disk)
	})
	t.Run("but are made as a copy when it stops", func(t *testing.T) {
		m := m.in(t)
		m.setPower(m.vm, v1alpha1.PowerStopped)
		m.waitMoved("data", slow, "data")
	})
}

func TestADiskIsDeletedWhileItMoves(t *testing.T) {
	f, _ := startMoving(t)
	for _, policy := range []v1alpha1.ReclaimPolicy{v1alpha1.ReclaimDelete, v1alpha1.ReclaimRetain} {
		t.Run(string(policy), func(t *testing.T) {
			m := newMover(f.in(t), v1alpha1.PowerStopped)
			m.stopped()
			m.Patch(m.disk("data"), fmt.Sprintf(`{"spec":{"reclaimPolicy":%q}}`, policy))
			m.hold(testkit.Read(m, "data", &corev1.PersistentVolumeClaim{}), true)
			m.setClass("data", slow)
			m.Until(func() bool {
				move := m.disk("data").Status.Move
				return move != nil && move.Phase == v1alpha1.MoveCopying
			})
			target := m.disk("data").Status.Move.TargetClaimName
			m.editDisks(m.vm, without("data"))
			m.Remove(m.disk("data"))
			m.Until(func() bool {
				return !m.Exists("data", &v1alpha1.WukongDisk{}) && !m.Exists("data", &cdiv1.DataVolume{}) &&
					!m.Exists(target, &cdiv1.DataVolume{}) && !m.lives(target)
			})
			if policy == v1alpha1.ReclaimDelete {
				m.Until(func() bool { return !m.lives("data") })
				return
			}
			assert.Empty(t, testkit.Read(m, "data", &corev1.PersistentVolumeClaim{}).OwnerReferences,
				"the claim in use is retained")
		})
	}
}

// The manager is killed again and again at other moments of a move.
func TestMovesSurviveAManagerThatIsKilled(t *testing.T) {
	f, manager := startMoving(t)
	m := newMover(f, v1alpha1.PowerRunning)
	m.running()
	instance := m.instance().UID
	from := map[string]string{"data": "data", "root": "root"}
	for round, class := range []string{slow, cold, testenv.DefaultStorageClass} {
		for name := range from {
			m.setClass(name, class)
		}
		for kill := range 5 {
			time.Sleep(time.Duration(40+170*kill+90*round) * time.Millisecond)
			manager.Stop()
			manager = m.StartManagerOfAll()
		}
		for name := range from {
			from[name] = m.waitMoved(name, class, from[name]).Status.ClaimName
		}
	}
	m.running()
	assert.Equal(t, instance, m.instance().UID, "the guest never stopped")
}
