package wukongvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// Fault B.2: a pod that cannot bring a disk to the node is the disk's cause.
func TestWhyADiskIsNotPluggedIn(t *testing.T) {
	vm, observed := withData()
	runPlugged(vm, observed)
	plugged := &observed.Instance.Status.VolumeStatus[2]
	plugged.Phase, plugged.Message = kubevirtv1.HotplugVolumeAttachedToNode, "Created hotplug attachment pod"
	plugged.HotplugVolume = &kubevirtv1.HotplugVolumeStatus{AttachPodName: "hp-volume-abcde"}
	assert.Equal(t, []string{"hp-volume-abcde"}, plugPods(observed.Instance))
	assert.Equal(t, "Created hotplug attachment pod", diskStatus(vm, observed)[2].Message)
	observed.told.plugs = map[string]string{"hp-volume-abcde": "Pod hp-volume-abcde: 0/2 nodes are available"}
	found := diskStatus(vm, observed)[2]
	assert.Equal(t, v1alpha1.DiskAttaching, found.Attachment)
	assert.Equal(t, "Pod hp-volume-abcde: 0/2 nodes are available", found.Message)
}

// Fault C.6: a fault of something else ends no move, and keeps a running machine from no other change.
func TestAFaultOfSomethingElseEndsNoMove(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	observed.disks["data"].Status.Move = &v1alpha1.DiskMove{TargetClaimName: "data-2"}
	answer := func(state v1alpha1.VMDiskMoveState) *v1alpha1.VMDiskMove {
		observed.moves = map[string]volumeMove{"data": {state: state}}
		return observed.moveStatus(vm, "data")
	}
	assert.Equal(t, v1alpha1.VMDiskMoveMigrating, answer(v1alpha1.VMDiskMoveMigrating).State)
	observed.outcome = endedBy(stepMachine, pass.ErrSkipped)
	assert.Equal(t, v1alpha1.VMDiskMoveMoved, answer(v1alpha1.VMDiskMoveMoved).State, "it is a fact")
	assert.Nil(t, answer(v1alpha1.VMDiskMoveMigrating), "the VirtualMachine was not given the new claim")
	assert.Nil(t, answer(v1alpha1.VMDiskMoveWithdrawn), "nor was it taken off it")
	vm.Status.Disks = []v1alpha1.VMDiskStatus{{DiskName: "data", Move: &v1alpha1.VMDiskMove{TargetClaimName: "data-2", State: v1alpha1.VMDiskMoveMigrating}}}
	assert.Equal(t, v1alpha1.VMDiskMoveMigrating, answer(v1alpha1.VMDiskMoveWithdrawn).State, "what was said stays")
	vm.Status.Disks[0].Move.TargetClaimName = "data-1"
	assert.Nil(t, answer(v1alpha1.VMDiskMoveMigrating), "that was another move")
}
