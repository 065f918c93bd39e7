package wukongdisk

import (
	"context"

	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/problem"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
)

// targetClaimName is the name of the claim of the target of a move or restore, or the name that it would get; empty
// without a target. A claim of that name may exist without a target: the claim of an earlier one is deleted after its
// DataVolume.
func (o *observation) targetClaimName() string {
	for _, target := range []*cdiv1.DataVolume{o.Copies.Target, o.Copies.Restored} {
		if target != nil {
			return target.Name
		}
	}
	if name := o.restoreInputs().TargetName(); name != "" {
		return name
	}
	if class := o.moveInputs().OtherClass(); class != "" {
		return diskmove.TargetName(o.Disk, class, o.ClaimName())
	}
	return ""
}

// continueMove writes what was decided about the move.
func (r *Reconciler) continueMove(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	switch decided := observed.move; {
	case decided.Create != nil:
		_, err := r.writeDataVolume(ctx, disk, decided.Create)
		return err
	case decided.Remove != nil:
		return r.deleteCopy(ctx, decided.Remove)
	case decided.Finish:
		// From this write on, the target is the claim that holds the disk.
		mark := map[string]any{v1alpha1.AnnotationInUse: "true"}
		if err := r.applier.Mark(ctx, observed.Copies.Target, nil, mark); err != nil {
			return err
		}
		observed.FinishMove()
		observed.growing = nil
		observed.move = observed.moveInputs().Decide()
	}
	return nil
}

// reportMove sets the condition StorageMoved, and the status that the WukongVM answers to.
func reportMove(set *conditions.Set, status *v1alpha1.WukongDiskStatus, observed *observation) {
	decided, moveErr := &observed.move, observed.outcome.Of(stepMove)
	reason, message := decided.Reason, decided.Message
	if apply.Permanent(moveErr) {
		reason, message = apply.Reason(moveErr), moveErr.Error()
		if quotaExceeded(moveErr) {
			reason = v1alpha1.ReasonQuotaExceeded
		}
	}
	if reason != "" {
		set.False(v1alpha1.ConditionStorageMoved, reason, message)
	}
	if decided.Status != nil {
		reported := *decided.Status
		reported.Message = message
		status.Move = &reported
	}
}

// moving reports why a disk cannot be used because it moves.
func moving(observed *observation) *diskstate.Problem {
	switch {
	case observed.move.Undecided():
		return diskstate.Failed(v1alpha1.ReasonMoveUndecided, "%s", observed.move.Message)
	case observed.move.Locked():
		return problem.In(v1alpha1.DiskMoving, v1alpha1.ReasonMoving, "%s", observed.move.Message)
	default:
		return nil
	}
}
