// Package growth decides how the claim of a disk gets the size that the spec asks for. It reads what that depends on,
// and writes nothing.
package growth

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

// Alignment of images, in bytes: CDI and KubeVirt round the size of an image down to a multiple of it.
const Alignment = 1 << 20

// Inputs decide about the size of a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// Claim is the disk's own claim; nil when it does not exist. DataVolume is nil when it does not exist.
	Claim      *corev1.PersistentVolumeClaim
	DataVolume *cdiv1.DataVolume
	// Moves reports that the disk moves to another class. It grows after it moved.
	Moves bool
	// Storage is nil when the claim need not grow, or cannot grow now (see Wanted).
	Storage *Storage
}

// Complete reports whether the disk has a claim of its own that is bound and filled.
func (in Inputs) Complete() bool {
	if in.Disk.AdoptsClaim() || in.Claim == nil || diskstate.Bound(in.Claim) != nil {
		return false
	}
	return in.DataVolume == nil || in.DataVolume.Status.Phase == cdiv1.Succeeded
}

// Wanted reports whether spec.size was raised, and the claim can grow now: in Kubernetes only bound claims can grow,
// and while CDI fills a claim only CDI may change it.
func (in Inputs) Wanted() bool {
	if !in.Complete() || in.Moves {
		return false
	}
	recorded := in.RequestedSize()
	return recorded != nil && in.Disk.Spec.Size.Cmp(*recorded) > 0
}

// Begins reports whether the request of the claim has to be raised now.
func (in Inputs) Begins() bool { return in.Storage != nil && in.unsupported() == nil }

// RequestedSize is the last spec.size that was requested from the storage; nil before the first request.
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
	// CDI collected the DataVolume, and with it the size that was requested, or the DataVolume got the size of a
	// snapshot. The size that was requested is at most the request of the claim.
	request := in.Claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if in.Disk.Spec.Size.Cmp(request) < 0 {
		return in.Disk.Spec.Size
	}
	return &request
}

// Request is the size that the claim has to request.
func (in Inputs) Request() resource.Quantity {
	return ClaimRequest(*in.Disk.Spec.Size, in.Claim.Spec.Resources.Requests[corev1.ResourceStorage], in.Storage.Overhead)
}

// ClaimRequest is the size that a claim must request so that an image of a size fits. It is CDI's formula
// (pkg/controller/common/util.go, GetRequiredSpace), rounded up, because KubeVirt rounds down when it computes the size
// of the image from the claim (pkg/virt-launcher/virtwrap/manager.go, possibleGuestSize). A larger request stays as it
// is.
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

// Problem reports why a complete disk does not have the size of the spec; nil when it has.
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

// unsupported reports why the claim cannot grow. The API server would refuse the request with a message that is less
// clear.
func (in Inputs) unsupported() *diskstate.Problem {
	if in.Storage == nil {
		return nil
	}
	className := ptr.Deref(in.Claim.Spec.StorageClassName, "")
	switch class := in.Storage.Class; {
	case class == nil:
		return diskstate.Failed(v1alpha1.ReasonExpansionUnsupported,
			"the disk cannot grow to %s: StorageClass %q of PersistentVolumeClaim %s no longer exists; "+
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
