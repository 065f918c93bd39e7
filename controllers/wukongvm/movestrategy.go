package wukongvm

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// enoughNodes is how many nodes a migration needs: from one, to another.
const enoughNodes = 2

// observeNodes counts the nodes that a machine can migrate between, when a disk asks whether it can, and up to as many as matter. It is asked
// for that seldom that a watch on all nodes would cost more.
func (r *Reconciler) observeNodes(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	asked := false
	for _, disk := range observed.disks {
		asked = asked || liveMove(disk) != nil
	}
	if !asked || observed.Running() == nil {
		return nil
	}
	nodes := &corev1.NodeList{}
	err := r.uncached.List(ctx, nodes, client.MatchingLabels{kubevirtv1.NodeSchedulable: "true"}, client.Limit(enoughNodes))
	if err != nil {
		return fmt.Errorf("list the nodes that machines run on: %w", err)
	}
	observed.nodes = len(nodes.Items)
	return nil
}

// awaitsNode: a node that comes is seen by looking.
func (o *observation) awaitsNode() bool {
	for _, move := range o.moves {
		if move.state == v1alpha1.VMDiskMoveRefused && o.nodes < enoughNodes && o.Running() != nil {
			return true
		}
	}
	return false
}

// moveObstacle says why the running machine cannot migrate a volume; empty when it can. KubeVirt would ask for a restart instead, and then
// do nothing more to the machine until it had one (pkg/virt-controller/watch/vm/vm.go, handleVolumeUpdateRequest).
func (o *observation) moveObstacle(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, volume string) string {
	instance := o.Running()
	if instance == nil || !instance.IsRunning() || !instance.DeletionTimestamp.IsZero() {
		return "the machine does not run"
	}
	if claim, _ := volumeOf(instance, volume); claim != disk.Status.ClaimName {
		return "the machine does not have the disk yet"
	}
	device, held := virt.TemplateDisk(o.Machine, volume)
	if held == nil || virt.ClaimOf(held) != disk.Status.ClaimName {
		return "the machine lets go of the disk"
	}
	if device != nil && !migratable(device) {
		return "KubeVirt does not migrate the volume of a disk that is shared, or passed through as a LUN: stop the machine, and the disk is copied"
	}
	if found := o.migrationObstacle(instance); found != "" {
		return found
	}
	if other := o.bound(vm, volume); other != "" {
		return fmt.Sprintf("the claim of volume %s is ReadWriteOnce, and would not come along to another node: "+
			"change the storageClassName of its disk too, or stop the machine, and the disk is copied", other)
	}
	if o.nodes < enoughNodes {
		return "a volume migrates together with its machine, and there is no second node for it: stop the machine, and the disk is copied"
	}
	return ""
}

// migratable tells whether KubeVirt migrates the volume behind a disk.
func migratable(device *kubevirtv1.Disk) bool {
	return !ptr.Deref(device.Shareable, false) && device.LUN == nil
}

// migrationObstacle says why the instance cannot migrate at all.
func (o *observation) migrationObstacle(instance *kubevirtv1.VirtualMachineInstance) string {
	if message := restartRequired(o.Machine); message != "" {
		return fmt.Sprintf("the machine waits for a restart (%s), and KubeVirt migrates no volume before: restart it, or stop it", message)
	}
	// That claims are ReadWriteOnce does not matter when they move.
	if condition := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceIsStorageLiveMigratable); condition != nil && condition.Status == corev1.ConditionFalse {
		return "the machine cannot migrate: " + condition.Message + "; stop it, and the disk is copied"
	}
	if condition := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceIsMigratable); condition != nil && condition.Status == corev1.ConditionFalse &&
		condition.Reason != kubevirtv1.VirtualMachineInstanceReasonDisksNotMigratable {
		return "the machine cannot migrate: " + condition.Message + "; stop it, and the disk is copied"
	}
	return ""
}

// bound is another volume of the instance that can be on one node only, and does not move: it would not come along.
func (o *observation) bound(vm *v1alpha1.WukongVM, moving string) string {
	for _, volume := range o.onOneNode() {
		at := slices.IndexFunc(vm.Spec.Disks, func(entry v1alpha1.VMDisk) bool { return entry.Name == volume })
		if volume != moving && (at < 0 || liveMove(o.disks[index.DiskName(vm, &vm.Spec.Disks[at])]) == nil) {
			return volume
		}
	}
	return ""
}

// follows is another volume of the machine that will be ready to move: all go in one migration. One that can be on one node only must, and each
// migration more would copy the memory once more. Besides, an instance that returns to a node that it has just left may find no network there:
// virt-handler still has what it knew of the first launcher pod (pkg/network/setup/netconf.go, KubeVirt 1.7), and then no migration to that node succeeds.
// A disk that is stuck keeps no other from moving.
func (o *observation) follows(vm *v1alpha1.WukongVM, moving string) string {
	for i := range vm.Spec.Disks {
		volume, disk := vm.Spec.Disks[i].Name, o.disks[index.DiskName(vm, &vm.Spec.Disks[i])]
		move := liveMove(disk)
		if volume == moving || move == nil || move.Phase == v1alpha1.MoveMigrating || disk.Status.AttachedTo != vm.Name {
			continue
		}
		if move.Phase == v1alpha1.MovePreparing && progresses(disk) || slices.Contains(o.onOneNode(), volume) {
			return volume
		}
	}
	return ""
}

