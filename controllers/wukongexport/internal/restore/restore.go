// Package restore decides about the claim that is restored from the VolumeSnapshot of an export. It reads and writes
// nothing.
package restore

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// Inputs decide about an export of a VolumeSnapshot.
type Inputs struct {
	Export *v1alpha1.WukongExport
	// Served reports that the cluster serves VolumeSnapshots.
	Served bool
	// Snapshot is nil when it does not exist.
	Snapshot *unstructured.Unstructured
	// Origin is the claim that the snapshot was taken of; nil when it does not exist any more.
	Origin *corev1.PersistentVolumeClaim
	// Claim of the name of the restored one; nil when it does not exist.
	Claim *corev1.PersistentVolumeClaim
	// Begun reports that the Job of the export exists, which owns the restored claim.
	Begun bool
}

// NewSnapshot is an empty VolumeSnapshot. Four of its fields are read, which does not justify a module.
func NewSnapshot() *unstructured.Unstructured {
	snapshot := &unstructured.Unstructured{}
	snapshot.SetAPIVersion("snapshot.storage.k8s.io/v1")
	snapshot.SetKind("VolumeSnapshot")
	return snapshot
}

// OriginName is the name of the claim that a VolumeSnapshot was taken of; empty when it names none.
func OriginName(snapshot *unstructured.Unstructured) string {
	if snapshot == nil {
		return ""
	}
	name, _, _ := unstructured.NestedString(snapshot.Object, "spec", "source", "persistentVolumeClaimName")
	return strings.TrimSpace(name)
}

// Obstacle returns what prevents that the claim is restored; nil for nothing.
func (in Inputs) Obstacle() *operation.State {
	source := in.Export.Spec.Source.VolumeSnapshot
	switch {
	case !in.Served:
		return operation.Pending(v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())
	case in.Snapshot == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"VolumeSnapshot %s does not exist in namespace %s: create it, or create another export",
			source.Name, in.Export.Namespace)
	case !in.ready():
		message, _, _ := unstructured.NestedString(in.Snapshot.Object, "status", "error", "message")
		if message == "" {
			message = "it is not ready to use yet"
		}
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "VolumeSnapshot %s: %s", source.Name, message)
	case in.Claim == nil && in.Origin == nil && (source.StorageClassName == "" || source.VolumeMode == ""):
		return operation.Pending(v1alpha1.ReasonInvalidSpec,
			"the claim that VolumeSnapshot %s was taken of was deleted, so that its class and mode are not known: "+
				"create an export with source.volumeSnapshot.storageClassName and volumeMode", source.Name)
	case in.Claim != nil && !in.Begun:
		return operation.Pending(v1alpha1.ReasonNameConflict,
			"PersistentVolumeClaim %s already exists and is not managed by this export: it is not changed; "+
				"remove it, or give the export another name", in.Claim.Name)
	default:
		return nil
	}
}

func (in Inputs) ready() bool {
	ready, _, _ := unstructured.NestedBool(in.Snapshot.Object, "status", "readyToUse")
	return ready
}

// Desired is the restored claim.
func (in Inputs) Desired() *corev1.PersistentVolumeClaim {
	size, class, mode := in.size(), in.class(), in.Mode()
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportClaimName(in.Export), Namespace: in.Export.Namespace},
		Spec: corev1.PersistentVolumeClaimSpec{
			// One pod reads it.
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			VolumeMode:  &mode,
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: size},
			},
			DataSource: &corev1.TypedLocalObjectReference{
				APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot",
				Name: in.Export.Spec.Source.VolumeSnapshot.Name,
			},
		},
	}
	if class != "" {
		claim.Spec.StorageClassName = &class
	}
	return claim
}

// class is the StorageClass of the restored claim: that of the spec, otherwise that of the claim that the snapshot was
// taken of.
func (in Inputs) class() string {
	class := in.Export.Spec.Source.VolumeSnapshot.StorageClassName
	if class == "" && in.Origin != nil {
		return ptr.Deref(in.Origin.Spec.StorageClassName, "")
	}
	return class
}

// Mode is the volume mode of the restored claim: that of the spec, otherwise that of the claim that the snapshot was
// taken of.
func (in Inputs) Mode() corev1.PersistentVolumeMode {
	mode := in.Export.Spec.Source.VolumeSnapshot.VolumeMode
	if mode == "" && in.Origin != nil {
		return ptr.Deref(in.Origin.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
	}
	return mode
}

// size is the larger of the size that the driver reports for a restore, and of the claim that the snapshot was taken
// of: some drivers report the used bytes (external-snapshotter, VolumeSnapshotStatus.restoreSize is "the minimum
// size").
func (in Inputs) size() resource.Quantity {
	text, _, _ := unstructured.NestedString(in.Snapshot.Object, "status", "restoreSize")
	size, err := resource.ParseQuantity(text)
	if err != nil {
		size = resource.Quantity{}
	}
	if in.Origin != nil {
		if capacity, ok := in.Origin.Status.Capacity[corev1.ResourceStorage]; ok && capacity.Cmp(size) > 0 {
			size = capacity
		}
	}
	if size.IsZero() {
		size = resource.MustParse("1Mi") // the driver makes it as large as necessary
	}
	return size
}
