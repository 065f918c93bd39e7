package wukongdisk

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// finalize goes as far as what exists allows: wait for users, let a retained claim go free, end.
func (r *Reconciler) finalize(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	// What is refused does not hold up the end of a disk that is retained: its claim is orphaned below.
	if err := r.settleOwnership(ctx, disk, observed); err != nil && (!retains(disk) || !apply.Permanent(err)) {
		return err
	}
	if err := r.settleProtection(ctx, disk, observed); err != nil {
		return err
	}
	if len(observed.custodyInputs(disk).Users(observed.attachedTo)) > 0 {
		// What a machine has begun goes on: the machine has the disk until it lets go of it.
		if err := r.carryMove(ctx, disk, observed); err != nil {
			return err
		}
		return r.writeStatus(ctx, disk, observed)
	}
	if keepsClaim(disk, observed) {
		if err := r.settleCopies(ctx, disk, observed); err != nil {
			return err
		}
		if observed.dataVolume.DeletionTimestamp.IsZero() {
			if err := r.orphanClaim(ctx, observed.dataVolume); err != nil {
				return err
			}
		}
		return r.writeStatus(ctx, disk, observed)
	}
	return r.applier.RemoveFinalizer(ctx, disk.DeepCopy(), v1alpha1.FinalizerDisk)
}

// retains tells whether the claim outlives the disk.
func retains(disk *v1alpha1.WukongDisk) bool {
	return disk.Spec.ReclaimPolicy == v1alpha1.ReclaimRetain && !disk.AdoptsClaim()
}

// settleOwnership brings what hangs on the disk to what its reclaim policy is now. The claim itself hangs on the disk only after CDI collected
// a finished DataVolume as garbage.
func (r *Reconciler) settleOwnership(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	for _, dataVolume := range append([]*cdiv1.DataVolume{observed.dataVolume, observed.copies.Target}, observed.copies.Stale...) {
		if dataVolume == nil || !dataVolume.DeletionTimestamp.IsZero() {
			continue
		}
		if err := r.applier.SettleOwnership(ctx, disk, dataVolume, retains(disk), prePopulated(dataVolume)); err != nil {
			return err
		}
	}
	if observed.claim == nil || disk.AdoptsClaim() {
		return nil
	}
	return r.applier.SettleOwnership(ctx, disk, observed.claim, retains(disk), nil)
}

// keepsClaim tells whether a claim that shall be retained still hangs on its DataVolume, and would go with it.
func keepsClaim(disk *v1alpha1.WukongDisk, observed *observation) bool {
	return retains(disk) && observed.dataVolume != nil && model.Belongs(observed.dataVolume, disk)
}

// orphanClaim deletes the DataVolume and leaves its claim: the garbage collector takes the claim's owner reference off before the
// DataVolume goes, so no moment exists in which the claim could be collected.
func (r *Reconciler) orphanClaim(ctx context.Context, dataVolume *cdiv1.DataVolume) error {
	uid := dataVolume.UID
	err := r.client.Delete(ctx, dataVolume,
		client.PropagationPolicy(metav1.DeletePropagationOrphan), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete DataVolume %s and keep its claim: %w", dataVolume.Name, err)
	}
	return nil
}

// settleCopies ends what a disk that shall be retained has beside its current claim, before that goes free. A claim that a machine may have
// taken over is kept too: nothing says for sure that the bytes are not there.
func (r *Reconciler) settleCopies(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if err := r.clearAway(ctx, observed); err != nil {
		return err
	}
	target := observed.copies.Target
	switch {
	case target == nil || !target.DeletionTimestamp.IsZero():
		return nil
	case disk.Status.Move != nil && disk.Status.Move.Method == v1alpha1.MoveLive && disk.Status.Move.Phase != v1alpha1.MovePreparing:
		return r.orphanClaim(ctx, target)
	default:
		return r.deleteCopy(ctx, target)
	}
}

func terminating(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if inUse := observed.custodyInputs(disk).Users(observed.attachedTo); len(inUse) > 0 {
		return problem.In(v1alpha1.DiskTerminating, v1alpha1.ReasonInUse,
			"the disk is used by %s, and is deleted when no machine uses it; take it out of spec.disks there, or delete the machine",
			strings.Join(inUse, ", "))
	}
	return problem.In(v1alpha1.DiskTerminating, v1alpha1.ReasonTerminating, "the claim is being released, to stay as reclaimPolicy Retain says")
}