// onOneNode are the volumes of the instance whose claims pods of one node only can have.
func (o *observation) onOneNode() []string {
	var volumes []string
	for _, status := range o.Running().Status.VolumeStatus {
		claim := status.PersistentVolumeClaimInfo
		if claim != nil && len(claim.AccessModes) > 0 &&
			!slices.Contains(claim.AccessModes, corev1.ReadWriteMany) && !slices.Contains(claim.AccessModes, corev1.ReadOnlyMany) {
			volumes = append(volumes, status.Name)
		}
	}
	return volumes
}

// liveMove is the move of a disk that KubeVirt makes, or nil.
func liveMove(disk *v1alpha1.WukongDisk) *v1alpha1.DiskMove {
	if disk == nil || disk.Status.Move == nil || disk.Status.Move.Method != v1alpha1.MoveLive {
		return nil
	}
	return disk.Status.Move
}

// progresses tells whether nothing keeps the move of a disk from going on.
func progresses(disk *v1alpha1.WukongDisk) bool {
	condition := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionStorageMoved)
	return condition != nil && condition.Reason == v1alpha1.ReasonMoving
}

// updateStrategy is Migration while KubeVirt is to migrate a volume. It plugs no disks in or out meanwhile
// (pkg/storage/hotplug, HandleDeclarativeVolumes), so the strategy goes as soon as a disk wants to come or go. It does not go before: without it
// KubeVirt finds that the boot disk is not the one that the machine started with, and asks for a restart.
func (o *observation) updateStrategy(volumes []kubevirtv1.Volume) *kubevirtv1.UpdateVolumesStrategy {
	migration := ptr.To(kubevirtv1.UpdateVolumesStrategyMigration)
	if o.migrates() {
		return migration
	}
	if o.Machine == nil || o.Machine.Spec.UpdateVolumesStrategy == nil || *o.Machine.Spec.UpdateVolumesStrategy != kubevirtv1.UpdateVolumesStrategyMigration {
		return nil
	}
	if instance := o.Running(); instance != nil && differs(instance, volumes) {
		return nil
	}
	return migration
}

// migrates tells whether the VirtualMachine has a volume that KubeVirt is to migrate.
func (o *observation) migrates() bool {
	for _, move := range o.moves {
		if handedOver(move) {
			return true
		}
	}
	return false
}

func handedOver(move volumeMove) bool {
	return move.handover != nil && !move.handover.Done && move.state == v1alpha1.VMDiskMoveMigrating
}

// differs tells whether a volume is to come, to go, or to have another claim. With the strategy in place KubeVirt would copy the bytes of the old
// claim over those of the new one.
func differs(instance *kubevirtv1.VirtualMachineInstance, volumes []kubevirtv1.Volume) bool {
	wanted := map[string]string{}
	for i := range volumes {
		if claim := virt.ClaimOf(&volumes[i]); claim != "" {
			wanted[volumes[i].Name] = claim
		}
	}
	for i := range instance.Spec.Volumes {
		volume := &instance.Spec.Volumes[i]
		if claim := virt.ClaimOf(volume); claim != wanted[volume.Name] {
			return true
		}
		delete(wanted, volume.Name)
	}
	return len(wanted) > 0
}

// replaces tells whether a disk is to have another claim than the instance has under its name, without being moved. That waits while
// KubeVirt migrates volumes: it would take it for one more.
func (o *observation) replaces(name string, volume *kubevirtv1.Volume) bool {
	instance := o.Running()
	if instance == nil || volume == nil || !o.migrates() {
		return false
	}
	has, _ := volumeOf(instance, name)
	if has == "" || has == virt.ClaimOf(volume) {
		return false
	}
	for _, move := range o.moves {
		if handedOver(move) && move.handover.Volume == name {
			return false
		}
	}
	return true
}

// heldBack tells whether the machine must not start: one of its disks is being copied, and a guest that writes to it now would lose
// what it wrote; or nobody knows which of two claims holds it.
func (o *observation) heldBack(vm *v1alpha1.WukongVM) bool {
	for _, name := range index.DiskNames(vm) {
		if disk := o.disks[name]; disk != nil && copied(disk) || o.moves[name].state == v1alpha1.VMDiskMoveUndecided {
			return true
		}
	}
	return false
}

// copied tells whether nobody may write to a disk, because it is being copied to another class.
func copied(disk *v1alpha1.WukongDisk) bool {
	return disk.Status.Move != nil && disk.Status.Move.Method == v1alpha1.MoveCopy
}
