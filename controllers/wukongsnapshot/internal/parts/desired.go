package parts

import (
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Inputs decide about the VolumeSnapshot of a disk.
type Inputs struct {
	Namespace string
	Part      v1alpha1.SnapshotDiskStatus
	// ClassName is the VolumeSnapshotClass that the spec asks for; empty for the default one.
	ClassName string
	// Begin is how consistent the disks are when the VolumeSnapshot is made.
	Begin v1alpha1.SnapshotConsistency
}

// Desired is the VolumeSnapshot of a disk.
func Desired(in Inputs) *snapshotv1.VolumeSnapshot {
	claim := in.Part.ClaimName
	desired := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Name: in.Part.VolumeSnapshotName, Namespace: in.Namespace,
			Annotations: map[string]string{v1alpha1.AnnotationSnapshotBegun: string(in.Begin)},
		},
		Spec: snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &claim}},
	}
	if in.ClassName != "" {
		desired.Spec.VolumeSnapshotClassName = &in.ClassName
	}
	return desired
}
