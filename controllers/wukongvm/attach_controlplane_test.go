//go:build controlplane

package wukongvm_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// editDisks changes spec.disks as a person does, and sends the difference.
func (f machines) editDisks(vm *v1alpha1.WukongVM, edit func([]v1alpha1.VMDisk) []v1alpha1.VMDisk) {
	f.Helper()
	current := testkit.Read(f, vm.Name, &v1alpha1.WukongVM{})
	testkit.Edit(f, current, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = edit(vm.Spec.Disks) })
}

func blank(name string, policy v1alpha1.DetachPolicy) v1alpha1.VMDisk {
	return builder.DiskTemplate(name, builder.Detach(policy))
}

func without(name string) func([]v1alpha1.VMDisk) []v1alpha1.VMDisk {
	return func(disks []v1alpha1.VMDisk) []v1alpha1.VMDisk {
		return slices.DeleteFunc(disks, func(disk v1alpha1.VMDisk) bool { return disk.Name == name })
	}
}

func with(disk v1alpha1.VMDisk) func([]v1alpha1.VMDisk) []v1alpha1.VMDisk {
	return func(disks []v1alpha1.VMDisk) []v1alpha1.VMDisk { return append(disks, disk) }
}

func (f machines) waitAttached(vm *v1alpha1.WukongVM, names ...string) {
	f.Helper()
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		var attached []string
		for _, disk := range current.Status.Disks {
			if disk.Attachment == v1alpha1.DiskAttached {
				attached = append(attached, disk.Name)
			}
		}
		assert.Equal(now, names, attached, "%+v", current.Status.Disks)
	})
}

