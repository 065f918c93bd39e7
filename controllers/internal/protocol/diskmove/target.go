package diskmove

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// targetVolume returns the DataVolume that a disk moves to: blank for KubeVirt to fill, or a clone of a claim that no
// guest has. It records which claim holds the disk, and CDI must not collect it.
func (in Inputs) targetVolume(move *v1alpha1.DiskMove) *cdiv1.DataVolume {
	annotations := map[string]string{v1alpha1.AnnotationMovedFrom: in.Copies.Current,
		dvstate.AnnotationDeleteAfterCompletion: "false",
		dvstate.AnnotationPopulatedFor:          move.TargetClaimName}
	source := &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}
	if move.Method == v1alpha1.MoveCopy {
		source = &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: in.Disk.Namespace,
			Name: in.Copies.Current}}
		annotations[dvstate.AnnotationBindNow] = "true" // no guest may be its first consumer before it is complete
	}
	storage := &cdiv1.StorageSpec{
		StorageClassName: &move.TargetStorageClassName,
		VolumeMode:       in.Disk.Spec.VolumeMode,
		Resources: corev1.VolumeResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceStorage: *in.RequestedSize},
		},
	}
	for _, mode := range in.Disk.Spec.AccessModes {
		storage.AccessModes = append(storage.AccessModes, corev1.PersistentVolumeAccessMode(mode))
	}
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: move.TargetClaimName, Namespace: in.Disk.Namespace, Annotations: annotations,
			Labels: map[string]string{v1alpha1.LabelDisk: string(in.Disk.UID)},
		},
		Spec: cdiv1.DataVolumeSpec{Source: source, Storage: storage},
	}
}
