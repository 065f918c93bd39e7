package model

import (
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// DiskNames returns the names of the WukongDisks that a WukongVM lists, in the order of spec: those that it refers to,
// and those of its templates.
func DiskNames(vm *v1alpha1.WukongVM) []string {
	names := make([]string, 0, len(vm.Spec.Disks))
	for i := range vm.Spec.Disks {
		if name := DiskName(vm, &vm.Spec.Disks[i]); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// UsedDisks returns the names of the WukongDisks that a WukongVM lists, and of those that its instance still has
// although spec no longer lists them; each once.
func UsedDisks(vm *v1alpha1.WukongVM) []string {
	names := DiskNames(vm)
	for _, entry := range vm.Status.Disks {
		if entry.DiskName != "" && !slices.Contains(names, entry.DiskName) {
			names = append(names, entry.DiskName)
		}
	}
	return names
}

// Uses reports whether a WukongVM lists a disk, or still has it. A disk that has the name of a disk of the WukongVM's
// template, but was not created for the WukongVM, is not used.
func Uses(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) bool {
	named := false
	for i := range vm.Spec.Disks {
		if entry := &vm.Spec.Disks[i]; DiskName(vm, entry) == disk.Name {
			if entry.Template == nil || Belongs(disk, vm) {
				return true
			}
			named = true
		}
	}
	return !named && slices.Contains(UsedDisks(vm), disk.Name)
}

// MayUse reports whether a WukongVM may use a disk now: the disk has a claim, is not being deleted or copied, and is
// assigned to the WukongVM, or shared. Only the disk's controller knows that no other guest writes to the disk. It
// reports that in status.attachedTo.
func MayUse(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) bool {
	return disk.DeletionTimestamp.IsZero() && disk.Status.ClaimName != "" && !Copied(disk) &&
		(disk.Status.AttachedTo == vm.Name || IsShared(disk))
}

// IsShared reports whether several WukongVMs may use a disk at the same time.
func IsShared(disk *v1alpha1.WukongDisk) bool { return disk.Spec.Shared != nil && *disk.Spec.Shared }

// Copied reports whether no guest may write to a disk, because it is being copied to another StorageClass.
func Copied(disk *v1alpha1.WukongDisk) bool {
	return disk.Status.Move != nil && disk.Status.Move.Method == v1alpha1.MoveCopy
}

// HasGuest reports whether a WukongVM has an instance on a node.
func HasGuest(vm *v1alpha1.WukongVM) bool { return vm.Status.NodeName != "" }

// MayRun reports whether a WukongVM runs, or may start soon: its disks may then change at any moment.
func MayRun(vm *v1alpha1.WukongVM) bool {
	if keptStopped(vm) && !HasGuest(vm) {
		return false
	}
	wantsToRun := vm.Spec.PowerState != v1alpha1.PowerStopped
	switch vm.Status.Phase {
	case v1alpha1.PhaseStopped:
		// A guest that shut itself down stays stopped until the spec changes.
		return wantsToRun && vm.Status.ObservedGeneration != vm.Generation
	case "", v1alpha1.PhasePending, v1alpha1.PhaseError:
		return wantsToRun || HasGuest(vm)
	default:
		return true
	}
}

// keptStopped reports whether a WukongVM is kept stopped while its safety snapshot is taken and its disks are replaced.
func keptStopped(vm *v1alpha1.WukongVM) bool {
	if vm.Status.Restore == nil {
		return false
	}
	switch vm.Status.Restore.Phase {
	case v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching, v1alpha1.RestoreRollingBack:
		return true
	default:
		return false
	}
}

// Writers returns the WukongVMs that may write to a disk, in alphabetical order, as a message names them: those of vms
// that may run, and the WukongVM in status.attachedTo if it is not among vms, because its guest has not released the
// disk yet. vms are the WukongVMs that use the disk (see UsedDisks).
func Writers(disk *v1alpha1.WukongDisk, vms []v1alpha1.WukongVM) []string {
	return usersOf(disk, vms, MayRun)
}

// Guests returns the WukongVMs that have a disk on a node at this moment, in the form of Writers. A WukongVM that waits
// for something, such as a copy of the same disk, is not among them.
func Guests(disk *v1alpha1.WukongDisk, vms []v1alpha1.WukongVM) []string {
	return usersOf(disk, vms, HasGuest)
}

func usersOf(disk *v1alpha1.WukongDisk, vms []v1alpha1.WukongVM, counts func(*v1alpha1.WukongVM) bool) []string {
	var names []string
	attachedTo := disk.Status.AttachedTo
	for i := range vms {
		if counts(&vms[i]) {
			names = append(names, vms[i].Name)
		}
		if vms[i].Name == attachedTo {
			attachedTo = ""
		}
	}
	if attachedTo != "" {
		names = append(names, attachedTo+" (its guest has not released the disk yet)")
	}
	// A cache lists objects in no order, and a message whose order changes would be a change of status.
	slices.Sort(names)
	return names
}

// ReadsSnapshot reports whether the restore that spec.restore requests still needs its WukongSnapshot: it has not
// begun, or its disks are being filled.
func ReadsSnapshot(vm *v1alpha1.WukongVM) bool {
	asked, status := vm.Spec.Restore, vm.Status.Restore
	switch {
	case asked == nil:
		return false
	case status == nil || !status.Request.RequestedAt.Equal(&asked.RequestedAt):
		return true
	default:
		return status.Phase == v1alpha1.RestorePending || status.Phase == v1alpha1.RestoreFilling
	}
}
