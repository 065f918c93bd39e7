package wukongexport

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

func snapshotObstacle(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	source := export.Spec.Source.VolumeSnapshot
	switch {
	case !observed.snapshotsServed:
		return operation.Pending(v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())
	case observed.snapshot == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "VolumeSnapshot %s does not exist in namespace %s: create it, or make another export", source.Name, export.Namespace)
	case !snapshotReady(observed.snapshot):
		message, _, _ := unstructured.NestedString(observed.snapshot.Object, "status", "error", "message")
		if message == "" {
			message = "it is not ready to use yet"
		}
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "VolumeSnapshot %s: %s", source.Name, message)
	case observed.claim == nil && observed.origin == nil && (source.StorageClassName == "" || source.VolumeMode == ""):
		return operation.Pending(v1alpha1.ReasonInvalidSpec,
			"the claim that VolumeSnapshot %s was taken of is gone, so that its class and mode are not known: make an export with source.volumeSnapshot.storageClassName and volumeMode", source.Name)
	case observed.claim != nil && observed.job == nil:
		return operation.Pending(v1alpha1.ReasonNameConflict, "PersistentVolumeClaim %s exists already and is not this export's: it is left alone; remove it, or name the export otherwise", observed.claim.Name)
	default:
		return nil
	}
}

// restoreSnapshot makes the claim that the Job waits for. It belongs to the Job, and goes with it.
func (r *Reconciler) restoreSnapshot(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if export.Spec.Source.VolumeSnapshot == nil || observed.snapshot == nil || observed.claim != nil && metav1.IsControlledBy(observed.claim, observed.job) {
		return nil
	}
	applied, err := apply.Child(ctx, r.applier, observed.job, restoredClaim(export, observed))
	if err != nil {
		return err
	}
	observed.claim = applied
	return nil
}

func restoredClaim(export *v1alpha1.WukongExport, observed *observation) *corev1.PersistentVolumeClaim {
	size := snapshotSize(observed)
	class, mode := restoredAs(export, observed)
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportClaimName(export), Namespace: export.Namespace},
		Spec: corev1.PersistentVolumeClaimSpec{
			// One pod reads it.
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			VolumeMode:  &mode,
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
			DataSource: &corev1.TypedLocalObjectReference{
				APIGroup: ptr.To("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: export.Spec.Source.VolumeSnapshot.Name,
			},
		},
	}
	if class != "" {
		claim.Spec.StorageClassName = &class
	}
	return claim
}

// restoredAs is the class and mode of the restored claim: those that the person says, else those of the claim that the snapshot was
// taken of.
func restoredAs(export *v1alpha1.WukongExport, observed *observation) (string, corev1.PersistentVolumeMode) {
	class, mode := export.Spec.Source.VolumeSnapshot.StorageClassName, export.Spec.Source.VolumeSnapshot.VolumeMode
	if origin := observed.origin; origin != nil {
		if class == "" {
			class = ptr.Deref(origin.Spec.StorageClassName, "")
		}
		if mode == "" {
			mode = ptr.Deref(origin.Spec.VolumeMode, corev1.PersistentVolumeFilesystem)
		}
	}
	return class, mode
}

// snapshotSize is the larger of what the driver says that a restore needs, and of the claim that the snapshot was taken of: some
// drivers tell the bytes that are used (external-snapshotter, VolumeSnapshotStatus.restoreSize is "the minimum size").
func snapshotSize(observed *observation) resource.Quantity {
	text, _, _ := unstructured.NestedString(observed.snapshot.Object, "status", "restoreSize")
	size, err := resource.ParseQuantity(text)
	if err != nil {
		size = resource.Quantity{}
	}
	if observed.origin != nil {
		if capacity, ok := observed.origin.Status.Capacity[corev1.ResourceStorage]; ok && capacity.Cmp(size) > 0 {
			size = capacity
		}
	}
	if size.IsZero() {
		size = resource.MustParse("1Mi") // the driver makes it as large as it must be
	}
	return size
}

func snapshotReady(snapshot *unstructured.Unstructured) bool {
	ready, _, _ := unstructured.NestedBool(snapshot.Object, "status", "readyToUse")
	return ready
}

func snapshotOrigin(snapshot *unstructured.Unstructured) string {
	if snapshot == nil {
		return ""
	}
	name, _, _ := unstructured.NestedString(snapshot.Object, "spec", "source", "persistentVolumeClaimName")
	return strings.TrimSpace(name)
}