func TestDisksComeAndGoWhileTheMachineRuns(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()
	vm := f.newVM("web")
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	instance := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{}).UID

	f.editDisks(vm, with(blank("kept", v1alpha1.DetachKeep)))
	f.waitAttached(vm, "root", "kept")
	f.editDisks(vm, with(blank("gone", v1alpha1.DetachDelete)))
	f.waitAttached(vm, "root", "kept", "gone")

	f.editDisks(vm, without("kept"))
	f.editDisks(vm, without("gone"))
	f.waitAttached(vm, "root")
	f.Until(func() bool { return !f.Exists("web-gone", &v1alpha1.WukongDisk{}) })
	kept := &v1alpha1.WukongDisk{}
	f.Until(func() bool {
		kept = testkit.Read(f, "web-kept", &v1alpha1.WukongDisk{})
		return kept.Labels[v1alpha1.LabelVM] == ""
	}, "it is somebody's part still")
	assert.Nil(t, kept.DeletionTimestamp)
	assert.Empty(t, kept.OwnerReferences)
	assert.NotContains(t, kept.Annotations, v1alpha1.AnnotationRetainedFor)
	assert.Equal(t, instance, testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{}).UID,
		"the guest never stopped")
	assert.Zero(t, manager.Writes.Conflicts())

	t.Run("the kept disk is attached again by reference", func(t *testing.T) {
		f := f.in(t)
		f.editDisks(vm, with(builder.DiskReference("again", "web-kept")))
		f.waitAttached(vm, "root", "again")
	})
	t.Run("Contract3: nothing is left to do", func(t *testing.T) {
		f := f.in(t)
		f.WaitIdle() // the disk still hears of its guest
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(3)
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}

// A disk that is kept when it is detached is so from the moment that it left spec, though its guest has it until it
// stops: whoever deletes the machine meanwhile does not delete the disk. It may come back until then.
func TestAKeptDiskIsSafeBeforeTheGuestHasLetGo(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	data := blank("data", v1alpha1.DetachKeep)
	data.Bus = "sata"
	vm := f.newVM("web")
	vm.Spec.Disks = append(vm.Spec.Disks, data)
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	owned := func(wanted bool) {
		t.Helper()
		f.Eventually(func(now *testkit.Attempt) {
			disk := testkit.Read(f, "web-data", &v1alpha1.WukongDisk{})
			assert.Equal(now, wanted, metav1.IsControlledBy(disk, vm))
			assert.Equal(now, wanted, disk.Annotations[v1alpha1.AnnotationRetainedFor] == "")
			assert.Equal(now, string(vm.UID), disk.Labels[v1alpha1.LabelVM])
		})
	}
	owned(true)
	f.editDisks(vm, without("data"))
	owned(false)
	f.editDisks(vm, with(data))
	owned(true)
	f.editDisks(vm, without("data"))
	owned(false)

	f.Remove(vm)
	f.WaitIdle()
	disk := testkit.Read(f, "web-data", &v1alpha1.WukongDisk{})
	assert.Nil(t, disk.DeletionTimestamp)
	assert.Empty(t, disk.OwnerReferences, "the garbage collector has no reason to take it")
}

func TestContract7TwoMachinesNeverHaveOneDisk(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	data, reference := builder.Disk(f.Namespace, "data"), builder.DiskReference("data", "data")
	one, two := f.newVM("one"), f.newVM("two")
	f.Create(data, one, two)
	testkit.Wait(f, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	testkit.Wait(f, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.editDisks(one, with(reference))
	f.waitAttached(one, "root", "data")

	f.editDisks(two, with(reference))
	testkit.WaitUntil(f, two, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		condition := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionDisksReady)
		require.NotNil(now, condition)
		assert.Equal(now, v1alpha1.ReasonDiskInUse, condition.Reason)
		assert.Contains(now, condition.Message, "WukongVM one")
		assert.True(now, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady),
			"the machine runs on")
	})
	f.waitAttached(two, "root")
	third := f.newVM("three")
	third.Spec.Disks = append(third.Spec.Disks, reference)
	f.Create(third)
	testkit.Wait(f, third, metav1.ConditionFalse, v1alpha1.ReasonDiskInUse, "")
	assert.False(t, f.Exists("three", &kubevirtv1.VirtualMachine{}), "a new machine waits for all its disks")

	f.editDisks(one, without("data"))
	f.waitAttached(one, "root")
	f.waitAttached(two, "root", "data")
	f.editDisks(third, without("data"))
	testkit.Wait(f, third, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
}

func TestOnlyADriveMayBeEmpty(t *testing.T) {
	f := newMachines(t)
	vm := f.newVM("web")
	vm.Spec.Disks = append(vm.Spec.Disks, v1alpha1.VMDisk{Name: "extra"})
	require.ErrorContains(t, f.Client.Create(t.Context(), vm), "only a drive of type CDROM may be empty")
	vm.Spec.Disks[1].Type = v1alpha1.DiskTypeCDROM
	// Not kept: no manager runs here, and that of the next test would count the writes of this machine as its own.
	require.NoError(t, f.Client.Create(t.Context(), vm, client.DryRunAll))
}

// Fault B.1: what is refused of a machine keeps it as it is, but it can be stopped; and the way out that the message
// names is one.
func TestARefusedChildKeepsNoMachineFromStopping(t *testing.T) {
	f, vm := startRunning(t)
	f.Create(builder.Disk(f.Namespace, "web-data"))

	f.editDisks(vm, with(blank("data", v1alpha1.DetachDelete)))
	testkit.Wait(f, vm, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "web-data")
	f.WaitIdle()
	foreign := testkit.Read(f, "web-data", &v1alpha1.WukongDisk{})
	assert.Empty(t, foreign.Status.AttachedTo, "the machine asks for a disk of its own")
	f.setPower(vm, v1alpha1.PowerStopped)
	f.WaitGone(&kubevirtv1.VirtualMachineInstance{ObjectMeta: metav1.ObjectMeta{Name: "web"}})
	f.setPower(vm, v1alpha1.PowerRunning)
	f.WaitIdle()
	assert.Equal(t, kubevirtv1.RunStrategyHalted,
		*testkit.Read(f, "web", &kubevirtv1.VirtualMachine{}).Spec.RunStrategy,
		"it starts when all that it consists of is there")

	f.Remove(foreign)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitAttached(vm, "root", "data")
	assert.NotEqual(t, foreign.UID, testkit.Read(f, "web-data", &v1alpha1.WukongDisk{}).UID)
}

// A stopped machine is as a new one: it does not start before all disks of spec can be its.
func TestAStoppedMachineWaitsForItsDisks(t *testing.T) {
	f, vm := startRunning(t)
	f.setPower(vm, v1alpha1.PowerStopped)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	f.editDisks(vm, with(builder.DiskReference("data", "late")))
	f.setPower(vm, v1alpha1.PowerRunning)
	testkit.Wait(f, vm, metav1.ConditionFalse, v1alpha1.ReasonWaitingForDisk, "WukongDisk late does not exist")
	f.WaitIdle()
	assert.Equal(t, kubevirtv1.RunStrategyHalted,
		*testkit.Read(f, "web", &kubevirtv1.VirtualMachine{}).Spec.RunStrategy)

	f.Create(builder.Disk(f.Namespace, "late"))
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitAttached(vm, "root", "data")
	volumes := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{}).Spec.Volumes
	at := slices.IndexFunc(volumes, func(volume kubevirtv1.Volume) bool { return volume.Name == "data" })
	require.GreaterOrEqual(t, at, 0)
	assert.False(t, volumes[at].DataVolume.Hotpluggable, "its launcher pod has the disk from the beginning")
}

