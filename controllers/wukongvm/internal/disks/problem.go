package disks

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Problem returns the gravest problem: a blocking one before an error before a wait.
//
// A VirtualMachine that does not exist yet waits for all disks. An existing one gets each disk when it may, and its
// other changes meanwhile: only an unknown boot disk blocks all changes. Whether it may start is another question: see
// Lacks.
func (in Inputs) Problem() *cause.Cause {
	var worst *cause.Cause
	boot := bootDisk(in.VM)
	for i := range in.VM.Spec.Disks {
		entry := &in.VM.Spec.Disks[i]
		name := model.DiskName(in.VM, entry)
		if name == "" {
			continue
		}
		found := in.notReady(name)
		if found != nil && !in.attachable(in.Disks[name]) {
			_, volume := virt.TemplateDisk(in.Machine, entry.Name)
			found.Blocking = in.Machine == nil || i == boot && volume == nil
		}
		worst = cause.Graver(cause.Graver(worst, found), in.foreign(entry.Name, in.Disks[name]))
	}
	return cause.Graver(worst, in.bootDiskInUse())
}

// Lacks reports whether spec lists a disk that the WukongVM may not have yet, and that its VirtualMachine does not
// have. A stopped VirtualMachine waits for it, like a new one: otherwise it could run without the disk.
func (in Inputs) Lacks() bool {
	for i := range in.VM.Spec.Disks {
		entry := &in.VM.Spec.Disks[i]
		if model.DiskName(in.VM, entry) == "" || in.attachable(in.of(entry)) {
			continue
		}
		if _, volume := virt.TemplateDisk(in.Machine, entry.Name); volume == nil {
			return true
		}
	}
	return false
}

// foreign reports a volume that was restored in place of a disk.
func (in Inputs) foreign(name string, disk *v1alpha1.WukongDisk) *cause.Cause {
	volume := in.foreignVolume(name, disk)
	if volume == nil {
		return nil
	}
	claim := virt.ClaimOf(volume)
	return &cause.Cause{Reason: v1alpha1.ReasonForeignVolume, Message: fmt.Sprintf(
		"the VirtualMachine has PersistentVolumeClaim %s as disk %s, and not WukongDisk %s: a VirtualMachineRestore put "+
			"it there, and it is not changed; "+
			"to keep it, create a WukongDisk with source.persistentVolumeClaim.name: %s and refer to it by diskRef; else "+
			"take the volume out of the VirtualMachine",
		claim, name, disk.Name, claim)}
}

// notReady returns why a disk is not ready for the WukongVM, or nil.
func (in Inputs) notReady(name string) *cause.Cause {
	disk := in.Disks[name]
	if disk == nil {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk,
			Message: fmt.Sprintf("WukongDisk %s does not exist; create it, or correct diskRef", name)}
	}
	if !disk.DeletionTimestamp.IsZero() {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk,
			Message: fmt.Sprintf("WukongDisk %s is being deleted; take it out of spec.disks", name)}
	}
	if owner := disk.Status.AttachedTo; in.belongsToAnother(disk) && !model.IsShared(disk) {
		return &cause.Cause{Reason: v1alpha1.ReasonDiskInUse, Message: fmt.Sprintf(
			"WukongDisk %s belongs to WukongVM %s: take it out of spec.disks there, or set spec.shared of the disk if the "+
				"guests share a cluster file system; "+
				"if WukongVM %s no longer exists, delete VirtualMachine %s, which still has it",
			name, owner, owner, owner)}
	}
	if ready := model.Ready(disk); ready.Status != metav1.ConditionTrue {
		return &cause.Cause{
			Reason:  v1alpha1.ReasonWaitingForDisk,
			Message: fmt.Sprintf("WukongDisk %s: %s", name, ready.Message),
			Waiting: disk.Status.Phase != v1alpha1.DiskError,
		}
	}
	if !in.attachable(disk) {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForDisk, Waiting: true,
			Message: fmt.Sprintf("WukongDisk %s is about to be attached to this WukongVM", name)}
	}
	return nil
}

// bootDiskInUse refuses to remove the boot disk of a running guest: see keptBootDisk.
func (in Inputs) bootDiskInUse() *cause.Cause {
	kept := in.keptBootDisk()
	if kept == nil {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonBootDiskInUse, Message: fmt.Sprintf(
		"the running guest booted from disk %s (PersistentVolumeClaim %s), and keeps it until it stops: "+
			"set powerState to Stopped to change the disk, or put it back",
		kept.device.Name, virt.ClaimOf(kept.volume))}
}
