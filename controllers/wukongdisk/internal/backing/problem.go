package backing

import (
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

// NameConflict reports a claim of the disk's name that is not the disk's. KubeVirt would start a VirtualMachine from
// whatever claim has the name, so nothing else is done meanwhile. A claim that is being deleted, or will be with its
// DataVolume, is not a conflict: the disk waits until it is deleted.
func (v View) NameConflict() *diskstate.Problem {
	if v.Claim == nil || v.OwnClaim() != nil {
		return nil
	}
	if !v.Claim.DeletionTimestamp.IsZero() {
		if Filled(v.Disk) {
			return nil // it held the disk: see ClaimDeleted
		}
		return diskstate.Pending(v1alpha1.ReasonPending,
			"PersistentVolumeClaim %s is being deleted: the disk is created again from its source afterwards", v.Claim.Name)
	}
	if v.DataVolume == nil && apply.Ours(v.Claim) && madeByDataVolume(v.Claim) {
		return diskstate.Pending(v1alpha1.ReasonPending,
			"PersistentVolumeClaim %s is about to be deleted with the DataVolume that created it: "+
				"the disk is created again afterwards", v.Claim.Name)
	}
	return diskstate.Failed(v1alpha1.ReasonNameConflict,
		"PersistentVolumeClaim %s already exists and is not managed by this disk: it is not changed; to use it "+
			"as it is, create a WukongDisk with source.persistentVolumeClaim.name: %s, else rename this disk or remove the "+
			"claim",
		v.Claim.Name, v.Claim.Name)
}

// BytesLost reports that a disk was complete once and has no claim. This lasts until a user asks for another filling.
func (v View) BytesLost() *diskstate.Problem {
	if !Filled(v.Disk) || v.Claim != nil {
		return nil
	}
	const lost = "PersistentVolumeClaim %s, which held the disk, was deleted, and its bytes are lost; " +
		"to have them back, create a disk from a WukongSnapshot or another backup and attach it to the WukongVM; "
	if v.Moved() {
		return diskstate.Failed(v1alpha1.ReasonBytesLost,
			lost+"to begin again, delete this disk and create it again", v.ClaimName())
	}
	return diskstate.Failed(v1alpha1.ReasonBytesLost,
		lost+"to fill it again from its source: kubectl annotate wukongdisk %s --namespace=%s %s-",
		v.Disk.Name, v.Disk.Name, v.Disk.Namespace, v1alpha1.AnnotationFilled)
}

// ClaimDeleted warns of a claim that is being deleted. Kubernetes keeps it until no pod uses it. VMs are the names of
// the WukongVMs that use the disk.
func (v View) ClaimDeleted(vms []string) *diskstate.Problem {
	if v.Claim == nil || v.Claim.DeletionTimestamp.IsZero() {
		return nil
	}
	when := "whatever has it mounted ends"
	if len(vms) > 0 {
		when = "WukongVM " + strings.Join(vms, ", ") + " stops"
	}
	return diskstate.Failed(v1alpha1.ReasonClaimDeleted,
		"PersistentVolumeClaim %s was deleted: it and the bytes of this disk are gone as soon as %s; "+
			"a deletion cannot be undone, so copy the bytes before that, "+
			"with a WukongSnapshot that a new disk is made from, or within the guest", v.Claim.Name, when)
}
