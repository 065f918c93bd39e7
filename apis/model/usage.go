package model

import (
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// DiskNames are the WukongDisks that a WukongVM lists, in the order of spec: those that it refers to, and those that
// it stamps.
func DiskNames(vm *v1alpha1.WukongVM) []string {
	names := make([]string, 0, len(vm.Spec.Disks))
	for i := range vm.Spec.Disks {
		if name := DiskName(vm, &vm.Spec.Disks[i]); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// UsedDisks are the WukongDisks that a WukongVM lists, and those that its instance still has though spec does not
// list them; each once.
func UsedDisks(vm *v1alpha1.WukongVM) []string {
	names := DiskNames(vm)
	for _, entry := range vm.Status.Disks {
		if entry.DiskName != "" && !slices.Contains(names, entry.DiskName) {
			names = append(names, entry.DiskName)
		}
	}
	return names
}

// Uses reports whether a WukongVM lists a disk, or still has it. A disk that somebody else made under the name of the
// WukongVM's template is not the WukongVM's.
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
// the WukongVM's, or shared. Only the disk's controller knows that no other guest writes to it, and status.attachedTo
// is its answer.
func MayUse(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) bool {
	return disk.DeletionTimestamp.IsZero() && disk.Status.ClaimName != "" && !Copied(disk) &&
		(disk.Status.AttachedTo == vm.Name || IsShared(disk))
}

// IsShared reports whether several WukongVMs may use a disk at once.
func IsShared(disk *v1alpha1.WukongDisk) bool { return disk.Spec.Shared != nil && *disk.Spec.Shared }

// Copied reports whether nobody may write to a disk, because it is being copied to another StorageClass.
func Copied(disk *v1alpha1.WukongDisk) bool {
	return disk.Status.Move != nil && disk.Status.Move.Method == v1alpha1.MoveCopy
}

// HasGuest reports whether a WukongVM has an instance on a node.
func HasGuest(vm *v1alpha1.WukongVM) bool { return vm.Status.NodeName != "" }

// MayRun reports whether a WukongVM runs, or may be about to: its disks may change at any moment.
func MayRun(vm *v1alpha1.WukongVM) bool {
	wantsToRun := vm.Spec.PowerState != v1alpha1.PowerStopped
	switch vm.Status.Phase {
	case v1alpha1.PhaseStopped:
		// A guest that shut itself down stays so until its spec changes.
		return wantsToRun && vm.Status.ObservedGeneration != vm.Generation
	case "", v1alpha1.PhasePending, v1alpha1.PhaseError:
		return wantsToRun || HasGuest(vm)
	default:
		return true
	}
}

// Writers are the WukongVMs that may write to a disk, in order, as a message names them: those of vms that may run,
// and the one that the disk is attached to and that is not among vms, whose guest has not released the disk yet. vms
// are those that use the disk (see UsedDisks).
func Writers(disk *v1alpha1.WukongDisk, vms []v1alpha1.WukongVM) []string {
	return usersOf(disk, vms, MayRun)
}

// Guests are the WukongVMs that have a disk on a node at this moment, as Writers are. One that waits for something,
// such as a copy of the same disk, is not among them.
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
		names = append(names, attachedTo+" (given up, but its guest has not let go yet)")
	}
	// A message that changes its order would be a change of status, and a cache lists in no order.
	slices.Sort(names)
	return names
}
