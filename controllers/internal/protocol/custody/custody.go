package custody

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Inputs are the facts that decide who may use a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// VMs are the WukongVMs that use the disk (see model.Uses).
	VMs []v1alpha1.WukongVM
	// Left is the VirtualMachine or instance by which a deleted WukongVM still has the disk (see Remains); nil for
	// none.
	Left client.Object
}

// AttachedTo returns the WukongVM that may use the disk, or "" for none and for a shared disk. A WukongVM keeps the
// disk until it has released it: also while it is being deleted, and while what it left behind has the claim.
func (in Inputs) AttachedTo() string {
	if model.IsShared(in.Disk) {
		return ""
	}
	if previous := in.Disk.Status.AttachedTo; previous != "" && (in.Left != nil || in.knows(previous)) {
		return previous
	}
	if !in.Disk.DeletionTimestamp.IsZero() {
		return ""
	}
	var oldest *v1alpha1.WukongVM
	for i := range in.VMs {
		candidate := &in.VMs[i]
		if !candidate.DeletionTimestamp.IsZero() || !slices.Contains(model.DiskNames(candidate), in.Disk.Name) {
			continue
		}
		if oldest == nil || older(candidate, oldest) < 0 {
			oldest = candidate
		}
	}
	if oldest == nil {
		return ""
	}
	return oldest.Name
}

// LostSight reports whether the last user of the disk no longer mentions it, so that the caller must look for what it
// left behind.
func (in Inputs) LostSight() bool {
	previous := in.Disk.Status.AttachedTo
	return previous != "" && !in.knows(previous)
}

func (in Inputs) knows(vm string) bool {
	return slices.ContainsFunc(in.VMs, func(one v1alpha1.WukongVM) bool { return one.Name == vm })
}

func older(one, two *v1alpha1.WukongVM) int {
	return cmp.Or(one.CreationTimestamp.Compare(two.CreationTimestamp.Time), cmp.Compare(one.Name, two.Name))
}

// Users returns what prevents the deletion of the disk, sorted: the WukongVM that the disk is attached to, or, for a
// shared disk, all that list it or still have it, and what a deleted WukongVM left behind. One that is being deleted
// itself does not count.
func (in Inputs) Users(attachedTo string) []string {
	var names []string
	for i := range in.VMs {
		vm := &in.VMs[i]
		if vm.DeletionTimestamp.IsZero() && (vm.Name == attachedTo || model.IsShared(in.Disk)) {
			names = append(names, "WukongVM "+vm.Name)
		}
	}
	if in.Left != nil && in.Left.GetDeletionTimestamp().IsZero() {
		names = append(names, kindAndName(in.Left))
	}
	// The cache lists in no order, and a reordered message would be a write.
	slices.Sort(names)
	return names
}

// GuestSize returns the size that the guest sees, or saw last, so that a stop and start of a WukongVM costs its disks
// no write.
func (in Inputs) GuestSize(attachedTo string) *resource.Quantity {
	if attachedTo == "" {
		return nil
	}
	for i := range in.VMs {
		if in.VMs[i].Name != attachedTo {
			continue
		}
		for _, entry := range in.VMs[i].Status.Disks {
			if entry.DiskName == in.Disk.Name && entry.GuestSize != nil {
				return entry.GuestSize
			}
		}
	}
	if in.Disk.Status.AttachedTo != attachedTo {
		return nil
	}
	return in.Disk.Status.GuestSize
}
