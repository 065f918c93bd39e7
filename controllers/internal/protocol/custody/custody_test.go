package custody

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func diskWith(options ...func(*v1alpha1.WukongDisk)) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", "root")
	for _, option := range options {
		option(disk)
	}
	return disk
}

func attachedTo(name string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = name }
}

func shared(disk *v1alpha1.WukongDisk) { disk.Spec.Shared = ptr.To(true) }

func deleted(disk *v1alpha1.WukongDisk) { disk.DeletionTimestamp = ptr.To(metav1.Now()) }

// vm lists the disk root.
func vm(name string, options ...func(*v1alpha1.WukongVM)) v1alpha1.WukongVM {
	result := builder.VM("shop", name, builder.Attached("root"))
	for _, option := range options {
		option(result)
	}
	return *result
}

func bornAt(second int64) func(*v1alpha1.WukongVM) {
	return func(vm *v1alpha1.WukongVM) { vm.CreationTimestamp = metav1.NewTime(time.Unix(second, 0)) }
}

func ending(vm *v1alpha1.WukongVM) { vm.DeletionTimestamp = ptr.To(metav1.Now()) }

// detaching: the WukongVM still has the disk, and no longer lists it.
func detaching(vm *v1alpha1.WukongVM) {
	vm.Spec.Disks, vm.Status.Disks = nil, []v1alpha1.VMDiskStatus{{Name: "root", DiskName: "root"}}
}

func TestWhoMayUseADisk(t *testing.T) {
	left := instanceWith(kubevirtv1.Running)
	tests := map[string]struct {
		disk     *v1alpha1.WukongDisk
		vms      []v1alpha1.WukongVM
		left     bool
		expected string
	}{
		"nobody lists it": {diskWith(), nil, false, ""},
		"the oldest": {diskWith(),
			[]v1alpha1.WukongVM{vm("a", bornAt(2)), vm("b", bornAt(1))}, false, "b"},
		"of the same age, by name": {diskWith(), []v1alpha1.WukongVM{vm("b"), vm("a")}, false, "a"},
		"not one that is being deleted": {diskWith(),
			[]v1alpha1.WukongVM{vm("a", bornAt(2)), vm("b", bornAt(1), ending)}, false, "a"},
		"not one that only releases it": {diskWith(),
			[]v1alpha1.WukongVM{vm("a", bornAt(1), detaching), vm("b", bornAt(2))}, false, "b"},

		"the one that has it, though an older one came": {diskWith(attachedTo("a")),
			[]v1alpha1.WukongVM{vm("a", bornAt(2)), vm("b", bornAt(1))}, false, "a"},
		"the one that has it, until it has released it": {diskWith(attachedTo("a")),
			[]v1alpha1.WukongVM{vm("a", detaching), vm("b")}, false, "a"},
		"the one that has it, until it is gone": {diskWith(attachedTo("a")),
			[]v1alpha1.WukongVM{vm("a", ending), vm("b")}, false, "a"},
		"the one that has it, until its guest is down": {diskWith(attachedTo("a")),
			[]v1alpha1.WukongVM{vm("b")}, true, "a"},
		"another, when that one is gone": {diskWith(attachedTo("a")),
			[]v1alpha1.WukongVM{vm("b")}, false, "b"},
		"nobody, when that one is gone": {diskWith(attachedTo("a")), nil, false, ""},

		"shared": {diskWith(shared, attachedTo("a")),
			[]v1alpha1.WukongVM{vm("a"), vm("b")}, false, ""},
		"nobody new while it is deleted": {diskWith(deleted), []v1alpha1.WukongVM{vm("a")}, false, ""},
		"the one that has it, while deleted": {diskWith(deleted, attachedTo("a")),
			[]v1alpha1.WukongVM{vm("a"), vm("b")}, false, "a"},
		"nobody next while the disk is deleted": {diskWith(deleted, attachedTo("a")),
			[]v1alpha1.WukongVM{vm("b")}, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := Inputs{Disk: test.disk, VMs: test.vms}
			if test.left {
				in.Left = left
			}
			assert.Equal(t, test.expected, in.AttachedTo())
		})
	}
	assert.True(t, Inputs{Disk: diskWith(attachedTo("a")), VMs: []v1alpha1.WukongVM{vm("b")}}.LostSight())
	assert.False(t, Inputs{Disk: diskWith(attachedTo("a")), VMs: []v1alpha1.WukongVM{vm("a", detaching)}}.LostSight())
	assert.False(t, Inputs{Disk: diskWith()}.LostSight())
}

