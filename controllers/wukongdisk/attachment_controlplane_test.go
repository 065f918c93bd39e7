//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func (f disks) waitHeldBy(disk *v1alpha1.WukongDisk, vm string) {
	f.Helper()
	f.Until(func() bool { return testkit.Read(f, disk.Name, &v1alpha1.WukongDisk{}).Status.AttachedTo == vm },
		"disk %s does not come to machine %q", disk.Name, vm)
}

// report is what a machine's controller says of the disks that its instance has.
func (f disks) report(vm *v1alpha1.WukongVM, disks ...string) {
	f.Helper()
	current := testkit.Read(f, vm.Name, &v1alpha1.WukongVM{})
	current.Status.Disks = nil
	for _, disk := range disks {
		current.Status.Disks = append(current.Status.Disks,
			v1alpha1.VMDiskStatus{Name: disk, DiskName: disk, ClaimName: disk})
	}
	f.SetStatus(current)
}

// Contract 7: of two machines one gets the disk, and the other only when the first has let go: not by its spec, and not
// by its own end, while its guest still shuts down.
func TestContract7OneMachineAtATime(t *testing.T) {
	f, manager := start(t)
	disk, web, api := f.newDisk("root"), f.newVM("web", "root"), f.newVM("api", "root")
	f.Create(web)
	f.Create(disk)
	f.waitHeldBy(disk, "web")
	f.fill(disk)
	f.waitReady(disk)
	f.Create(api)
	instance := &kubevirtv1.VirtualMachineInstance{ObjectMeta: metav1.ObjectMeta{
		Namespace: f.Namespace, Name: "web",
		Labels: map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue},
	}}
	f.Create(instance)
	f.report(web, "root")
	f.WaitIdle()
	assert.Equal(t, "web", testkit.Read(f, "root", &v1alpha1.WukongDisk{}).Status.AttachedTo)
	assert.Equal(t, 2, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: "wukongdisks/status"}],
		"the holder comes with the claim's name, in the same write")

	f.Patch(web, `{"spec":{"disks":null}}`)
	f.WaitIdle()
	assert.Equal(t, "web", testkit.Read(f, "root", &v1alpha1.WukongDisk{}).Status.AttachedTo,
		"its instance has the disk still")
	f.Remove(web)
	f.WaitIdle()
	assert.Equal(t, "web", testkit.Read(f, "root", &v1alpha1.WukongDisk{}).Status.AttachedTo, "its guest shuts down")
	f.Remove(instance)
	f.waitHeldBy(disk, "api")

	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(1)
	assert.Zero(t, second.Writes.Total(), second.Writes)
}

// A machine that lets go of a disk, by its own report, gives it to the next, and none keeps it then.
func TestDetachedDiskIsFree(t *testing.T) {
	f, _ := start(t)
	disk, web := f.newDisk("data"), f.newVM("web", "data")
	f.Create(disk, web)
	f.waitHeldBy(disk, "web")
	f.report(web, "data")
	f.Patch(web, `{"spec":{"disks":null}}`)
	f.Remove(disk)
	testkit.Wait(f, disk, metav1.ConditionFalse, v1alpha1.ReasonInUse, "used by WukongVM web")
	f.report(web)
	f.WaitGone(disk)
}

func TestSharedDiskHasNoHolder(t *testing.T) {
	f, _ := start(t)
	disk := f.newDisk("data", builder.Shared)
	f.Create(disk, f.newVM("web", "data"), f.newVM("api", "data"))
	f.fill(disk)
	f.waitReady(disk)
	f.WaitIdle()
	assert.Empty(t, testkit.Read(f, "data", &v1alpha1.WukongDisk{}).Status.AttachedTo)
	assert.ErrorContains(t, f.Client.Create(t.Context(), f.newDisk("once", func(spec *v1alpha1.WukongDiskSpec) {
		spec.Shared, spec.AccessModes = ptr.To(true), []v1alpha1.AccessMode{"ReadWriteOnce"}
	})), "a shared disk needs ReadWriteMany")
}
