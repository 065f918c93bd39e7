package diskmove

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Inputs are what decides about the move of a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// VMs are the WukongVMs that use the disk, AttachedTo the one that may; empty for none.
	VMs        []v1alpha1.WukongVM
	AttachedTo string
	Copies     Copies
	// Claim is the claim that holds the disk, DataVolume its DataVolume; nil when they do not exist or are not the disk's.
	Claim      *corev1.PersistentVolumeClaim
	DataVolume *cdiv1.DataVolume
	// TargetClaim is the claim of the target, or what has the name that it would have.
	TargetClaim *corev1.PersistentVolumeClaim
	// ClassFound: the StorageClass of spec exists.
	ClassFound bool
	// Complete: the disk stands on a claim of its own that is bound and filled.
	Complete bool
	// Grows: the claim grows, or is about to.
	Grows bool
	// RequestedSize is what the claim was asked for so far; nil before anything was.
	RequestedSize *resource.Quantity
}
