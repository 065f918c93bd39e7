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

// moveInputs are what decides about the move of the disk.
func (o *observation) moveInputs(disk *v1alpha1.WukongDisk) diskmove.Inputs {
	in := diskmove.Inputs{
		Disk: disk, VMs: o.machines, AttachedTo: o.attachedTo, Copies: o.copies, DataVolume: o.dataVolume, TargetClaim: o.targetClaim,
		ClassFound: o.classFound, Complete: o.growthInputs(disk).Complete(), RequestedSize: o.growthInputs(disk).RequestedSize(),
	}
	in.Copies.Current = o.claimName(disk)
	if o.claim != nil && o.ownsClaim(disk) {
		in.Claim = o.claim
		in.Grows = diskstate.Grows(o.claim) != nil || o.growthInputs(disk).Begins()
	}
	return in
}

// carryMove does what was decided about the move.
func (r *Reconciler) carryMove(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	decided := &observed.move
	switch {
	case decided.Create != nil:
		_, err := r.bringVolume(ctx, disk, decided.Create)
		return err
	case decided.Remove != nil:
		return r.deleteCopy(ctx, decided.Remove)
	case decided.Finish:
		if err := r.markInUse(ctx, observed.copies.Target); err != nil {
			return err
		}
		observed.takePlace()
		*decided = observed.moveInputs(disk).Decide()
	}
	return nil
}

// markInUse is the moment at which a disk has moved.
func (r *Reconciler) markInUse(ctx context.Context, target *cdiv1.DataVolume) error {
	return r.applier.Mark(ctx, target, nil, map[string]any{v1alpha1.AnnotationInUse: "true"})
}

// reportMove puts the condition StorageMoved, and what the WukongVM answers to.
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
		told := *decided.Status
		told.Message = message
		status.Move = &told
	}
}

// moving says why a disk cannot be used because it moves.
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
