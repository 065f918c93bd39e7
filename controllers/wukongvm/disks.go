package wukongvm

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// resolveDisks returns the gravest problem: a blocking one before an error before a wait.
//
// A machine that nothing has started waits for all its disks. One that runs, or may start any moment, takes each disk when it may, and gets the rest of its
// changes meanwhile: only a boot disk that nothing is known of keeps it as it is.
func (o *observation) resolveDisks(vm *v1alpha1.WukongVM) *cause.Cause {
	var worst *cause.Cause
	boot := bootDisk(vm)
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		name := index.DiskName(vm, entry)
		if name == "" {
			continue
		}
		found := diskProblem(vm, name, o.disks[name])
		if found != nil && !attachable(vm, o.disks[name]) {
			_, volume := virt.TemplateDisk(o.Machine, entry.Name)
			found.Blocking = o.Machine == nil || volume == nil && (i == boot || o.halted())
		}
		worst = cause.Graver(cause.Graver(worst, found), o.foreignProblem(entry.Name, o.disks[name]))
	}
	return cause.Graver(worst, o.bootDiskProblem(vm))
}

// foreignProblem tells of a volume that was restored into the place of a disk.
func (o *observation) foreignProblem(name string, disk *v1alpha1.WukongDisk) *cause.Cause {
	volume := o.foreignVolume(name, disk)
	if volume == nil {
		return nil
	}
	claim := virt.ClaimOf(volume)
	return &cause.Cause{Reason: v1alpha1.ReasonForeignVolume, Message: fmt.Sprintf(
		"the VirtualMachine has PersistentVolumeClaim %s as disk %s, and not WukongDisk %s: a VirtualMachineRestore put it there, and it is left alone; "+
			"to keep it, create a WukongDisk with source.persistentVolumeClaim.name: %s and refer to it by diskRef; else take the volume out of the VirtualMachine",
		claim, name, disk.Name, claim)}
}

// attachable tells whether the machine may have a disk: KubeVirt would start it on whatever claim has the name, and only the disk's
// controller knows that no other machine writes to it.
func attachable(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) bool {
	return disk != nil && disk.DeletionTimestamp.IsZero() && disk.Status.ClaimName != "" && !copied(disk) &&
		(disk.Status.AttachedTo == vm.Name || shared(disk))
}

func shared(disk *v1alpha1.WukongDisk) bool { return ptr.Deref(disk.Spec.Shared, false) }

// ownsTemplate tells whether the machine may have all claims in its VirtualMachine, which was written for an earlier spec: what left it since
// may be another machine's by now.
func (o *observation) ownsTemplate(vm *v1alpha1.WukongVM) bool {
	mine := map[string]bool{}
	for i := range vm.Spec.Disks {
		if disk := o.disks[index.DiskName(vm, &vm.Spec.Disks[i])]; attachable(vm, disk) {
			mine[o.claim(disk)] = true
		}
	}
	volumes := o.Machine.Spec.Template.Spec.Volumes
	for i := range volumes {
		if claim := virt.ClaimOf(&volumes[i]); claim != "" && !mine[claim] {
			return false
		}
	}
	return true
}

// diskProblem says why a disk is not ready for the machine.
func diskProblem(vm *v1alpha1.WukongVM, name string, disk *v1alpha1.WukongDisk) *cause.Cause {
	if disk == nil {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Message: fmt.Sprintf("WukongDisk %s does not exist; create it, or correct diskRef", name)}
	}
	if !disk.DeletionTimestamp.IsZero() {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Message: fmt.Sprintf("WukongDisk %s is being deleted; take it out of spec.disks", name)}
	}
	if holder := disk.Status.AttachedTo; holder != "" && holder != vm.Name && !shared(disk) {
		return &cause.Cause{Reason: v1alpha1.ReasonDiskInUse, Message: fmt.Sprintf(
			"WukongDisk %s belongs to WukongVM %s: take it out of spec.disks there, or set spec.shared of the disk if the guests share a cluster file system; "+
				"if there is no WukongVM %s any more, delete VirtualMachine %s, which still has it",
			name, holder, holder, holder)}
	}
	if ready := conditions.Ready(disk); ready.Status != metav1.ConditionTrue {
		return &cause.Cause{
			Reason:  v1alpha1.ReasonWaitingForDisk,
			Message: fmt.Sprintf("WukongDisk %s: %s", name, ready.Message),
			Waiting: disk.Status.Phase != v1alpha1.DiskError,
		}
	}
	if !attachable(vm, disk) {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Waiting: true, Message: fmt.Sprintf("WukongDisk %s is about to be given to this machine", name)}
	}
	return nil
}

// bootDiskProblem refuses to take the disk from under a running guest: see storage, which keeps it.
func (o *observation) bootDiskProblem(vm *v1alpha1.WukongVM) *cause.Cause {
	kept := o.keptBootDisk(vm)
	if kept == nil {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonBootDiskInUse, Message: fmt.Sprintf(
		"the running machine booted from disk %s (PersistentVolumeClaim %s), and keeps it until it stops: set powerState to Stopped to change the disk, or put it back",
		kept.device.Name, virt.ClaimOf(kept.volume))}
}
