package custody

import (
	"cmp"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ClaimOwner returns the WukongDisk that owns the claim that a disk adopts, or "" when the disk itself may have it. A
// claim belongs to one WukongDisk: users and deletion are decided per disk. Of several that name one claim, the disk
// that created it owns it, else the oldest. Disks that only read may share a claim. Others are the disks on the claim.
// Of several that come before the disk, the first by name is returned.
func ClaimOwner(disk *v1alpha1.WukongDisk, others []v1alpha1.WukongDisk) string {
	found := ""
	for i := range others {
		other := &others[i]
		if other.UID != disk.UID && comesBefore(other, disk) && (found == "" || other.Name < found) {
			found = other.Name
		}
	}
	return found
}

func comesBefore(other, disk *v1alpha1.WukongDisk) bool {
	claim := disk.ClaimName()
	if !other.AdoptsClaim() {
		// Without one of these it has no claim, even if one exists under its name.
		return model.ClaimsOf(other).Hold(claim)
	}
	if ReadsOnly(other) && ReadsOnly(disk) {
		return false
	}
	// Creation times are whole seconds. Within the same second, the disk that has the claim keeps it.
	age := other.CreationTimestamp.Compare(disk.CreationTimestamp.Time)
	return cmp.Or(age, lacks(other, claim)-lacks(disk, claim), cmp.Compare(other.UID, disk.UID)) < 0
}

// lacks is 1 when a disk does not have a claim yet.
func lacks(disk *v1alpha1.WukongDisk, claim string) int {
	if disk.Status.ClaimName == claim {
		return 0
	}
	return 1
}

// ReadsOnly reports whether a disk that adopts a claim only reads it.
func ReadsOnly(disk *v1alpha1.WukongDisk) bool {
	return ptr.Deref(disk.Spec.Source.PersistentVolumeClaim.ReadOnly, false)
}
