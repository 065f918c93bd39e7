package disks

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

func TestGuestSizeIsWhatKubeVirtMakesOfAClaim(t *testing.T) {
	block := corev1.PersistentVolumeBlock
	claim := func(request, capacity, overhead string,
		mode *corev1.PersistentVolumeMode) *kubevirtv1.PersistentVolumeClaimInfo {
		return &kubevirtv1.PersistentVolumeClaimInfo{
			Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(request)},
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)}, VolumeMode: mode,
			FilesystemOverhead: ptr.To(kubevirtv1.Percent(overhead)),
		}
	}
	assert.Equal(t, int64(537919488), guestSize(claim("543Mi", "543Mi", "0.055", nil)).Value(),
		"as lsblk says in a guest")
	assert.Equal(t, int64(268435456), guestSize(claim("284058684", "277404Ki", "0.055", nil)).Value())
	assert.Equal(t, int64(1<<30), guestSize(claim("2Gi", "1Gi", "0.055", &block)).Value(),
		"not yet grown, and no file system")
	assert.Nil(t, guestSize(nil))
	assert.Nil(t, guestSize(claim("1Gi", "1Gi", "much", nil)))
}

// Fault C.4: with KubeVirt's default feature gates, disks remain Attaching or Detaching without a reason.
func TestADiskThatKubeVirtDoesNotPlugSaysSo(t *testing.T) {
	in := withData()
	listed := in.VM.Spec.Disks
	in.VM.Spec.Disks = listed[:2]
	run(in)
	in.VM.Spec.Disks = listed
	assert.False(t, in.awaitsPlug())
	write(in)
	assert.True(t, in.awaitsPlug())
	list := Report{Inputs: *in, Written: true, Off: GatesOff{Plugs: true}}.Status()
	assert.Equal(t, v1alpha1.DiskAttaching, list[2].Attachment)
	assert.Equal(t, plugsOffMessage, list[2].Message)

	in = withData()
	runPlugged(in)
	in.VM.Spec.Disks = in.VM.Spec.Disks[:2]
	write(in)
	assert.True(t, in.awaitsPlug())
	list = Report{Inputs: *in, Written: true, Off: GatesOff{Plugs: true}}.Status()
	assert.Equal(t, plugsOffMessage, list[2].Message)
}

func TestGrowthThatTheGuestDoesNotSeeIsTold(t *testing.T) {
	overhead := kubevirtv1.Percent("0.055")
	grown := func(mode corev1.PersistentVolumeMode) *Inputs {
		in := withData()
		run(in)
		in.Disks["data"].Status.GuestSize = ptr.To(resource.MustParse("512Mi"))
		room := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}
		for i := range in.Instance.Status.VolumeStatus {
			if status := &in.Instance.Status.VolumeStatus[i]; status.Name == "data" {
				claim := status.PersistentVolumeClaimInfo
				claim.Requests, claim.Capacity = room, room
				claim.VolumeMode, claim.FilesystemOverhead = &mode, &overhead
			}
		}
		return in
	}
	in := grown(corev1.PersistentVolumeFilesystem)
	assert.True(t, in.awaitsGrowth())
	assert.Equal(t, "1935Mi", report(in)[2].GuestSize.String(), "the gate is on")
	off := func() v1alpha1.VMDiskStatus {
		return Report{Inputs: *in, Written: true, Off: GatesOff{Grows: true}}.Status()[2]
	}
	status := off()
	assert.Equal(t, "512Mi", status.GuestSize.String())
	assert.Equal(t, growsOffMessage, status.Message)

	in = grown(corev1.PersistentVolumeBlock)
	status = off()
	assert.Equal(t, "2Gi", status.GuestSize.String(), "the guest has just started, and sees the device as it is")
	assert.Empty(t, status.Message)
	in.VM.Status.Disks = []v1alpha1.VMDiskStatus{
		{Name: "data", DiskName: "data", GuestSize: ptr.To(resource.MustParse("1Gi"))}}
	assert.True(t, in.awaitsGrowth())
	status = off()
	assert.Equal(t, "1Gi", status.GuestSize.String())
	assert.Equal(t, growsOffMessage, status.Message)
}

// One table lists what a cluster needs.
func TestTheGatesAreInTheTableOfDisks(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/disks.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| feature gate |")
	require.True(t, found)
	for _, gate := range []string{virt.GateDeclarative, virt.GateImperative, virt.GateExpand} {
		assert.Contains(t, table, "`"+gate+"`")
	}
}
