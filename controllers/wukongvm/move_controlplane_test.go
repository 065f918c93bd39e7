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
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/simulator"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// Classes that disks move between.
const (
	slow = "slow"
	cold = "cold"
)

// mover is a machine with a root and a data disk, which run on a cluster with two nodes and three classes.
type mover struct {
	*testing.T
	namespace string
	vm        *v1alpha1.WukongVM
}

func newMover(t *testing.T, power v1alpha1.PowerState) mover {
	t.Helper()
	for _, name := range []string{"node-1", "node-2"} {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{kubevirtv1.NodeSchedulable: "true"}}}
		require.NoError(t, client.IgnoreAlreadyExists(environment.Client.Create(t.Context(), node)))
	}
	for _, name := range []string{slow, cold} {
		class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "test.novasphere.dev/none"}
		require.NoError(t, client.IgnoreAlreadyExists(environment.Client.Create(t.Context(), class)))
	}
	namespace := environment.Namespace(t)
	size := resource.MustParse("1Gi")
	for _, name := range []string{"root", "data"} {
		class := testenv.DefaultStorageClass
		require.NoError(t, environment.Client.Create(t.Context(), &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec:       v1alpha1.WukongDiskSpec{Size: &size, StorageClassName: &class},
		}))
	}
	vm := newVM(namespace, "web", func(vm *v1alpha1.WukongVM) {
		vm.Spec.PowerState = power
		vm.Spec.Disks = []v1alpha1.VMDisk{
			{Name: "root", DiskRef: &v1alpha1.LocalObjectReference{Name: "root"}},
			{Name: "data", DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}},
		}
	})
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	return mover{t, namespace, vm}
}

func (m mover) in(t *testing.T) mover {
	m.T = t
	return m
}

func (m mover) running() {
	m.Helper()
	waitReady(m.T, m.vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitAttached(m.T, m.vm, "root", "data")
}

func (m mover) stopped() {
	m.Helper()
	waitReady(m.T, m.vm, metav1.ConditionTrue, v1alpha1.ReasonStopped)
}

func (m mover) disk(name string) *v1alpha1.WukongDisk {
	m.Helper()
	return read(m.T, m.namespace, name, &v1alpha1.WukongDisk{})
}

func (m mover) machine() *kubevirtv1.VirtualMachine {
	m.Helper()
	return read(m.T, m.namespace, "web", &kubevirtv1.VirtualMachine{})
}

func (m mover) instance() *kubevirtv1.VirtualMachineInstance {
	m.Helper()
	return read(m.T, m.namespace, "web", &kubevirtv1.VirtualMachineInstance{})
}

// held tells whether KubeVirt is kept from migrating the machine.
func (m mover) held() bool {
	m.Helper()
	return metav1.HasAnnotation(m.instance().ObjectMeta, kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation)
}

func (m mover) patch(object client.Object, body string) {
	m.Helper()
	require.NoError(m, environment.Client.Patch(m.Context(), object, client.RawPatch("application/merge-patch+json", []byte(body))))
}

func (m mover) setClass(name, class string) {
	m.Helper()
	m.patch(m.disk(name), fmt.Sprintf(`{"spec":{"storageClassName":%q}}`, class))
}

// hold keeps the simulator from ending what it does to an object.
func (m mover) hold(object client.Object, held bool) {
	m.Helper()
	value := "null"
	if held {
		value = `"true"`
	}
	m.patch(object, fmt.Sprintf(`{"metadata":{"annotations":{%q:%s}}}`, simulator.AnnotationHold, value))
}

// waitMoved waits until a disk is on a class and nothing is left of the claim that it came from.
func (m mover) waitMoved(name, class, from string) *v1alpha1.WukongDisk {
	m.Helper()
	var disk *v1alpha1.WukongDisk
	require.EventuallyWithT(m, func(collect *assert.CollectT) {
		disk = m.disk(name)
		assert.Equal(collect, class, disk.Status.StorageClassName, "%+v", disk.Status)
		assert.Nil(collect, disk.Status.Move)
		assert.True(collect, meta.IsStatusConditionTrue(disk.Status.Conditions, v1alpha1.ConditionReady), "%+v", disk.Status.Conditions)
		assert.Nil(collect, meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved))
		assert.NotEqual(collect, from, disk.Status.ClaimName)
		assert.False(collect, exists(m.T, m.namespace, from, &cdiv1.DataVolume{}), "the old DataVolume is there")
		assert.False(collect, m.lives(from), "the old claim is there")
	}, patience, interval)
	m.one(disk)
	return disk
}

// lives tells whether a claim is there, and not on its way out: nothing in this control plane takes off the API server's finalizer.
func (m mover) lives(name string) bool {
	claim := &corev1.PersistentVolumeClaim{}
	return exists(m.T, m.namespace, name, claim) && claim.DeletionTimestamp.IsZero()
}

