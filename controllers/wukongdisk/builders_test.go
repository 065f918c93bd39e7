package wukongdisk

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

// diskWith is a blank disk of 1Gi named root, changed by options.
func diskWith(options ...func(*v1alpha1.WukongDisk)) *v1alpha1.WukongDisk {
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: "shop", UID: "disk-uid"},
		Spec:       v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))},
	}
	for _, option := range options {
		option(disk)
	}
	return disk
}

func adopting(claim string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) {
		disk.Spec.Size = nil
		disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: claim}}
	}
}

func ofClass(name string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Spec.StorageClassName = &name }
}

func retained(disk *v1alpha1.WukongDisk) { disk.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain }

func deleted(disk *v1alpha1.WukongDisk) { disk.DeletionTimestamp = ptr.To(metav1.Now()) }

func controlledBy(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{Kind: kind, Name: name, UID: uid, Controller: ptr.To(true)}}
}

// dataVolumeIn is the disk's own DataVolume, made for 1Gi, in a phase.
func dataVolumeIn(phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: "root", Namespace: "shop", UID: "volume-uid",
			OwnerReferences: controlledBy("WukongDisk", "root", "disk-uid"),
		},
		Spec:   cdiv1.DataVolumeSpec{Storage: &cdiv1.StorageSpec{Resources: requesting("1Gi")}},
		Status: cdiv1.DataVolumeStatus{Phase: phase, Conditions: conditions},
	}
}

func requesting(size string) corev1.VolumeResourceRequirements {
	return corev1.VolumeResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
	}
}

// growing is a bound claim that requests more than it has.
func growing(request, capacity string) *corev1.PersistentVolumeClaim {
	claim := claimIn(corev1.ClaimBound)
	claim.Spec.Resources = requesting(request)
	claim.Status.Capacity = requesting(capacity).Requests
	return claim
}

// claimIn is the claim that CDI made for the disk's DataVolume, in a phase.
func claimIn(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name: "root", Namespace: "shop", OwnerReferences: controlledBy("DataVolume", "root", "volume-uid"),
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To("fast"), VolumeMode: ptr.To(corev1.PersistentVolumeBlock), VolumeName: "pv-1",
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, Resources: requesting("1200Mi"),
		},
		Status: corev1.PersistentVolumeClaimStatus{
			Phase: phase, Capacity: requesting("1200Mi").Requests,
		},
	}, diskstate.KeepClaim)
}

func foreignClaim(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	claim := claimIn(phase)
	claim.OwnerReferences = nil
	return claim
}

// inherited is the claim after CDI collected the finished DataVolume as garbage, and gave the claim to its owner.
func inherited(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
	claim := claimIn(phase)
	claim.OwnerReferences = controlledBy("WukongDisk", "root", "disk-uid")
	return claim
}

func running(status corev1.ConditionStatus, reason, message string) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason, Message: message}
}

func boundCondition(reason, message string) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{
		Type: cdiv1.DataVolumeBound, Status: corev1.ConditionFalse, Reason: reason, Message: message,
	}
}

// vmWith is a WukongVM that lists the disk root.
func vmWith(name string) v1alpha1.WukongVM {
	return *builder.VM("shop", name, builder.Attached("root"))
}
