//go:build controlplane

package wukongvm_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// editDisks changes spec.disks as a person does, and sends the difference.
func editDisks(t *testing.T, vm *v1alpha1.WukongVM, edit func([]v1alpha1.VMDisk) []v1alpha1.VMDisk) {
	t.Helper()
	before := read(t, vm.Namespace, vm.Name, &v1alpha1.WukongVM{})
	after := before.DeepCopy()
	after.Spec.Disks = edit(after.Spec.Disks)
	require.NoError(t, environment.Client.Patch(t.Context(), after, client.MergeFrom(before)))
}

func blank(name string, policy v1alpha1.DetachPolicy) v1alpha1.VMDisk {
	size := resource.MustParse("1Gi")
	return v1alpha1.VMDisk{Name: name, Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{Size: &size, DetachPolicy: policy}}}
}

func without(name string) func([]v1alpha1.VMDisk) []v1alpha1.VMDisk {
	return func(disks []v1alpha1.VMDisk) []v1alpha1.VMDisk {
		return slices.DeleteFunc(disks, func(disk v1alpha1.VMDisk) bool { return disk.Name == name })
	}
}

func with(disk v1alpha1.VMDisk) func([]v1alpha1.VMDisk) []v1alpha1.VMDisk {
	return func(disks []v1alpha1.VMDisk) []v1alpha1.VMDisk { return append(disks, disk) }
}

func waitAttached(t *testing.T, vm *v1alpha1.WukongVM, names ...string) {
	t.Helper()
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		current := &v1alpha1.WukongVM{}
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
		var attached []string
		for _, disk := range current.Status.Disks {
			if disk.Attachment == v1alpha1.DiskAttached {
				attached = append(attached, disk.Name)
			}
		}
		assert.Equal(collect, names, attached, "%+v", current.Status.Disks)
	}, patience, interval)
}

func TestDisksComeAndGoWhileTheMachineRuns(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web")
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	instance := read(t, namespace, "web", &kubevirtv1.VirtualMachineInstance{}).UID

	editDisks(t, vm, with(blank("kept", v1alpha1.DetachKeep)))
	waitAttached(t, vm, "root", "kept")
	editDisks(t, vm, with(blank("gone", v1alpha1.DetachDelete)))
	waitAttached(t, vm, "root", "kept", "gone")

	editDisks(t, vm, without("kept"))
	editDisks(t, vm, without("gone"))
	waitAttached(t, vm, "root")
	require.Eventually(t, func() bool { return !exists(t, namespace, "web-gone", &v1alpha1.WukongDisk{}) }, patience, interval)
	kept := &v1alpha1.WukongDisk{}
	require.Eventually(t, func() bool {
		kept = read(t, namespace, "web-kept", &v1alpha1.WukongDisk{})
		return kept.Labels[v1alpha1.LabelVM] == ""
	}, patience, interval, "it is somebody's part still")
	assert.Nil(t, kept.DeletionTimestamp)
	assert.Empty(t, kept.OwnerReferences)
	assert.NotContains(t, kept.Annotations, v1alpha1.AnnotationRetainedFor)
	assert.Equal(t, instance, read(t, namespace, "web", &kubevirtv1.VirtualMachineInstance{}).UID, "the guest never stopped")
	assert.Zero(t, manager.Writes.Conflicts())

	t.Run("the kept disk is attached again by reference", func(t *testing.T) {
		editDisks(t, vm, with(v1alpha1.VMDisk{Name: "again", DiskRef: &v1alpha1.LocalObjectReference{Name: "web-kept"}}))
		waitAttached(t, vm, "root", "again")
	})
	t.Run("Contract3: nothing is left to do", func(t *testing.T) {
		testenv.WaitIdle(t, 0) // the disk still hears of its guest
		manager.Stop()
		second := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
		testenv.WaitIdle(t, 3)
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}

// A disk that is kept when it is detached is so from the moment that it left spec, though its guest has it until it stops: whoever deletes the
// machine meanwhile does not delete the disk. It may come back until then.
func TestAKeptDiskIsSafeBeforeTheGuestHasLetGo(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	data := blank("data", v1alpha1.DetachKeep)
	data.Bus = "sata"
	vm := newVM(namespace, "web")
	vm.Spec.Disks = append(vm.Spec.Disks, data)
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	owned := func(wanted bool) {
		t.Helper()
		require.EventuallyWithT(t, func(collect *assert.CollectT) {
			disk := read(t, namespace, "web-data", &v1alpha1.WukongDisk{})
			assert.Equal(collect, wanted, metav1.IsControlledBy(disk, vm))
			assert.Equal(collect, wanted, disk.Annotations[v1alpha1.AnnotationRetainedFor] == "")
			assert.Equal(collect, string(vm.UID), disk.Labels[v1alpha1.LabelVM])
		}, patience, interval)
	}
	owned(true)
	editDisks(t, vm, without("data"))
	owned(false)
	editDisks(t, vm, with(data))
	owned(true)
	editDisks(t, vm, without("data"))
	owned(false)

	require.NoError(t, environment.Client.Delete(t.Context(), vm))
	testenv.WaitIdle(t, 0)
	disk := read(t, namespace, "web-data", &v1alpha1.WukongDisk{})
	assert.Nil(t, disk.DeletionTimestamp)
	assert.Empty(t, disk.OwnerReferences, "the garbage collector has no reason to take it")
}

func TestContract7TwoMachinesNeverHaveOneDisk(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	size := resource.MustParse("1Gi")
	data := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "data"}, Spec: v1alpha1.WukongDiskSpec{Size: &size}}
	reference := v1alpha1.VMDisk{Name: "data", DiskRef: &v1alpha1.LocalObjectReference{Name: "data"}}
	one, two := newVM(namespace, "one"), newVM(namespace, "two")
	for _, object := range []client.Object{data, one, two} {
		require.NoError(t, environment.Client.Create(t.Context(), object))
	}
	waitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	editDisks(t, one, with(reference))
	waitAttached(t, one, "root", "data")

	editDisks(t, two, with(reference))
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		current := &v1alpha1.WukongVM{}
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(two), current))
		condition := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionDisksReady)
		require.NotNil(collect, condition)
		assert.Equal(collect, v1alpha1.ReasonDiskInUse, condition.Reason)
		assert.Contains(collect, condition.Message, "WukongVM one")
		assert.True(collect, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady), "the machine runs on")
	}, patience, interval)
	waitAttached(t, two, "root")
	third := newVM(namespace, "three")
	third.Spec.Disks = append(third.Spec.Disks, reference)
	require.NoError(t, environment.Client.Create(t.Context(), third))
	waitReady(t, third, metav1.ConditionFalse, v1alpha1.ReasonDiskInUse)
	assert.False(t, exists(t, namespace, "three", &kubevirtv1.VirtualMachine{}), "a new machine waits for all its disks")

	editDisks(t, one, without("data"))
	waitAttached(t, one, "root")
	waitAttached(t, two, "root", "data")
	editDisks(t, third, without("data"))
	waitReady(t, third, metav1.ConditionTrue, v1alpha1.ReasonRunning)
}

func TestOnlyADriveMayBeEmpty(t *testing.T) {
	namespace := environment.Namespace(t)
	vm := newVM(namespace, "web")
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "extra"})
	require.ErrorContains(t, environment.Client.Create(t.Context(), vm), "only a drive of type CDROM may be empty")
	vm.Spec.Disks[1].Type = v1alpha1.DiskTypeCDROM
	// Not kept: no manager runs here, and that of the next test would count the writes of this machine as its own.
	require.NoError(t, environment.Client.Create(t.Context(), vm, client.DryRunAll))
}
