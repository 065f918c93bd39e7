package disks

import (
	"slices"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Fate is the decision about a disk that was created from a template.
type Fate int

const (
	// Stay means that the template is in spec, or the disk is waited for.
	Stay Fate = iota
	// Keep means that the disk must remain without its template, and its guest still has it. The WukongVM may be
	// deleted before that ends, and must not delete the disk with it.
	Keep
	// Release means that the disk remains without its template.
	Release
	// Delete means that the disk is deleted, and its reclaimPolicy decides about the data.
	Delete
)

// FateOf decides about a disk that was created from a template.
func (in Inputs) FateOf(disk *v1alpha1.WukongDisk) Fate {
	stamped := slices.ContainsFunc(in.VM.Spec.Disks, func(entry v1alpha1.VMDisk) bool {
		return entry.Template != nil && model.DiskName(in.VM, &entry) == disk.Name
	})
	claims := model.ClaimsOf(disk)
	inGuest := slices.ContainsFunc(in.Presences(), func(item virt.Presence) bool { return claims.Hold(item.Claim) })
	deletes := disk.Spec.DetachPolicy == v1alpha1.DetachDelete && !ptr.Deref(disk.Spec.DeletionProtection, false) &&
		!slices.Contains(model.DiskNames(in.VM), disk.Name)
	switch {
	case stamped, !disk.DeletionTimestamp.IsZero(), inGuest && deletes:
		return Stay
	case inGuest:
		return Keep
	case deletes:
		return Delete
	default:
		return Release
	}
}