// one checks that a disk has no DataVolume but the one that is in use.
func (m mover) one(disk *v1alpha1.WukongDisk) {
	m.Helper()
	list := &cdiv1.DataVolumeList{}
	require.NoError(m, environment.Client.List(m.Context(), list, client.InNamespace(m.namespace)))
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
	require.EventuallyWithT(m, func(collect *assert.CollectT) {
		disk = m.disk(name)
		condition := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved)
		require.NotNil(collect, condition)
		assert.Equal(collect, reason, condition.Reason, condition.Message)
		assert.Contains(collect, condition.Message, words)
	}, patience, interval)
	return disk
}

func (m mover) waitMigrating(volumes int) {
	m.Helper()
	require.Eventually(m, func() bool { return len(m.instance().Status.MigratedVolumes) == volumes }, patience, interval)
}

// waitUnderWay waits until KubeVirt migrates volumes, and needs no manager for it any more.
func (m mover) waitUnderWay(volumes int) {
	m.Helper()
	m.waitMigrating(volumes)
	require.Eventually(m, func() bool { return !m.held() }, patience, interval)
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
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
	m.running()
	instance := m.instance().UID
	testenv.WaitIdle(t, 0)
	manager.Writes.Reset()

	m.setClass("data", slow)
	data := m.waitMoved("data", slow, "data")
	m.running()
	testenv.WaitIdle(t, 0)
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
		editDisks(t, m.vm, with(blank("extra", v1alpha1.DetachDelete)))
		waitAttached(t, m.vm, "root", "data", "extra")
		assert.Nil(t, m.in(t).machine().Spec.UpdateVolumesStrategy, "KubeVirt plugs nothing while it is to migrate")
	})
	t.Run("Contract3: nothing is left to do", func(t *testing.T) {
		testenv.WaitIdle(t, 0)
		manager.Stop()
		second := environment.StartManager(t, testenv.ManagerOptions{})
		testenv.WaitIdle(t, 3)
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}

func TestADiskOfAStoppedMachineIsCopied(t *testing.T) {
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerStopped)
	m.stopped()
	m.hold(read(t, m.namespace, "data", &corev1.PersistentVolumeClaim{}), true)
	m.setClass("data", slow)
	require.Eventually(t, func() bool {
		move := m.disk("data").Status.Move
		return move != nil && move.Phase == v1alpha1.MoveCopying
	}, patience, interval)
	assert.Equal(t, v1alpha1.DiskMoving, m.disk("data").Status.Phase)

	setPower(t, m.vm, v1alpha1.PowerRunning)
	waiting := waitReady(t, m.vm, metav1.ConditionFalse, v1alpha1.ReasonWaitingForDisk)
	assert.Contains(t, meta.FindStatusCondition(waiting.Status.Conditions, v1alpha1.ConditionReady).Message, "is being copied")
	assert.Equal(t, kubevirtv1.RunStrategyHalted, *m.machine().Spec.RunStrategy, "a guest that writes now would lose it")
	assert.Equal(t, "data", m.disk("data").Status.ClaimName)

	m.hold(read(t, m.namespace, "data", &corev1.PersistentVolumeClaim{}), false)
	data := m.waitMoved("data", slow, "data")
	m.running()
	assert.Equal(t, data.Status.ClaimName, m.claimInTemplate("data"))
}

func TestADiskOfNobodyIsCopiedAndLostStatusIsFound(t *testing.T) {
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerStopped)
	m.stopped()
	size := resource.MustParse("1Gi")
	class := testenv.DefaultStorageClass
	require.NoError(t, environment.Client.Create(t.Context(), &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: "lone"}, Spec: v1alpha1.WukongDiskSpec{Size: &size, StorageClassName: &class},
	}))
	require.Eventually(t, func() bool { return m.disk("lone").Status.Phase == v1alpha1.DiskReady }, patience, interval)
	m.setClass("lone", slow)
	lone := m.waitMoved("lone", slow, "lone")

	testenv.WaitIdle(t, 0)
	manager.Stop()
	lost := lone.DeepCopy()
	lost.Status = v1alpha1.WukongDiskStatus{}
	require.NoError(t, environment.Client.Status().Update(t.Context(), lost))
	environment.StartManager(t, testenv.ManagerOptions{})
	require.Eventually(t, func() bool { return m.disk("lone").Status.ClaimName == lone.Status.ClaimName }, patience, interval)
	testenv.WaitIdle(t, 0)
	m.one(m.disk("lone"))
}

