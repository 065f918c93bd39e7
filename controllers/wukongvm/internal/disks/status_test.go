package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestDiskStatusTellsWhatTheMachineReallyHas(t *testing.T) {
	entry := func(in *Inputs, name string) *v1alpha1.VMDiskStatus {
		for _, disk := range report(in) {
			if disk.Name == name {
				return &disk
			}
		}
		return nil
	}
	in := withData()
	assert.Empty(t, entry(in, "data").Attachment, "a machine that does not run")
	run(in)
	assert.Equal(t, v1alpha1.DiskAttached, entry(in, "data").Attachment)
	assert.Equal(t, v1alpha1.DiskAttached, entry(in, "root").Attachment)

	t.Run("detaching", func(t *testing.T) {
		in := withData()
		runPlugged(in)
		in.VM.Spec.Disks = in.VM.Spec.Disks[:2]
		write(in)
		found := entry(in, "data")
		require.NotNil(t, found, "until the guest cannot write to it, it is this machine's")
		assert.Equal(t, v1alpha1.DiskDetaching, found.Attachment)
		assert.Equal(t, "data", found.DiskName)
		assert.Contains(t, found.Message, "the guest has not released the disk yet")
		for i := range in.Instance.Status.VolumeStatus {
			if status := &in.Instance.Status.VolumeStatus[i]; status.Name == "data" {
				status.Phase, status.Message = kubevirtv1.HotplugVolumeUnMounted, "unmounted from pod"
				assert.Equal(t, "unmounted from pod", entry(in, "data").Message,
					"the guest has released it, and KubeVirt's own words count")
			}
		}
		in.Instance.Spec.Volumes = in.Instance.Spec.Volumes[:2]
		assert.NotNil(t, entry(in, "data"), "KubeVirt still speaks of it")
		in.Instance.Status.VolumeStatus = in.Instance.Status.VolumeStatus[:2]
		assert.Nil(t, entry(in, "data"))
	})
	t.Run("the VirtualMachine could not be written", func(t *testing.T) {
		in := withData()
		run(in)
		in.Instance, in.VM.Spec.Disks = nil, in.VM.Spec.Disks[:2]
		assert.NotNil(t, entry(in, "data"), "it may start on the disk any time")
	})
	t.Run("replaced under its name", func(t *testing.T) {
		in := withData()
		runPlugged(in)
		in.VM.Spec.Disks[2].DiskRef = &v1alpha1.LocalObjectReference{Name: "other"}
		in.Disks["other"] = &v1alpha1.WukongDisk{
			Status: v1alpha1.WukongDiskStatus{ClaimName: "other", AttachedTo: "web"},
		}
		found := entry(in, "data")
		assert.Equal(t, "data", found.DiskName)
		assert.Equal(t, v1alpha1.DiskDetaching, found.Attachment)
		assert.Contains(t, found.Message, "WukongDisk other")
	})
	t.Run("moving", func(t *testing.T) {
		in := withData()
		run(in)
		in.Disks["data"].Status.Move = &v1alpha1.DiskMove{TargetClaimName: "data-2"}
		in.Instance.Spec.Volumes[2].DataVolume.Name = "data-2"
		in.Instance.Status.MigratedVolumes = []kubevirtv1.StorageMigratedVolumeInfo{{
			VolumeName: "data", SourcePVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: "data"},
		}}
		assert.Equal(t, "data", entry(in, "data").ClaimName, "KubeVirt names the target from the start")
		in.Instance.Status.MigratedVolumes = nil
		assert.Equal(t, "data-2", entry(in, "data").ClaimName)
	})
}

// Fault B.2: a pod that cannot bring a disk to the node is reported as the disk's cause.
func TestWhyADiskIsNotPluggedIn(t *testing.T) {
	in := withData()
	runPlugged(in)
	plugged := &in.Instance.Status.VolumeStatus[2]
	plugged.Phase, plugged.Message = kubevirtv1.HotplugVolumeAttachedToNode, "Created hotplug attachment pod"
	plugged.HotplugVolume = &kubevirtv1.HotplugVolumeStatus{AttachPodName: "hp-volume-abcde"}
	assert.Equal(t, []string{"hp-volume-abcde"}, in.PlugPods())
	assert.Equal(t, "Created hotplug attachment pod", report(in)[2].Message)
	failures := map[string]string{"hp-volume-abcde": "Pod hp-volume-abcde: 0/2 nodes are available"}
	found := Report{Inputs: *in, Written: true, PlugFailures: failures}.Status()[2]
	assert.Equal(t, v1alpha1.DiskAttaching, found.Attachment)
	assert.Equal(t, "Pod hp-volume-abcde: 0/2 nodes are available", found.Message)
}

// Fault C.6: an unrelated error ends no move, and does not block other changes of a running guest.
func TestAFaultOfSomethingElseEndsNoMove(t *testing.T) {
	in := withData()
	run(in)
	disk := in.Disks["data"]
	answer := func(phase v1alpha1.MovePhase, written bool) *v1alpha1.VMDiskMove {
		disk.Status.Move = &v1alpha1.DiskMove{TargetClaimName: "data-2", Method: v1alpha1.MoveLive, Phase: phase}
		decideMoves(in)
		return Report{Inputs: *in, Written: written}.Status()[2].Move
	}
	assert.Equal(t, v1alpha1.VMDiskMoveMigrating, answer(v1alpha1.MoveMigrating, true).State)
	assert.Nil(t, answer(v1alpha1.MoveMigrating, false), "the VirtualMachine was not given the new claim")
	assert.Nil(t, answer(v1alpha1.MoveCancelling, false), "nor was it taken off it")
	assert.Equal(t, v1alpha1.VMDiskMoveAccepted, answer(v1alpha1.MovePreparing, false).State, "it is a fact")

	in.VM.Status.Disks = []v1alpha1.VMDiskStatus{{
		DiskName: "data", Move: &v1alpha1.VMDiskMove{TargetClaimName: "data-2", State: v1alpha1.VMDiskMoveMigrating},
	}}
	assert.Equal(t, v1alpha1.VMDiskMoveMigrating, answer(v1alpha1.MoveCancelling, false).State, "what was said stays")
	in.VM.Status.Disks[0].Move.TargetClaimName = "data-1"
	assert.Nil(t, answer(v1alpha1.MoveMigrating, false), "that was another move")
}
