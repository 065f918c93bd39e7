package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestFileSystemsAreNamedByTheDisksOfSpec(t *testing.T) {
	vm := &v1alpha1.WukongVM{Spec: v1alpha1.WukongVMSpec{Disks: []v1alpha1.VMDisk{{Name: "root"}, {Name: "data", Serial: "S1"}}}}
	result := (&observation{}).fileSystemStatus(vm, &kubevirtv1.VirtualMachineInstanceFileSystemList{Items: []kubevirtv1.VirtualMachineInstanceFileSystem{
		{DiskName: "vdb", MountPoint: "/srv", FileSystemType: "xfs", UsedBytes: 1, TotalBytes: 5 << 30, Disk: []kubevirtv1.VirtualMachineInstanceFileSystemDisk{
			{Serial: "S1"}, {Serial: "S1"}, {Serial: "other"}, {Serial: "root"},
		}},
		{DiskName: "vda1", MountPoint: "/", FileSystemType: "ext4", TotalBytes: 3 << 30, Disk: []kubevirtv1.VirtualMachineInstanceFileSystemDisk{{Serial: "root"}}},
		{DiskName: "vda1", MountPoint: "/", FileSystemType: "ext4", TotalBytes: 3 << 30},
		{DiskName: "vdc"},
	}})
	require.Len(t, result, 2)
	assert.Equal(t, "/", result[0].MountPoint)
	assert.Equal(t, []string{"root"}, result[0].Disks)
	assert.Equal(t, "3Gi", result[0].Capacity.String())
	assert.Equal(t, "/srv", result[1].MountPoint)
	assert.Equal(t, []string{"data", "root"}, result[1].Disks, "a volume group may lie on several")
}

func TestFileSystemsAreReadSoonAfterTheAgentConnectedAndSeldomLater(t *testing.T) {
	now := time.Now()
	vm, observed := withData()
	run(vm, observed)
	assert.Zero(t, observed.fileSystemsAfter(vm, now), "no agent, no question")
	observed.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue}}
	assert.Equal(t, fileSystemsSoon, observed.fileSystemsAfter(vm, now))
	vm.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionGuestAgentConnected, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-time.Hour)),
	}}
	assert.Equal(t, fileSystemsPeriod, observed.fileSystemsAfter(vm, now), "a guest that reports none is not asked all the time")
	vm.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now)
	assert.Equal(t, fileSystemsSoon, observed.fileSystemsAfter(vm, now))
	observed.fileSystems = []v1alpha1.GuestFileSystem{{MountPoint: "/"}}
	assert.Equal(t, fileSystemsPeriod, observed.fileSystemsAfter(vm, now))
}
