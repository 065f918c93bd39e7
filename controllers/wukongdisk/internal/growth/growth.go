// Package growth is how the claim of a disk comes to have the size that the spec asks for. It decides, and writes nothing.
package growth

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

// Alignment of images, in bytes: CDI and KubeVirt cut the size of an image down to it.
const Alignment = 1 << 20

// Inputs are what decides about the size of a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// Claim is the claim that holds the disk, DataVolume its DataVolume; nil when they do not exist, or the claim is not the disk's.
	Claim      *corev1.PersistentVolumeClaim
	DataVolume *cdiv1.DataVolume
	// Moves: the disk is on its way to another class. It grows when it has moved.
	Moves bool
	// Storage is what was read about the claim's storage; nil when it need not grow, or cannot yet (see Wanted).
	Storage *Storage
}

// Storage is what the growth of a claim depends on.
type Storage struct {
	// Class of the claim; nil when it does not exist any more.
	Class *storagev1.StorageClass
	// Overhead is the part of a file system volume that is not the image's, between 0 and 1; 0 for a block volume.
	Overhead float64
}

// Complete reports whether the disk stands on a claim of its own that is bound and filled.
func (in Inputs) Complete() bool {
	if in.Disk.AdoptsClaim() || in.Claim == nil || diskstate.Bound(in.Claim) != nil {
		return false
	}
	return in.DataVolume == nil || in.DataVolume.Status.Phase == cdiv1.Succeeded
}

// Wanted reports whether the claim was asked for less than the spec says, and can be asked for more: Kubernetes lets bound claims grow only,
// and while CDI fills one it belongs to CDI.
func (in Inputs) Wanted() bool {
	if !in.Complete() || in.Moves {
		return false
	}
	recorded := in.RequestedSize()
	return recorded != nil && in.Disk.Spec.Size.Cmp(*recorded) > 0
}

// Begins reports whether the claim is to be asked for more now.
func (in Inputs) Begins() bool { return in.Storage != nil && in.unsupported() == nil }

// RequestedSize is what the claim was asked for so far, in the terms of spec.size; nil before anything was.
func (in Inputs) RequestedSize() *resource.Quantity {
	if in.Disk.AdoptsClaim() {
		return nil
	}
	if in.Claim != nil {
		if recorded, err := resource.ParseQuantity(in.Claim.Annotations[v1alpha1.AnnotationRequestedSize]); err == nil {
			return &recorded
		}
	}
	if in.DataVolume != nil && in.DataVolume.Spec.Storage != nil {
		if request, asked := in.DataVolume.Spec.Storage.Resources.Requests[corev1.ResourceStorage]; asked {
			return &request
		}
	}
	if in.Claim == nil {
		return nil
	}
	// CDI collected the DataVolume, and with it the size that it was made for, or it left the size to its snapshot: it is not more than the
	// claim.
	request := in.Claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if in.Disk.Spec.Size.Cmp(request) < 0 {
		return in.Disk.Spec.Size
	}
	return &request
}

// Request is what the claim is to ask for.
func (in Inputs) Request() resource.Quantity {
	return ClaimRequest(*in.Disk.Spec.Size, in.Claim.Spec.Resources.Requests[corev1.ResourceStorage], in.Storage.Overhead)
}

// ClaimRequest is what a claim must ask for so that an image of the size fits: CDI's formula (pkg/controller/common/util.go,
// GetRequiredSpace), rounded up to where KubeVirt rounds down when it computes the image from the claim again
// (pkg/virt-launcher/virtwrap/manager.go, possibleGuestSize). A claim that is larger already stays as it is.
func ClaimRequest(size, current resource.Quantity, overhead float64) resource.Quantity {
	request := size
	if overhead > 0 {
		bytes := int64(math.Ceil(float64(roundUp(size.Value())) / (1 - overhead)))
		request = *resource.NewQuantity(roundUp(bytes), resource.BinarySI)
	}
	if request.Cmp(current) < 0 {
		return current
	}
	return request
}

func roundUp(bytes int64) int64 { return (bytes + Alignment - 1) / Alignment * Alignment }

// Problem says why a complete disk has not the size that the spec says; nil when it has.
func (in Inputs) Problem() *diskstate.Problem {
	if !in.Complete() {
		return nil
	}
	if recorded := in.RequestedSize(); recorded != nil && in.Disk.Spec.Size.Cmp(*recorded) < 0 {
		return diskstate.Failed(v1alpha1.ReasonInvalidSpec,
			"spec.size is %s, and the claim was asked for %s already: a disk never shrinks; set spec.size to %s",
			in.Disk.Spec.Size, recorded, recorded)
	}
	if found := in.unsupported(); found != nil {
		return found
	}
	return diskstate.Grows(in.Claim)
}

// unsupported: the API server would refuse the request, and not say why so plainly.
func (in Inputs) unsupported() *diskstate.Problem {
	if in.Storage == nil {
		return nil
	}
	className := ptr.Deref(in.Claim.Spec.StorageClassName, "")
	switch class := in.Storage.Class; {
	case class == nil:
		return diskstate.Failed(v1alpha1.ReasonExpansionUnsupported,
			"the disk cannot grow to %s: StorageClass %q of PersistentVolumeClaim %s does not exist any more; "+
				"create it with allowVolumeExpansion: true, or set spec.size back to %s",
			in.Disk.Spec.Size, className, in.Claim.Name, in.RequestedSize())
	case !ptr.Deref(class.AllowVolumeExpansion, false):
		return diskstate.Failed(v1alpha1.ReasonExpansionUnsupported,
			"the disk cannot grow to %s: StorageClass %s does not allow expansion; "+
				"set allowVolumeExpansion: true there if its provisioner can, or set spec.size back to %s",
			in.Disk.Spec.Size, className, in.RequestedSize())
	default:
		return nil
	}
}
