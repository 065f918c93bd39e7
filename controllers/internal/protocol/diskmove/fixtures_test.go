package diskmove

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

// diskWith returns a blank disk of 1Gi named root, changed by options.
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
		disk.Spec.Source = &v1alpha1.WukongDiskSource{PersistentVolumeClaim: &v1alpha1.ClaimSource{Name: claim}}
	}
}

func ofClass(name string) func(*v1alpha1.WukongDisk) {
	return func(disk *v1alpha1.WukongDisk) { disk.Spec.StorageClassName = &name }
}

func dataVolumeIn(phase cdiv1.DataVolumePhase) *cdiv1.DataVolume {
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: "shop", UID: "volume-uid"},
		Spec:       cdiv1.DataVolumeSpec{Storage: &cdiv1.StorageSpec{}},
		Status:     cdiv1.DataVolumeStatus{Phase: phase},
	}
}

// claimBound returns the claim of the disk, of the class fast.
func claimBound() *corev1.PersistentVolumeClaim {
	return keeptest.Object(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: "shop"},
		Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: ptr.To("fast")},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}, diskstate.KeepClaim)
}

// attachedVM lists the disk root.
func attachedVM(options ...func(*v1alpha1.WukongVM)) v1alpha1.WukongVM {
	vm := v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop"},
		Spec: v1alpha1.WukongVMSpec{
			Disks: []v1alpha1.VMDisk{{Name: "root", DiskRef: &v1alpha1.LocalObjectReference{Name: "root"}}}},
	}
	for _, option := range options {
		option(&vm)
	}
	return vm
}

func ending(vm *v1alpha1.WukongVM) { vm.DeletionTimestamp = ptr.To(metav1.Now()) }

func running(status corev1.ConditionStatus, reason, message string) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason, Message: message}
}

func boundCondition(reason, message string) cdiv1.DataVolumeCondition {
	return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeBound, Status: corev1.ConditionFalse,
		Reason: reason, Message: message}
}
