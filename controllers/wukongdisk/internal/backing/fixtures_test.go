package backing

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func diskWith(options ...builder.DiskOption) *v1alpha1.WukongDisk {
	disk := builder.Disk("shop", "root", options...)
	disk.UID = "disk-uid"
	return disk
}

// marked is a disk that was complete once.
func marked() *v1alpha1.WukongDisk {
	disk := diskWith()
	disk.Annotations = map[string]string{v1alpha1.AnnotationFilled: "root"}
	return disk
}

func controlledBy(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: uid, Controller: ptr.To(true)}}
}

// dataVolumeIn is the disk's own DataVolume in a phase.
func dataVolumeIn(phase cdiv1.DataVolumePhase) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: "root", Namespace: "shop", UID: "volume-uid",
			OwnerReferences: controlledBy("WukongDisk", "root", "disk-uid"),
		},
		Status: cdiv1.DataVolumeStatus{Phase: phase},
	}
}

// claimIn is the claim in a phase that CDI made for the disk's DataVolume.
func claimIn(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name: "root", Namespace: "shop", OwnerReferences: controlledBy("DataVolume", "root", "volume-uid"),
		},
		Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("fast"), VolumeName: "pv-1"},
		Status: corev1.PersistentVolumeClaimStatus{
			Phase: phase, Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1200Mi")},
		},
	}, diskstate.KeepClaim)
}
