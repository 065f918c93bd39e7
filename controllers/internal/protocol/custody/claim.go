package custody

import (
	"cmp"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ClaimOwner is the WukongDisk that has the claim which a disk adopts; empty when the disk may have it. A claim is one WukongDisk's: who may
// use a disk, and when it may be deleted, is decided per disk. Of several that name one claim, the one that made it has it, else the oldest.
// Disks that only read may share one. Others are the disks on the claim; of several that come before the disk it is the first by name.
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
		// Without one of these it has no claim, whatever is under its name.
		return model.ClaimsOf(other).Hold(claim)
	}
	if ReadsOnly(other) && ReadsOnly(disk) {
		return false
	}
	// Times of creation are whole seconds. Of two of one second the one that has the claim keeps it.
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
