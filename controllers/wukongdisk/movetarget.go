package wukongdisk

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// targetVolume is what a disk moves to: blank for KubeVirt to fill, or a clone of the claim that nobody has. It says which claim holds the disk,
// and is not to be collected by CDI.
func targetVolume(disk *v1alpha1.WukongDisk, observed *observation, move *v1alpha1.DiskMove) *cdiv1.DataVolume {
	annotations := map[string]string{v1alpha1.AnnotationMovedFrom: observed.claimName(disk), dvstate.AnnotationDeleteAfterCompletion: "false",
		dvstate.AnnotationPopulatedFor: move.TargetClaimName}
	source := &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}
	if move.Method == v1alpha1.MoveCopy {
		source = claimSource(disk.Namespace, observed.claimName(disk))
		annotations[dvstate.AnnotationBindNow] = "true" // no machine may be its first consumer before it is complete
	}
	storage := &cdiv1.StorageSpec{
		StorageClassName: &move.TargetStorageClassName,
		VolumeMode:       disk.Spec.VolumeMode,
		Resources: corev1.VolumeResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceStorage: *requestedSize(disk, observed)},
		},
	}
	for _, mode := range disk.Spec.AccessModes {
		storage.AccessModes = append(storage.AccessModes, corev1.PersistentVolumeAccessMode(mode))
	}
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: move.TargetClaimName, Namespace: disk.Namespace, Annotations: annotations,
			Labels: map[string]string{v1alpha1.LabelDisk: string(disk.UID)},
		},
		Spec: cdiv1.DataVolumeSpec{Source: source, Storage: storage},
	}
}

// carryMove does what was decided about the move.
func (r *Reconciler) carryMove(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	decided := &observed.move
	switch {
	case decided.create != nil:
		_, err := r.bringVolume(ctx, disk, decided.create)
		return err
	case decided.remove != nil:
		return r.deleteCopy(ctx, decided.remove)
	case decided.finish:
		if err := r.markInUse(ctx, observed.copies.target); err != nil {
			return err
		}
		observed.takePlace()
		*decided = decideMove(disk, observed)
	}
	return nil
}

// markInUse is the moment at which a disk has moved.
func (r *Reconciler) markInUse(ctx context.Context, target *cdiv1.DataVolume) error {
	return r.applier.Mark(ctx, target, nil, map[string]any{v1alpha1.AnnotationInUse: "true"})
}

// reportMove puts the condition StorageMoved, and what the machine goes by.
func reportMove(set *conditions.Set, status *v1alpha1.WukongDiskStatus, observed *observation) {
	decided, moveErr := &observed.move, observed.outcome.Of(stepMove)
	reason, message := decided.reason, decided.message
	if apply.Permanent(moveErr) {
		reason, message = apply.Reason(moveErr), moveErr.Error()
		if quotaExceeded(moveErr) {
			reason = v1alpha1.ReasonQuotaExceeded
		}
	}
	if reason != "" {
		set.False(v1alpha1.ConditionStorageMoved, reason, message)
	}
	if decided.status != nil {
		told := *decided.status
		told.Message = message
		status.Move = &told
	}
}

// moving says why a disk cannot be used because it moves.
func moving(observed *observation) *problem {
	switch {
	case observed.move.undecided():
		return failed(v1alpha1.ReasonMoveUndecided, "%s", observed.move.message)
	case observed.move.locked():
		return &problem{v1alpha1.DiskMoving, v1alpha1.ReasonMoving, observed.move.message}
	default:
		return nil
	}
}
