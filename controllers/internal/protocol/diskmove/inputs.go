package diskmove

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
)

// Inputs are the facts that decide about the move of a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// VMs are the WukongVMs that use the disk, AttachedTo the one that may; empty for none.
	VMs        []v1alpha1.WukongVM
	AttachedTo string
	Copies     copies.Copies
	// Claim is the claim that holds the disk, DataVolume its DataVolume; nil when they do not exist or do not belong to
	// the disk.
	Claim      *corev1.PersistentVolumeClaim
	DataVolume *cdiv1.DataVolume
	// TargetClaim is the claim of the target, or an existing claim with the name that it would have.
	TargetClaim *corev1.PersistentVolumeClaim
	// ClassFound: the StorageClass of spec exists.
	ClassFound bool
	// Complete: the disk has a claim of its own that is bound and filled.
	Complete bool
	// Grows: the claim is being expanded, or is about to be.
	Grows bool
	// Restoring: the disk is being restored from a snapshot.
	Restoring bool
	// RequestedSize is the last size that was requested of the claim; nil before the first request.
	RequestedSize *resource.Quantity
}