func TestUsers(t *testing.T) {
	in := Inputs{Disk: diskWith(), VMs: []v1alpha1.WukongVM{vm("web"), vm("api", detaching), vm("old", ending)}}
	assert.Empty(t, in.Users(""), "none has it")
	assert.Equal(t, []string{"WukongVM api"}, in.Users("api"))
	assert.Empty(t, in.Users("old"), "the WukongVM is being deleted itself")
	in.Disk = diskWith(shared)
	assert.Equal(t, []string{"WukongVM api", "WukongVM web"}, in.Users(""))
	left := &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	in = Inputs{Disk: diskWith(), Left: left}
	assert.Equal(t, []string{"VirtualMachine web"}, in.Users("web"))
	left.DeletionTimestamp = ptr.To(metav1.Now())
	assert.Empty(t, in.Users("web"))
}

func instanceWith(phase kubevirtv1.VirtualMachineInstancePhase, claims ...string) *kubevirtv1.VirtualMachineInstance {
	instance := keeptest.Object(&kubevirtv1.VirtualMachineInstance{}, KeepInstance)
	instance.Name = "web"
	instance.Status.Phase = phase
	for _, claim := range claims {
		instance.Status.VolumeStatus = append(instance.Status.VolumeStatus, kubevirtv1.VolumeStatus{
			Name: claim, PersistentVolumeClaimInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: claim},
		})
	}
	return instance
}

func volumes(claims ...string) []kubevirtv1.Volume {
	var list []kubevirtv1.Volume
	for _, claim := range claims {
		list = append(list, kubevirtv1.Volume{
			VolumeSource: kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: claim}}})
	}
	return list
}

func virtualMachineWith(name string, claims ...string) *kubevirtv1.VirtualMachine {
	virtualMachine := &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Name: name}}
	virtualMachine.Spec.Template = &kubevirtv1.VirtualMachineInstanceTemplateSpec{}
	virtualMachine.Spec.Template.Spec.Volumes = volumes(claims...)
	return virtualMachine
}

func TestInstanceHasClaim(t *testing.T) {
	assert.False(t, InstanceHasClaim(nil, "root"))
	assert.True(t, InstanceHasClaim(instanceWith(kubevirtv1.Running, "data", "root"), "root"))
	assert.False(t, InstanceHasClaim(instanceWith(kubevirtv1.Running, "data"), "root"))
	assert.True(t, InstanceHasClaim(instanceWith(kubevirtv1.Scheduling), "root"), "KubeVirt has not said yet")
	assert.False(t, InstanceHasClaim(instanceWith(kubevirtv1.Failed, "root"), "root"), "its guest writes no more")
	planned := instanceWith(kubevirtv1.Running, "data")
	planned.Spec.Volumes = volumes("root")
	assert.True(t, InstanceHasClaim(planned, "root"), "it is to have it")
}

// Fault C.1: what a deleted WukongVM left behind keeps the disk.
func TestRemains(t *testing.T) {
	disk := diskWith(func(disk *v1alpha1.WukongDisk) { disk.Status.ClaimName = "root" })
	assert.Nil(t, Remains(disk, nil, nil))
	assert.NotNil(t, Remains(disk, virtualMachineWith("web", "root"), nil), "it may start any time")
	assert.Nil(t, Remains(disk, virtualMachineWith("web", "data"), nil))
	ends := virtualMachineWith("web", "root")
	ends.DeletionTimestamp = ptr.To(metav1.Now())
	assert.Nil(t, Remains(disk, ends, nil))
	assert.NotNil(t, Remains(disk, ends, instanceWith(kubevirtv1.Running, "root")), "its guest shuts down")
	disk.Status.Move = &v1alpha1.DiskMove{TargetClaimName: "root-2"}
	assert.NotNil(t, Remains(disk, virtualMachineWith("web", "root-2"), nil), "it may have moved")
}

