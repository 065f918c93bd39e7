package diskmove

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// A disk has two DataVolumes during a move. Which of them holds the disk is read from the DataVolumes themselves: each
// but the first records which claim it was moved from, and whether it is in use. Status only repeats it.

// Copies are the DataVolumes of the moves of a disk, finished or not.
type Copies struct {
	// Current is the name of the claim that holds the disk.
	Current string
	// DataVolume is that of the current claim, when the disk has moved before. The first one is read by its name.
	DataVolume *cdiv1.DataVolume
	// Target will replace the current one.
	Target *cdiv1.DataVolume
	// Stale ones are no longer needed.
	Stale []*cdiv1.DataVolume
}

// Arrange assigns the DataVolumes of a disk's moves to their roles. First is the claim that the disk began with.
func Arrange(first string, moved []*cdiv1.DataVolume) Copies {
	result := Copies{Current: first}
	slices.SortFunc(moved,
		func(one, two *cdiv1.DataVolume) int { return one.CreationTimestamp.Compare(two.CreationTimestamp.Time) })
	for _, candidate := range moved {
		if inUse(candidate) && !slices.ContainsFunc(moved,
			func(other *cdiv1.DataVolume) bool { return inUse(other) && movedFrom(other) == candidate.Name }) {
			result.Current, result.DataVolume = candidate.Name, candidate
		}
	}
	for _, candidate := range moved {
		switch {
		case candidate == result.DataVolume:
		case !inUse(candidate) && movedFrom(candidate) == result.Current && result.Target == nil:
			result.Target = candidate
		default:
			result.Stale = append(result.Stale, candidate)
		}
	}
	return result
}

func movedFrom(dataVolume *cdiv1.DataVolume) string {
	return dataVolume.Annotations[v1alpha1.AnnotationMovedFrom]
}

func inUse(dataVolume *cdiv1.DataVolume) bool {
	return dataVolume.Annotations[v1alpha1.AnnotationInUse] == "true"
}

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
