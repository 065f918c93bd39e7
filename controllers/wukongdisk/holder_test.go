package wukongdisk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
)

func heldBy(name string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Status.AttachedTo = name }
}

func shared(disk *v1alpha1.WukongDisk) { disk.Spec.Shared = ptr.To(true) }

func TestHolder(t *testing.T) {
	tests := map[string]struct {
		disk     *v1alpha1.WukongDisk
		machines []v1alpha1.WukongVM
		remains  bool
		expected string
	}{
		"nobody lists it":               {diskWith(), nil, false, ""},
		"the oldest":                    {diskWith(), []v1alpha1.WukongVM{machine("a", bornAt(2)), machine("b", bornAt(1))}, false, "b"},
		"of the same age, by name":      {diskWith(), []v1alpha1.WukongVM{machine("b"), machine("a")}, false, "a"},
		"not one that is being deleted": {diskWith(), []v1alpha1.WukongVM{machine("a", bornAt(2)), machine("b", bornAt(1), ending)}, false, "a"},
		"not one that only lets go of it": {
			diskWith(), []v1alpha1.WukongVM{machine("a", bornAt(1), detaching), machine("b", bornAt(2))}, false, "b"},

		"the holder, though an older one came": {diskWith(heldBy("a")), []v1alpha1.WukongVM{machine("a", bornAt(2)), machine("b", bornAt(1))}, false, "a"},
		"the holder, until it has let go":      {diskWith(heldBy("a")), []v1alpha1.WukongVM{machine("a", detaching), machine("b")}, false, "a"},
		"the holder, until it is gone":         {diskWith(heldBy("a")), []v1alpha1.WukongVM{machine("a", ending), machine("b")}, false, "a"},
		"the holder, until its guest is down":  {diskWith(heldBy("a")), []v1alpha1.WukongVM{machine("b")}, true, "a"},
		"another, when the holder is gone":     {diskWith(heldBy("a")), []v1alpha1.WukongVM{machine("b")}, false, "b"},
		"nobody, when the holder is gone":      {diskWith(heldBy("a")), nil, false, ""},

		"shared":                                {diskWith(shared, heldBy("a")), []v1alpha1.WukongVM{machine("a"), machine("b")}, false, ""},
		"nobody new while it is deleted":        {diskWith(deleted), []v1alpha1.WukongVM{machine("a")}, false, ""},
		"the holder, while it is deleted":       {diskWith(deleted, heldBy("a")), []v1alpha1.WukongVM{machine("a"), machine("b")}, false, "a"},
		"nobody next while the disk is deleted": {diskWith(deleted, heldBy("a")), []v1alpha1.WukongVM{machine("b")}, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.expected, holder(test.disk, test.machines, test.remains))
		})
	}
}

func TestUsers(t *testing.T) {
	machines := []v1alpha1.WukongVM{machine("web"), machine("api", detaching), machine("old", ending)}
	assert.Empty(t, users(diskWith(), &observation{machines: machines}), "none has it")
	assert.Equal(t, []string{"WukongVM api"}, users(diskWith(), &observation{machines: machines, holder: "api"}))
	assert.Empty(t, users(diskWith(), &observation{machines: machines, holder: "old"}), "the machine is being deleted itself")
	assert.Equal(t, []string{"WukongVM api", "WukongVM web"}, users(diskWith(shared), &observation{machines: machines}))
	left := &kubevirtv1.VirtualMachine{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	assert.Equal(t, []string{"VirtualMachine web"}, users(diskWith(), &observation{holder: "web", remains: left}))
	left.DeletionTimestamp = ptr.To(metav1.Now())
	assert.Empty(t, users(diskWith(), &observation{holder: "web", remains: left}))
}

func TestUses(t *testing.T) {
	byTemplate := machine("web", func(vm *v1alpha1.WukongVM) {
		vm.UID, vm.Spec.Disks = "1", []v1alpha1.VMDisk{{Name: "root", Template: &v1alpha1.DiskTemplate{}}}
	})
	stamped := diskWith(func(disk *v1alpha1.WukongDisk) { disk.Name = index.DiskName(&byTemplate, &byTemplate.Spec.Disks[0]) })
	assert.False(t, uses(&byTemplate, stamped), "somebody else made it")
	stamped.OwnerReferences = []metav1.OwnerReference{{Kind: "WukongVM", Name: "web", UID: "1", Controller: ptr.To(true)}}
	assert.True(t, uses(&byTemplate, stamped))
	listing, leaving := machine("web"), machine("web", detaching)
	assert.True(t, uses(&listing, diskWith()))
	assert.True(t, uses(&leaving, diskWith()))
}

func TestHasClaim(t *testing.T) {
	assert.False(t, hasClaim(nil, "root"))
	assert.True(t, hasClaim(instanceWith(kubevirtv1.Running, "data", "root"), "root"))
	assert.False(t, hasClaim(instanceWith(kubevirtv1.Running, "data"), "root"))
	assert.True(t, hasClaim(instanceWith(kubevirtv1.Scheduling), "root"), "KubeVirt has not said yet")
	assert.False(t, hasClaim(instanceWith(kubevirtv1.Failed, "root"), "root"), "its guest writes no more")
	planned := instanceWith(kubevirtv1.Running, "data")
	planned.Spec.Volumes = []kubevirtv1.Volume{{VolumeSource: kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: "root"}}}}
	assert.True(t, hasClaim(planned, "root"), "it is to have it")
}

func TestGuestSize(t *testing.T) {
	reporting := func(vm *v1alpha1.WukongVM) {
		vm.Status.Disks = []v1alpha1.VMDiskStatus{{DiskName: "other"}, {DiskName: "root", GuestSize: ptr.To(resource.MustParse("2Gi"))}}
	}
	machines := []v1alpha1.WukongVM{machine("old"), machine("web", reporting)}
	sawOnce := func(holder string) func(*v1alpha1.WukongDisk) {
		return func(disk *v1alpha1.WukongDisk) {
			disk.Status.AttachedTo, disk.Status.GuestSize = holder, ptr.To(resource.MustParse("1Gi"))
		}
	}
	assert.Equal(t, "2Gi", guestSize(diskWith(), &observation{machines: machines, holder: "web"}).String())
	assert.Equal(t, "2Gi", guestSize(diskWith(sawOnce("web")), &observation{machines: machines, holder: "web"}).String(), "it has grown")
	assert.Equal(t, "1Gi", guestSize(diskWith(sawOnce("old")), &observation{machines: machines, holder: "old"}).String(), "it is stopped")
	assert.Nil(t, guestSize(diskWith(sawOnce("web")), &observation{machines: machines, holder: "old"}), "its new machine has not run yet")
	assert.Nil(t, guestSize(diskWith(sawOnce("web")), &observation{machines: machines}), "it is detached")
}

func TestSharing(t *testing.T) {
	once := claimIn(corev1.ClaimBound)
	once.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	assert.Nil(t, sharing(diskWith(shared), claimIn(corev1.ClaimBound)))
	assert.Nil(t, sharing(diskWith(), once))
	found := sharing(diskWith(shared), once)
	assert.Equal(t, v1alpha1.ReasonInvalidSpec, found.reason)
	assert.Contains(t, found.message, "has [ReadWriteOnce]")
}
