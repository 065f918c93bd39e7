package volumemove

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// obstacle returns why the running guest cannot migrate a volume, or "". KubeVirt would require a restart instead, and
// then apply no other change to the VirtualMachine before it (pkg/virt-controller/watch/vm/vm.go,
// handleVolumeUpdateRequest).
func (in Inputs) obstacle(disk *v1alpha1.WukongDisk, volume string) string {
	instance := in.Guest()
	if instance == nil || !instance.IsRunning() {
		return "the WukongVM does not run"
	}
	if claim, _ := virt.VolumeOf(instance, volume); claim != disk.Status.ClaimName {
		return "the guest does not have the disk yet"
	}
	device, held := virt.TemplateDisk(in.Machine, volume)
	if held == nil || virt.ClaimOf(held) != disk.Status.ClaimName {
		return "the WukongVM is releasing the disk"
	}
	if device != nil && !migratable(device) {
		return "KubeVirt does not migrate the volume of a disk that is shared, or passed through as a LUN: stop the " +
			"WukongVM to copy the disk instead"
	}
	if found := in.migrationObstacle(instance); found != "" {
		return found
	}
	if other := in.bound(volume); other != "" {
		return fmt.Sprintf("the claim of volume %s is ReadWriteOnce and cannot follow to another node: "+
			"change the storageClassName of its disk too, or stop the WukongVM to copy the disk instead", other)
	}
	if in.Nodes < EnoughNodes {
		return "a volume migrates together with its guest, and there is no second node for it: stop the WukongVM to " +
			"copy the disk instead"
	}
	return ""
}

// migratable reports whether KubeVirt migrates the volume behind a disk.
func migratable(device *kubevirtv1.Disk) bool {
	return !ptr.Deref(device.Shareable, false) && device.LUN == nil
}

// migrationObstacle returns why the instance cannot migrate at all, or "".
func (in Inputs) migrationObstacle(instance *kubevirtv1.VirtualMachineInstance) string {
	if message := in.RestartRequired(); message != "" {
		return fmt.Sprintf("the WukongVM waits for a restart (%s), and KubeVirt migrates no volume before: restart it, "+
			"or stop it", message)
	}
	// ReadWriteOnce claims do not matter if they move.
	storage := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceIsStorageLiveMigratable)
	if storage != nil && storage.Status == corev1.ConditionFalse {
		return "the guest cannot migrate: " + storage.Message + "; stop the WukongVM to copy the disk instead"
	}
	live := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceIsMigratable)
	if live != nil && live.Status == corev1.ConditionFalse &&
		live.Reason != kubevirtv1.VirtualMachineInstanceReasonDisksNotMigratable {
		return "the guest cannot migrate: " + live.Message + "; stop the WukongVM to copy the disk instead"
	}
	return ""
}

// bound returns another volume of the instance that is limited to one node and does not move, so that it could not
// follow, or "".
func (in Inputs) bound(moving string) string {
	for _, volume := range in.onOneNode() {
		at := slices.IndexFunc(in.VM.Spec.Disks, func(entry v1alpha1.VMDisk) bool { return entry.Name == volume })
		if volume != moving && (at < 0 || live(in.Disks[model.DiskName(in.VM, &in.VM.Spec.Disks[at])]) == nil) {
			return volume
		}
	}
	return ""
}

// follows returns another volume that will be ready to move, or "": all move in one migration. A volume that is
// limited to one node must, and each further migration would copy the memory again. Besides, an instance that returns
// to a node that it has just left may find no network there: virt-handler still has the state of the first launcher
// pod (pkg/network/setup/netconf.go, KubeVirt 1.7), and then no migration to that node succeeds. A disk that is stuck
// does not block others.
func (in Inputs) follows(moving string) string {
	for i := range in.VM.Spec.Disks {
		volume, disk := in.VM.Spec.Disks[i].Name, in.Disks[model.DiskName(in.VM, &in.VM.Spec.Disks[i])]
		move := live(disk)
		if volume == moving || move == nil || move.Phase == v1alpha1.MoveMigrating || disk.Status.AttachedTo != in.VM.Name {
			continue
		}
		if move.Phase == v1alpha1.MovePreparing && progresses(disk) || slices.Contains(in.onOneNode(), volume) {
			return volume
		}
	}
	return ""
}

// onOneNode returns the volumes of the instance whose claims can only be used on one node.
func (in Inputs) onOneNode() []string {
	var volumes []string
	for _, status := range in.Running().Status.VolumeStatus {
		claim := status.PersistentVolumeClaimInfo
		if claim != nil && len(claim.AccessModes) > 0 &&
			!slices.Contains(claim.AccessModes, corev1.ReadWriteMany) &&
			!slices.Contains(claim.AccessModes, corev1.ReadOnlyMany) {
			volumes = append(volumes, status.Name)
		}
	}
	return volumes
}

// progresses reports whether the move of a disk has no obstacle.
func progresses(disk *v1alpha1.WukongDisk) bool {
	condition := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved)
	return condition != nil && condition.Reason == v1alpha1.ReasonMoving
}
