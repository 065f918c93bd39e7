package wukongvm

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Fault C.4: with KubeVirt's feature gates as they come, disks stay Attaching or Detaching without a word.
func TestADiskThatKubeVirtDoesNotPlugSaysSo(t *testing.T) {
	vm, observed := withData()
	listed := vm.Spec.Disks
	vm.Spec.Disks = listed[:2]
	run(vm, observed)
	vm.Spec.Disks = listed
	assert.False(t, observed.awaitsPlug())
	observed.Machine = desiredMachine(vm, observed)
	assert.True(t, observed.awaitsPlug())
	observed.gatesOff.plugs = true
	list := diskStatus(vm, observed)
	assert.Equal(t, v1alpha1.DiskAttaching, list[2].Attachment)
	assert.Equal(t, plugsOffMessage, list[2].Message)

	vm, observed = withData()
	runPlugged(vm, observed)
	vm.Spec.Disks = vm.Spec.Disks[:2]
	observed.Machine = desiredMachine(vm, observed)
	assert.True(t, observed.awaitsPlug())
	observed.gatesOff.plugs = true
	list = diskStatus(vm, observed)
	assert.Equal(t, plugsOffMessage, list[2].Message)
}

func TestGrowthThatTheGuestDoesNotSeeIsTold(t *testing.T) {
	overhead := kubevirtv1.Percent("0.055")
	grown := func(mode corev1.PersistentVolumeMode) (*v1alpha1.WukongVM, *observation) {
		vm, observed := withData()
		run(vm, observed)
		observed.disks["data"].Status.GuestSize = ptr.To(resource.MustParse("512Mi"))
		room := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}
		for i := range observed.Instance.Status.VolumeStatus {
			if status := &observed.Instance.Status.VolumeStatus[i]; status.Name == "data" {
				status.PersistentVolumeClaimInfo.Requests, status.PersistentVolumeClaimInfo.Capacity = room, room
				status.PersistentVolumeClaimInfo.VolumeMode, status.PersistentVolumeClaimInfo.FilesystemOverhead = &mode, &overhead
			}
		}
		return vm, observed
	}
	vm, observed := grown(corev1.PersistentVolumeFilesystem)
	assert.True(t, observed.awaitsGrowth(vm))
	assert.Equal(t, "1935Mi", diskStatus(vm, observed)[2].GuestSize.String(), "the gate is on")
	observed.gatesOff.grows = true
	status := diskStatus(vm, observed)[2]
	assert.Equal(t, "512Mi", status.GuestSize.String())
	assert.Equal(t, growsOffMessage, status.Message)

	vm, observed = grown(corev1.PersistentVolumeBlock)
	observed.gatesOff.grows = true
	status = diskStatus(vm, observed)[2]
	assert.Equal(t, "2Gi", status.GuestSize.String(), "the guest has just started, and sees the device as it is")
	assert.Empty(t, status.Message)
	vm.Status.Disks = []v1alpha1.VMDiskStatus{{Name: "data", DiskName: "data", GuestSize: ptr.To(resource.MustParse("1Gi"))}}
	assert.True(t, observed.awaitsGrowth(vm))
	status = diskStatus(vm, observed)[2]
	assert.Equal(t, "1Gi", status.GuestSize.String())
	assert.Equal(t, growsOffMessage, status.Message)
}

// What a cluster needs is in one table.
func TestTheGatesAreInTheTableOfDisks(t *testing.T) {
	text, err := os.ReadFile("../../docs/disks.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| feature gate |")
	require.True(t, found)
	for _, gate := range []string{virt.GateDeclarative, virt.GateImperative, virt.GateExpand} {
		assert.Contains(t, table, "`"+gate+"`")
	}
}
