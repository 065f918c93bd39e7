package wukongdisk

import (
	"context"
	"slices"

	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskrestore"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/provisioner"
)

// restoreInputs decide about the restore of the disk.
func (o *observation) restoreInputs() diskrestore.Inputs {
	in := diskrestore.Inputs{
		Disk: o.Disk, VM: o.attachment.VM(), Copies: o.Copies, Claim: o.OwnClaim(), DataVolume: o.OwnDataVolume(),
		TargetClaim: o.TargetClaim, Complete: o.growthInputs().Complete(), Origin: o.restoreOrigin,
		TargetFailure: o.targetFailure,
	}
	in.Copies.Current = o.ClaimName()
	return in
}

// observeRestore reads the VolumeSnapshot that the disk is about to be restored from.
func (r *Reconciler) observeRestore(ctx context.Context, observed *observation) (err error) {
	name := observed.restoreInputs().Snapshot()
	if name == "" {
		return nil
	}
	if observed.Copies.Restored != nil {
		observed.targetFailure, err = provisioner.ReadFailure(ctx, r.client, observed.TargetClaim)
		if err != nil {
			return err
		}
	}
	observed.restoreOrigin, err = r.sourceReader(observed).Restorable(
		ctx, observed.OwnClaim(), name, observed.growthInputs().RequestedSize())
	return err
}

// continueRestore writes what was decided about the restore. The watch of the DataVolume starts the next pass.
func (r *Reconciler) continueRestore(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	switch decided := observed.restore; {
	case decided.Create != nil:
		_, err := r.writeDataVolume(ctx, disk, decided.Create)
		return err
	case decided.Remove != nil:
		return r.deleteCopy(ctx, decided.Remove)
	case decided.Mark != nil:
		return r.applier.Mark(ctx, decided.Mark.DeepCopy(), nil, decided.Annotations)
	default:
		return nil
	}
}

// reportRestore sets status.restore, which the WukongVM acts on, and the condition Restored until the restore ended.
func reportRestore(set *conditions.Set, status *v1alpha1.WukongDiskStatus, observed *observation) {
	status.Restore = observed.restore.Status.DeepCopy()
	if status.Restore == nil || status.Restore.Phase == v1alpha1.DiskRestoreDone {
		return
	}
	reason := string(status.Restore.Phase)
	if err := observed.outcome.Of(stepRestore); apply.Permanent(err) {
		found := writeRefused(err)
		reason, status.Restore.Message = found.Reason, found.Message
	}
	set.False(v1alpha1.ConditionRestored, reason, status.Restore.Message)
}

// rejected are the DataVolumes that a guest ran on and that are about to be deleted, because the claim that they
// replaced was put back.
func (o *observation) rejected() []*cdiv1.DataVolume {
	if o.Copies.Restored == nil || !copies.Rejected(o.Copies.Restored) {
		return nil
	}
	return []*cdiv1.DataVolume{o.Copies.Restored}
}

// stale are the DataVolumes that no longer hold the disk, and that nobody may put back.
func (o *observation) stale() []*cdiv1.DataVolume {
	restore := o.restoreInputs()
	return slices.DeleteFunc(slices.Clone(o.Copies.Stale), restore.Spares)
}
