package attachment

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
)

// VMChange accepts WukongVMs that are created or deleted, and changes of what a disk reads of one: its spec, and which
// disks its instance has, and what it asks of them for a restore.
func VMChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return before.UID != after.UID || before.Generation != after.Generation ||
				!slices.EqualFunc(before.Status.Disks, after.Status.Disks, sameAttachment) ||
				!equality.Semantic.DeepEqual(before.Status.Restore, after.Status.Restore) ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero()
		},
	}
}

func sameAttachment(one, two v1alpha1.VMDiskStatus) bool {
	return one.DiskName == two.DiskName && one.ClaimName == two.ClaimName && one.Attachment == two.Attachment &&
		equality.Semantic.DeepEqual(one.Move, two.Move) && equality.Semantic.DeepEqual(one.GuestSize, two.GuestSize)
}

// GuestReleased accepts WukongVMs whose guest ended or does not use a disk any longer.
func GuestReleased() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
			return model.HasGuest(before) && (!model.HasGuest(after) ||
				!equality.Semantic.DeepEqual(model.UsedDisks(before), model.UsedDisks(after)))
		},
	}
}

// InstanceReleased accepts instances that ended or were deleted, and those that do not have a claim any longer.
func InstanceReleased() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.VirtualMachineInstance), e.ObjectNew.(*kubevirtv1.VirtualMachineInstance)
			released := func(volume kubevirtv1.VolumeStatus) bool {
				claim := volume.PersistentVolumeClaimInfo
				return claim != nil && !custody.InstanceHasClaim(after, claim.ClaimName)
			}
			return before.IsFinal() != after.IsFinal() || slices.ContainsFunc(before.Status.VolumeStatus, released)
		},
	}
}

// VirtualMachineReleased accepts VirtualMachines that are being deleted or were deleted, and those whose spec changed,
// because they may not have a volume any longer.
func VirtualMachineReleased() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.VirtualMachine), e.ObjectNew.(*kubevirtv1.VirtualMachine)
			return before.DeletionTimestamp.IsZero() && !after.DeletionTimestamp.IsZero() ||
				before.Generation != after.Generation
		},
	}
}