// The machine stops in the middle: the old claim is the truth, the target is taken away, and the disk is copied instead.
func TestAMoveThatIsBrokenOffBeginsAnewAsACopy(t *testing.T) {
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.hold(read(t, m.namespace, "data", &corev1.PersistentVolumeClaim{}), true)
	m.setClass("data", slow)
	m.waitMigrating(1)
	target := m.claimInTemplate("data")
	require.NotEqual(t, "data", target)
	blankVolume := read(t, m.namespace, target, &cdiv1.DataVolume{}).UID

	setPower(t, m.vm, v1alpha1.PowerStopped)
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		volume := &cdiv1.DataVolume{}
		require.NoError(collect, client.IgnoreNotFound(environment.Client.Get(t.Context(), client.ObjectKey{Namespace: m.namespace, Name: target}, volume)))
		assert.NotEqual(collect, blankVolume, volume.UID, "what KubeVirt began to fill is not used")
		if assert.NotNil(collect, volume.Spec.Source) {
			assert.NotNil(collect, volume.Spec.Source.PVC)
		}
	}, patience, interval)
	assert.Equal(t, "data", m.claimInTemplate("data"))
	assert.Equal(t, "data", m.disk("data").Status.ClaimName)
	m.hold(read(t, m.namespace, "data", &corev1.PersistentVolumeClaim{}), false)
	m.waitMoved("data", slow, "data")
	m.stopped()
	setPower(t, m.vm, v1alpha1.PowerRunning)
	m.running()
}

// KubeVirt says that the migration goes on before it has given the instance the new claim, and refuses the claim from then on.
func TestAMoveInWhichKubeVirtOvertakesItselfBeginsAnew(t *testing.T) {
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	for moving, staying := range map[string]string{"data": "root", "root": "data"} {
		t.Run(moving, func(t *testing.T) {
			m := newMover(t, v1alpha1.PowerRunning)
			m.running()
			instance := m.instance().UID
			m.patch(m.machine(), fmt.Sprintf(`{"metadata":{"annotations":{%q:"true"}}}`, simulator.AnnotationOvertaken))
			// Its pods have the old claims.
			begun := &kubevirtv1.VirtualMachineInstanceMigration{
				ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: "begun", Labels: map[string]string{kubevirtv1.MigrationSelectorLabel: "web"}},
				Spec:       kubevirtv1.VirtualMachineInstanceMigrationSpec{VMIName: "web"},
			}
			require.NoError(t, environment.Client.Create(t.Context(), begun))
			m.setClass(moving, slow)
			m.waitMigrating(1)
			m.waitCondition(moving, v1alpha1.ReasonMoving, "the migration begins anew")
			assert.True(t, m.held(), "a migration with the old claim fails, and spoils the node for those that follow")
			require.Eventually(t, func() bool { return m.claimInTemplate(moving) == moving && m.claimInTemplate(staying) == staying }, patience, interval)
			require.Never(t, func() bool { return m.claimInTemplate(moving) != moving }, 3*time.Second, interval, "a migration is left")
			assert.True(t, meta.IsStatusConditionTrue(read(t, m.namespace, "web", &v1alpha1.WukongVM{}).Status.Conditions, v1alpha1.ConditionReady))

			require.NoError(t, environment.Client.Delete(t.Context(), begun))
			m.waitMoved(moving, slow, moving)
			m.running()
			assert.Equal(t, instance, m.instance().UID, "the guest never stopped")
			assert.Equal(t, staying, m.claimInTemplate(staying))
			assert.False(t, m.held())
			assert.NotContains(t, m.vm.Status.Conditions, v1alpha1.ConditionRestartRequired)
		})
	}
}

// The manager is down while KubeVirt finishes and the machine stops: the new claim is the truth.
func TestAMoveThatFinishedUnseenIsFound(t *testing.T) {
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.setClass("root", slow)
	m.waitUnderWay(1)
	target := m.claimInTemplate("root")
	manager.Stop()
	m.hold(m.machine(), false)
	m.waitMigrating(0)
	m.patch(m.machine(), `{"spec":{"runStrategy":"Halted"}}`)
	require.Eventually(t, func() bool { return !exists(t, m.namespace, "web", &kubevirtv1.VirtualMachineInstance{}) }, patience, interval)
	setPower(t, m.vm, v1alpha1.PowerStopped)

	environment.StartManager(t, testenv.ManagerOptions{})
	root := m.waitMoved("root", slow, "root")
	assert.Equal(t, target, root.Status.ClaimName)
	m.stopped()
	assert.Equal(t, target, m.claimInTemplate("root"))
}