func TestOutsideUser(t *testing.T) {
	ours := func(virtualMachine *kubevirtv1.VirtualMachine) kubevirtv1.VirtualMachine {
		virtualMachine.Labels = map[string]string{v1alpha1.LabelManagedBy: "wukong"}
		return *virtualMachine
	}
	user := func(instances []kubevirtv1.VirtualMachineInstance, virtualMachines ...kubevirtv1.VirtualMachine) string {
		return OutsideUser("root", "web", instances, virtualMachines)
	}
	assert.Empty(t, user(nil))
	assert.Empty(t, user(nil, ours(virtualMachineWith("web", "root"))), "it is the WukongVM's own")
	assert.Equal(t, "VirtualMachine other",
		user(nil, ours(virtualMachineWith("web", "root")), ours(virtualMachineWith("other", "root"))))
	assert.Equal(t, "VirtualMachine web", user(nil, *virtualMachineWith("web", "root")), "somebody made it by hand")
	assert.Empty(t, user(nil, *virtualMachineWith("foreign", "data")))
	runs := instanceWith(kubevirtv1.Running)
	runs.Name, runs.Spec.Volumes = "foreign", volumes("root")
	assert.Equal(t, "VirtualMachineInstance foreign", user([]kubevirtv1.VirtualMachineInstance{*runs}))
	runs.Status.Phase = kubevirtv1.Succeeded
	assert.Empty(t, user([]kubevirtv1.VirtualMachineInstance{*runs}))
}

func TestGuestSize(t *testing.T) {
	reporting := func(vm *v1alpha1.WukongVM) {
		vm.Status.Disks = []v1alpha1.VMDiskStatus{{DiskName: "other"},
			{DiskName: "root", GuestSize: ptr.To(resource.MustParse("2Gi"))}}
	}
	vms := []v1alpha1.WukongVM{vm("old"), vm("web", reporting)}
	sawOnce := func(name string) *v1alpha1.WukongDisk {
		return diskWith(attachedTo(name),
			func(disk *v1alpha1.WukongDisk) { disk.Status.GuestSize = ptr.To(resource.MustParse("1Gi")) })
	}
	size := func(disk *v1alpha1.WukongDisk, name string) *resource.Quantity {
		return Inputs{Disk: disk, VMs: vms}.GuestSize(name)
	}
	assert.Equal(t, "2Gi", size(diskWith(), "web").String())
	assert.Equal(t, "2Gi", size(sawOnce("web"), "web").String(), "it has grown")
	assert.Equal(t, "1Gi", size(sawOnce("old"), "old").String(), "it is stopped")
	assert.Nil(t, size(sawOnce("web"), "old"), "its new WukongVM has not run yet")
	assert.Nil(t, size(sawOnce("web"), ""), "it is detached")
}

// Of two disks that adopt one claim the older comes first. Within the same second, the one that has the claim keeps
// it.
func TestWhoOwnsAClaim(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	disk := func(uid types.UID, second int, claim string, options ...builder.DiskOption) *v1alpha1.WukongDisk {
		result := builder.Disk("shop", string(uid),
			append([]builder.DiskOption{builder.Adopting("found")}, options...)...)
		result.UID, result.CreationTimestamp = uid, metav1.NewTime(noon.Add(time.Duration(second)*time.Second))
		result.Status.ClaimName = claim
		return result
	}
	for name, test := range map[string]struct{ first, second *v1alpha1.WukongDisk }{
		"the older":                              {disk("b", 0, ""), disk("a", 1, "")},
		"the older, though the other has it":     {disk("b", 0, ""), disk("a", 1, "found")},
		"of one second, the one that has it":     {disk("b", 0, "found"), disk("a", 0, "")},
		"of one second, alike for all who look":  {disk("a", 0, ""), disk("b", 0, "")},
		"of one second, when both believe to be": {disk("a", 0, "found"), disk("b", 0, "found")},
	} {
		t.Run(name, func(t *testing.T) {
			all := []v1alpha1.WukongDisk{*test.first, *test.second}
			assert.Empty(t, ClaimOwner(test.first, all))
			assert.Equal(t, test.first.Name, ClaimOwner(test.second, all))
		})
	}
	readOnly := func(spec *v1alpha1.WukongDiskSpec) { spec.Source.PersistentVolumeClaim.ReadOnly = ptr.To(true) }
	reader, late := disk("a", 0, "found", readOnly), disk("b", 1, "", readOnly)
	assert.Empty(t, ClaimOwner(late, []v1alpha1.WukongDisk{*reader}), "both only read")
	maker := builder.Disk("shop", "maker")
	maker.UID, maker.CreationTimestamp, maker.Status.ClaimName = "c", metav1.NewTime(noon.Add(time.Hour)), "found"
	assert.Equal(t, "maker", ClaimOwner(disk("a", 0, "found"), []v1alpha1.WukongDisk{*maker}),
		"it made the claim, whenever that was")
}
