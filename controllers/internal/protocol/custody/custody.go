package custody

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Inputs are what decides who may use a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// VMs are those that use the disk (see model.Uses).
	VMs []v1alpha1.WukongVM
	// Left is the VirtualMachine or instance by which a WukongVM that is gone has the disk still (see Remains); nil for none.
	Left client.Object
}

// AttachedTo is the WukongVM that may use the disk; empty for none, and for a shared disk. The one that may keeps it until it has released it:
// also while it is being deleted, and while what it left behind has the claim.
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

// LostSight reports whether the WukongVM that had the disk last says nothing of it any more, so that what it left behind is to be looked for.
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

// Users keep the disk from being deleted, in order: the WukongVM that it is attached to, or of a shared disk all that list it or have it
// still, and what a deleted WukongVM left behind. One that is itself being deleted keeps nothing.
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
	// The cache lists in no order, and a message that changes its order is a write.
	slices.Sort(names)
	return names
}

// GuestSize is what the guest sees of the disk, or saw last: a WukongVM that stops and starts again costs its disks no write.
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
