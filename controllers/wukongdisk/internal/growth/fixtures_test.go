package growth

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func diskWith(options ...func(*v1alpha1.WukongDisk)) *v1alpha1.WukongDisk {
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Name: "root"}}
	for _, option := range options {
		option(disk)
	}
	return disk
}

func ofSize(size string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Spec.Size = ptr.To(resource.MustParse(size)) }
}

func adopting(disk *v1alpha1.WukongDisk) {
	disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: "data"}}
}

func requesting(size string) corev1.VolumeResourceRequirements {
	return corev1.VolumeResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
	}
}

func dataVolumeIn(phase cdiv1.DataVolumePhase) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "root"}, Spec: cdiv1.DataVolumeSpec{Storage: &cdiv1.StorageSpec{}},
		Status: cdiv1.DataVolumeStatus{Phase: phase},
	}
}

// sized is a DataVolume that was made for a size.
func sized(dataVolume *cdiv1.DataVolume, size string) *cdiv1.DataVolume {
	dataVolume.Spec.Storage.Resources = requesting(size)
	return dataVolume
}

func claimIn(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "root"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("fast"), Resources: requesting("1200Mi")},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: phase, Capacity: requesting("1200Mi").Requests},
	}, diskstate.KeepClaim)
}

// grown is a bound claim that asks for a size, was asked for a spec.size by us unless that is empty, and has a
// capacity.
func grown(
	request, specSize, capacity string, conditions ...corev1.PersistentVolumeClaimCondition,
) *corev1.PersistentVolumeClaim {
	claim := claimIn(corev1.ClaimBound)
	claim.Spec.Resources, claim.Status.Capacity, claim.Status.Conditions = requesting(request),
		requesting(capacity).Requests, conditions
	if specSize != "" {
		claim.Annotations = map[string]string{v1alpha1.AnnotationRequestedSize: specSize}
	}
	return claim
}