// What keeps a stopped machine from its start keeps it from no other change: it releases what left its spec, so that
// two can swap disks.
func TestTwoStoppedMachinesSwapTheirDisks(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	with := func(vm *v1alpha1.WukongVM, name, disk string) *v1alpha1.WukongVM {
		vm.Spec.Disks = append(vm.Spec.Disks, builder.DiskReference(name, disk))
		return vm
	}
	one, two := with(f.newVM("one"), "left", "x"), with(f.newVM("two"), "right", "y")
	f.Create(builder.Disk(f.Namespace, "x"), builder.Disk(f.Namespace, "y"), one, two)
	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
		f.setPower(vm, v1alpha1.PowerStopped)
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	}
	swap := func(vm *v1alpha1.WukongVM, from, to, disk string) {
		f.editDisks(vm, func(disks []v1alpha1.VMDisk) []v1alpha1.VMDisk {
			return append(without(from)(disks), builder.DiskReference(to, disk))
		})
		f.setPower(vm, v1alpha1.PowerRunning)
	}
	swap(one, "left", "new-left", "y")
	swap(two, "right", "new-right", "x")
	f.waitAttached(one, "root", "new-left")
	f.waitAttached(two, "root", "new-right")
}

// Fault C.9: a template that asks for less than the disk has by now is told, and harms nothing.
func TestAStampedDiskThatWasGrownKeepsItsSize(t *testing.T) {
	f, vm := startRunning(t)
	f.Patch(testkit.Read(f, "web-root", &v1alpha1.WukongDisk{}), `{"spec":{"size":"40Gi"}}`)
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		require.Len(now, current.Status.Disks, 1)
		assert.Contains(now, current.Status.Disks[0].Message, "the disk has grown to 40Gi")
	})
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, "40Gi", testkit.Read(f, "web-root", &v1alpha1.WukongDisk{}).Spec.Size.String())
}

// Fault C.1: a disk stays with a VirtualMachine that was left behind when its WukongVM was deleted: it may start any
// time.
func TestContract7ADiskStaysWithAVirtualMachineThatWasLeftBehind(t *testing.T) {
	f, vm := startRunning(t)
	f.Remove(vm, client.PropagationPolicy(metav1.DeletePropagationOrphan))
	f.WaitGone(vm)

	next := builder.VM(f.Namespace, "next", builder.Attached("web-root"))
	f.Create(next)
	testkit.Wait(f, next, metav1.ConditionFalse, v1alpha1.ReasonDiskInUse, "VirtualMachine web")
	machine := testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})
	f.Patch(machine, `{"spec":{"runStrategy":"Halted"}}`)
	f.WaitGone(&kubevirtv1.VirtualMachineInstance{ObjectMeta: metav1.ObjectMeta{Name: "web"}})
	f.WaitIdle()
	assert.Equal(t, "web", testkit.Read(f, "web-root", &v1alpha1.WukongDisk{}).Status.AttachedTo)
	assert.False(t, f.Exists("next", &kubevirtv1.VirtualMachine{}))

	f.Remove(machine)
	testkit.Wait(f, next, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	t.Run("and with one that somebody made by hand", func(t *testing.T) {
		f := f.in(t)
		f.setPower(next, v1alpha1.PowerStopped)
		testkit.Wait(f, next, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
		foreign := &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "foreign"}}
		foreign.Spec = *testkit.Read(f, "next", &kubevirtv1.VirtualMachine{}).Spec.DeepCopy()
		f.Create(foreign)
		f.Remove(next)
		third := builder.VM(f.Namespace, "third", builder.Attached("web-root"))
		f.Create(third)
		testkit.Wait(f, third, metav1.ConditionFalse, v1alpha1.ReasonWaitingForDisk, "in use by VirtualMachine foreign")
	})
}

