package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

func TestWhichDisksComeAndGoWhileTheMachineRuns(t *testing.T) {
	in := withData()
	plugged := func() []string {
		var names []string
		_, volumes := in.Storage("web-cloudinit")
		for i := range volumes {
			if virt.IsHotpluggable(&volumes[i]) {
				names = append(names, volumes[i].Name)
			}
		}
		return names
	}
	assert.Empty(t, plugged(), "the launcher pod of a new machine has all its disks")
	run(in)
	assert.Empty(t, plugged())

	listed := in.VM.Spec.Disks
	in.VM.Spec.Disks = listed[:2]
	in.Instance = nil
	run(in)
	in.VM.Spec.Disks = listed
	assert.Equal(t, []string{"data"}, plugged(), "a machine that runs can take it only so")
	run(in)
	assert.Equal(t, []string{"data"}, plugged(), "what the machine has stays as it is")

	in.Instance = nil
	assert.Equal(t, []string{"data"}, plugged(), "it may start any moment")
	in.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	assert.Empty(t, plugged(), "its next launcher pod has it")
	in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Succeeded},
	}, virt.KeepInstance)
	assert.Equal(t, []string{"data"}, plugged(), "it has not ended altogether")
}

// A VirtualMachine that was halted when it was read may run when it is written, and its launcher pod would not have
// the disk.
func TestADiskForTheNextStartIsWrittenOverTheMachineThatWasRead(t *testing.T) {
	in := withData()
	lock := func() string {
		_, volumes := in.Storage("web-cloudinit")
		return in.Lock(volumes)
	}
	assert.Empty(t, lock(), "a new machine has nothing to be written over")
	run(in)
	in.Instance, in.Machine.ResourceVersion = nil, "7"
	assert.Empty(t, lock(), "a machine that has its disks")

	listed := in.VM.Spec.Disks
	in.VM.Spec.Disks = listed[:2]
	run(in)
	in.Machine.ResourceVersion = "7"
	in.VM.Spec.Disks = listed
	assert.Empty(t, lock(), "a running machine gets the disk plugged in")
	in.Instance = nil
	in.Machine.Spec.RunStrategy = ptr.To(kubevirtv1.RunStrategyHalted)
	assert.Equal(t, "7", lock())
}

func TestADiskThatNothingIsKnownOfStaysInARunningMachine(t *testing.T) {
	in := withData()
	run(in)
	in.Disks["data"] = nil
	assert.Contains(t, volumeNames(in), "data", "the guest must not lose its disk because we do")
	in.Disks["data"] = &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{ClaimName: "data", AttachedTo: "db"}}
	assert.NotContains(t, volumeNames(in), "data", "but two guests must never write to it")
}

func TestCDROM(t *testing.T) {
	in := withData()
	in.VM.Spec.Disks = append(in.VM.Spec.Disks,
		v1alpha1.VMDisk{Name: "cd", Type: v1alpha1.DiskTypeCDROM, Bus: "virtio"})
	disks, volumes := in.Storage("web-cloudinit")
	assert.Equal(t, kubevirtv1.DiskBusSATA, disks[3].CDRom.Bus)
	assert.Len(t, volumes, 4, "an empty drive has no volume")

	in.VM.Spec.Disks[3].DiskRef, in.VM.Spec.Disks[2].DiskRef = in.VM.Spec.Disks[2].DiskRef,
		&v1alpha1.LocalObjectReference{Name: "none"}
	in.VM.Spec.Disks[3].Boot = ptr.To(true)
	disks, volumes = in.Storage("web-cloudinit")
	assert.Equal(t, uint(1), *disks[2].BootOrder, "it boots from the medium")
	assert.Equal(t, uint(2), *disks[0].BootOrder, "and without one from the first disk")
	assert.True(t, volumes[2].DataVolume.Hotpluggable, "the medium can be taken out")
}

func TestSharedAndReadOnlyDisks(t *testing.T) {
	disk := &v1alpha1.WukongDisk{Spec: v1alpha1.WukongDiskSpec{Shared: ptr.To(true)}}
	assert.True(t, *device(&v1alpha1.VMDisk{Name: "a"}, disk, "a").Shareable)
	disk = &v1alpha1.WukongDisk{Spec: v1alpha1.WukongDiskSpec{Source: &v1alpha1.WukongDiskSource{
		PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "legacy", ReadOnly: ptr.To(true)},
	}}}
	assert.True(t, device(&v1alpha1.VMDisk{Name: "a"}, disk, "a").Disk.ReadOnly, "who owns the claim decides")
}

// Fault C.3: a restored disk is no change that waits for a restart.
func TestARestoredDiskOfARunningMachineIsNotOneThatLeaves(t *testing.T) {
	in := withData()
	run(in)
	const claim = "restore-2de97946-1027-4a33-b5f1-c40adf7dcf75-data"
	in.Machine.Spec.Template.Spec.Volumes[2].DataVolume.Name = claim
	in.Instance.Spec.Volumes[2].DataVolume.Name = claim
	assert.Empty(t, in.Kept())
	assert.Equal(t, []string{"root", "archive", "data", CloudInit}, volumeNames(in))
	_, volumes := in.Storage("web-cloudinit")
	assert.Equal(t, claim, virt.ClaimOf(&volumes[2]))
	assert.Equal(t, v1alpha1.ReasonForeignVolume, in.Problem().Reason)
}

// KubeVirt would migrate a replaced disk, too, and overwrite it.
func TestADiskIsNotReplacedWhileAnotherMoves(t *testing.T) {
	in := withData()
	runPlugged(in)
	in.Disks["data"].Status.ClaimName = "another"
	claims := func() []string {
		var claims []string
		_, volumes := in.Storage("web-cloudinit")
		for i := range volumes {
			claims = append(claims, virt.ClaimOf(&volumes[i]))
		}
		return claims
	}
	assert.Contains(t, claims(), "another")
	in.Disks["web-root"].Status.Move = &v1alpha1.DiskMove{
		TargetClaimName: "web-root-2", Method: v1alpha1.MoveLive, Phase: v1alpha1.MoveMigrating,
	}
	decideMoves(in)
	assert.Contains(t, claims(), "web-root-2", "it moves")
	assert.Contains(t, claims(), "data")
	assert.NotContains(t, claims(), "another")
}