// Nothing says what KubeVirt did: both claims stay until a person decides.
func TestContract7AnUndecidedMoveLosesNothing(t *testing.T) {
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.setClass("data", slow)
	m.waitUnderWay(1)
	target := m.claimInTemplate("data")
	manager.Stop()
	m.hold(m.machine(), false)
	m.waitMigrating(0)
	m.patch(m.machine(), `{"spec":{"runStrategy":"Halted"}}`)
	require.Eventually(t, func() bool { return !exists(t, m.namespace, "web", &kubevirtv1.VirtualMachineInstance{}) }, patience, interval)
	require.NoError(t, environment.Client.Status().Patch(t.Context(), m.machine(), client.RawPatch(types.MergePatchType, []byte(`{"status":{"volumeUpdateState":null}}`))))

	environment.StartManager(t, testenv.ManagerOptions{})
	m.waitCondition("data", v1alpha1.ReasonMoveUndecided, "kubectl annotate wukongdisk data")
	testenv.WaitIdle(t, 0)
	assert.True(t, m.lives("data"))
	assert.True(t, m.lives(target))
	assert.Equal(t, kubevirtv1.RunStrategyHalted, *m.machine().Spec.RunStrategy, "the machine does not start on a guess")
	m.patch(m.disk("data"), fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationClaimInUse, target))
	m.waitMoved("data", slow, "data")
	m.running()
}

func TestTheClassChangesAgainWhileTheDiskMoves(t *testing.T) {
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
	m.running()
	m.hold(m.machine(), true)
	m.setClass("data", slow)
	m.waitMigrating(1)
	m.setClass("data", cold)
	m.waitCondition("data", v1alpha1.ReasonMoving, "finished first")
	testenv.WaitIdle(t, 0)
	list := &cdiv1.DataVolumeList{}
	require.NoError(t, environment.Client.List(t.Context(), list, client.InNamespace(m.namespace)))
	assert.Len(t, list.Items, 3, "root, data and one target")
	m.hold(m.machine(), false)
	m.waitMoved("data", cold, "data")
	m.running()
}

func TestMovesThatCannotBe(t *testing.T) {
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
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
			Type: kubevirtv1.VirtualMachineInstanceIsStorageLiveMigratable, Status: corev1.ConditionFalse, Message: "it has a host device",
		})
		require.NoError(t, environment.Client.Update(t.Context(), instance))
		m.setClass("data", slow)
		disk := m.waitCondition("data", v1alpha1.ReasonMoveUnsupported, "it has a host device")
		assert.True(t, meta.IsStatusConditionTrue(disk.Status.Conditions, v1alpha1.ConditionReady), "the disk works as before")
		testenv.WaitIdle(t, 0)
		m.one(disk)
	})
	t.Run("but are made as a copy when it stops", func(t *testing.T) {
		m := m.in(t)
		setPower(t, m.vm, v1alpha1.PowerStopped)
		m.waitMoved("data", slow, "data")
	})
}

func TestADiskIsDeletedWhileItMoves(t *testing.T) {
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	for _, policy := range []v1alpha1.ReclaimPolicy{v1alpha1.ReclaimDelete, v1alpha1.ReclaimRetain} {
		t.Run(string(policy), func(t *testing.T) {
			m := newMover(t, v1alpha1.PowerStopped)
			m.stopped()
			m.patch(m.disk("data"), fmt.Sprintf(`{"spec":{"reclaimPolicy":%q}}`, policy))
			m.hold(read(t, m.namespace, "data", &corev1.PersistentVolumeClaim{}), true)
			m.setClass("data", slow)
			require.Eventually(t, func() bool {
				move := m.disk("data").Status.Move
				return move != nil && move.Phase == v1alpha1.MoveCopying
			}, patience, interval)
			target := m.disk("data").Status.Move.TargetClaimName
			editDisks(t, m.vm, without("data"))
			require.NoError(t, environment.Client.Delete(t.Context(), m.disk("data")))
			require.Eventually(t, func() bool {
				return !exists(t, m.namespace, "data", &v1alpha1.WukongDisk{}) && !exists(t, m.namespace, "data", &cdiv1.DataVolume{}) &&
					!exists(t, m.namespace, target, &cdiv1.DataVolume{}) && !m.lives(target)
			}, patience, interval)
			if policy == v1alpha1.ReclaimDelete {
				require.Eventually(t, func() bool { return !m.lives("data") }, patience, interval)
				return
			}
			assert.Empty(t, read(t, m.namespace, "data", &corev1.PersistentVolumeClaim{}).OwnerReferences, "the claim in use is retained")
		})
	}
}

// The manager is killed again and again at other moments of a move.
func TestMovesSurviveAManagerThatIsKilled(t *testing.T) {
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	m := newMover(t, v1alpha1.PowerRunning)
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
			manager = environment.StartManager(t, testenv.ManagerOptions{})
		}
		for name := range from {
			from[name] = m.waitMoved(name, class, from[name]).Status.ClaimName
		}
	}
	m.running()
	assert.Equal(t, instance, m.instance().UID, "the guest never stopped")
}
