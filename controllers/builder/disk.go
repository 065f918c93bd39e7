package builder

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// DiskOption changes the spec of a disk, or of a template of disks.
type DiskOption = func(*v1alpha1.WukongDiskSpec)

// Disk is a blank disk of 1Gi on the default class.
func Disk(namespace, name string, options ...DiskOption) *v1alpha1.WukongDisk {
	return &v1alpha1.WukongDisk{ObjectMeta: meta(namespace, name), Spec: DiskSpec(options...)}
}

// DiskSpec is the spec of such a disk, for a template.
func DiskSpec(options ...DiskOption) v1alpha1.WukongDiskSpec {
	size := resource.MustParse("1Gi")
	spec := v1alpha1.WukongDiskSpec{Size: &size}
	apply(&spec, options)
	return spec
}

// Size of a disk, such as 64Mi.
func Size(size string) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) {
		quantity := resource.MustParse(size)
		spec.Size = &quantity
	}
}

// OnClass is on a StorageClass.
func OnClass(name string) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) { spec.StorageClassName = &name }
}

// OnBlock is a disk whose volume is a block device.
func OnBlock(spec *v1alpha1.WukongDiskSpec) {
	mode := corev1.PersistentVolumeBlock
	spec.VolumeMode = &mode
}

// Reclaim says what happens to a disk's bytes at its end.
func Reclaim(policy v1alpha1.ReclaimPolicy) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) { spec.ReclaimPolicy = policy }
}

// Detach says what happens to a stamped disk that leaves its machine's spec.
func Detach(policy v1alpha1.DetachPolicy) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) { spec.DetachPolicy = policy }
}

// Protected disks cannot be deleted.
func Protected(spec *v1alpha1.WukongDiskSpec) {
	protection := true
	spec.DeletionProtection = &protection
}

// Shared disks may be in several machines at a time.
func Shared(spec *v1alpha1.WukongDiskSpec) {
	shared := true
	spec.Shared = &shared
}

// CloneableFrom grants disks of other namespaces to start from this one; "*" stands for all.
func CloneableFrom(namespaces ...string) DiskOption {
	return func(spec *v1alpha1.WukongDiskSpec) { spec.CloneableFrom = namespaces }
}