// Fault C.3: KubeVirt's VirtualMachineRestore gives a stopped machine other claims. They are not taken from it again
// without a word.
func TestAVolumeThatSomebodyElsePutThereStays(t *testing.T) {
	f, vm := startRunning(t)
	f.setPower(vm, v1alpha1.PowerStopped)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	f.WaitIdle()

	const name = "restore-2de97946-1027-4a33-b5f1-c40adf7dcf75-root"
	restored := f.NewClaim(name)
	f.CreateClaim(restored)
	f.Bind(restored)
	claim := func() string {
		volume := testkit.Read(f, "web", &kubevirtv1.VirtualMachine{}).Spec.Template.Spec.Volumes[0]
		if volume.DataVolume != nil {
			return volume.DataVolume.Name
		}
		return volume.PersistentVolumeClaim.ClaimName
	}
	f.Patch(testkit.Read(f, "web", &kubevirtv1.VirtualMachine{}), `{"spec":{"template":{"spec":{"volumes":[`+
		`{"name":"root","persistentVolumeClaim":{"claimName":"`+name+`"}},`+
		`{"name":"cloudinit","cloudInitNoCloud":{"secretRef":{"name":"web-cloudinit"},`+
		`"networkDataSecretRef":{"name":"web-cloudinit"}}}]}}}}`)
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		condition := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionDisksReady)
		require.NotNil(now, condition)
		assert.Equal(now, v1alpha1.ReasonForeignVolume, condition.Reason)
		assert.Contains(now, condition.Message, "PersistentVolumeClaim "+name+" as disk root")
	})
	f.WaitIdle()
	assert.Equal(t, name, claim())

	f.Create(builder.Disk(f.Namespace, "restored", builder.Adopting(name)))
	f.editDisks(vm, func([]v1alpha1.VMDisk) []v1alpha1.VMDisk {
		return []v1alpha1.VMDisk{builder.DiskReference("root", "restored")}
	})
	f.setPower(vm, v1alpha1.PowerRunning)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitAttached(vm, "root")
	assert.Equal(t, name, claim())
}

// Fault C.4: KubeVirt 1.7 without the feature gate ExpandDisks lets a claim grow and shows its guest nothing of it.
func TestGrowthThatKubeVirtDoesNotShowItsGuest(t *testing.T) {
	f, vm := startRunning(t)
	seen := testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		require.NotNil(now, current.Status.Disks[0].GuestSize)
	}).Status.Disks[0].GuestSize
	f.Until(func() bool { return testkit.Read(f, "web-root", &v1alpha1.WukongDisk{}).Status.GuestSize != nil })
	kubevirt := &kubevirtv1.KubeVirt{ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "kubevirt"}}
	f.Create(kubevirt)
	t.Cleanup(func() { _ = f.Client.Delete(context.Background(), kubevirt) })
	kubevirt.Status.ObservedKubeVirtVersion = "v1.7.0"
	f.SetStatus(kubevirt)

	before := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{})
	instance := before.DeepCopy()
	claim := instance.Status.VolumeStatus[0].PersistentVolumeClaimInfo
	room := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("100Gi")}
	claim.Requests, claim.Capacity = room, room
	// KubeVirt's kinds have no subresource for the status.
	require.NoError(t, f.Client.Patch(t.Context(), instance, client.MergeFrom(before)))
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		assert.Contains(now, current.Status.Disks[0].Message, "feature gate ExpandDisks is off")
		assert.Equal(now, seen.String(), current.Status.Disks[0].GuestSize.String())
	})
	f.Patch(kubevirt, `{"spec":{"configuration":{"developerConfiguration":{"featureGates":["ExpandDisks"]}}}}`)
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		assert.Empty(now, current.Status.Disks[0].Message)
		assert.Equal(now, "100Gi", current.Status.Disks[0].GuestSize.String())
	})
}
