package wukongdisk

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

// alignment of images: CDI and KubeVirt cut the size of an image down to it.
const alignment = 1 << 20

// growth is what was read to let a claim grow; nil when it need not, or cannot yet.
type growth struct {
	// class of the claim; nil when it does not exist any more.
	class *storagev1.StorageClass
	// overhead is the part of a file system volume that is not the image's, between 0 and 1; 0 for a block volume.
	overhead float64
}

// growthWanted tells whether the claim was asked for less than the spec says, and can be asked for more: Kubernetes lets bound
// claims grow only, and while CDI fills one it belongs to CDI. A disk that moves grows when it has moved.
func growthWanted(disk *v1alpha1.WukongDisk, observed *observation) bool {
	if !complete(disk, observed) || disk.Status.Move != nil || observed.copies.Target != nil {
		return false
	}
	recorded := requestedSize(disk, observed)
	return recorded != nil && disk.Spec.Size.Cmp(*recorded) > 0
}

// complete tells whether the disk stands on a claim of its own that is bound and filled.
func complete(disk *v1alpha1.WukongDisk, observed *observation) bool {
	if disk.AdoptsClaim() || observed.claim == nil || !observed.ownsClaim(disk) || diskstate.Bound(observed.claim) != nil {
		return false
	}
	return observed.dataVolume == nil || observed.dataVolume.Status.Phase == cdiv1.Succeeded
}

// requestedSize is what the claim was asked for so far, in the terms of spec.size; nil before anything was.
func requestedSize(disk *v1alpha1.WukongDisk, observed *observation) *resource.Quantity {
	if disk.AdoptsClaim() {
		return nil
	}
	if observed.claim != nil && observed.ownsClaim(disk) {
		if recorded, err := resource.ParseQuantity(observed.claim.Annotations[v1alpha1.AnnotationRequestedSize]); err == nil {
			return &recorded
		}
	}
	if observed.dataVolume != nil && observed.dataVolume.Spec.Storage != nil {
		if request, asked := observed.dataVolume.Spec.Storage.Resources.Requests[corev1.ResourceStorage]; asked {
			return &request
		}
	}
	if observed.claim == nil || !observed.ownsClaim(disk) {
		return nil
	}
	// CDI collected the DataVolume, and with it the size that it was made for, or it left the size to its snapshot: it is not more than the claim.
	request := observed.claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if disk.Spec.Size.Cmp(request) < 0 {
		return disk.Spec.Size
	}
	return &request
}

// claimRequest is what a claim must ask for so that an image of the size fits: CDI's formula (pkg/controller/common/util.go,
// GetRequiredSpace), rounded up to where KubeVirt rounds down when it computes the image from the claim again
// (pkg/virt-launcher/virtwrap/manager.go, possibleGuestSize). A claim that is larger already stays as it is.
func claimRequest(size, current resource.Quantity, overhead float64) resource.Quantity {
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

func roundUp(bytes int64) int64 { return (bytes + alignment - 1) / alignment * alignment }

// expansion says why a complete disk has not the size that the spec says.
func expansion(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if !complete(disk, observed) {
		return nil
	}
	if recorded := requestedSize(disk, observed); recorded != nil && disk.Spec.Size.Cmp(*recorded) < 0 {
		return diskstate.Failed(v1alpha1.ReasonInvalidSpec, "spec.size is %s, and the claim was asked for %s already: a disk never shrinks; set spec.size to %s",
			disk.Spec.Size, recorded, recorded)
	}
	if found := expansionUnsupported(disk, observed); found != nil {
		return found
	}
	return diskstate.Grows(observed.claim)
}

// expansionUnsupported: the API server would refuse the request, and not say why so plainly.
func expansionUnsupported(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if observed.growth == nil {
		return nil
	}
	className := ptr.Deref(observed.claim.Spec.StorageClassName, "")
	class := observed.growth.class
	switch {
	case class == nil:
		return diskstate.Failed(v1alpha1.ReasonExpansionUnsupported, "the disk cannot grow to %s: StorageClass %q of PersistentVolumeClaim %s does not exist any more; "+
			"create it with allowVolumeExpansion: true, or set spec.size back to %s",
			disk.Spec.Size, className, observed.claim.Name, requestedSize(disk, observed))
	case !ptr.Deref(class.AllowVolumeExpansion, false):
		return diskstate.Failed(v1alpha1.ReasonExpansionUnsupported, "the disk cannot grow to %s: StorageClass %s does not allow expansion; "+
			"set allowVolumeExpansion: true there if its provisioner can, or set spec.size back to %s",
			disk.Spec.Size, className, requestedSize(disk, observed))
	default:
		return nil
	}
}
