package wukongdisk

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/protection"
)

// finalize does the next step of a deletion: it waits for users, then releases a retained claim, then removes the
// finalizer.
func (r *Reconciler) finalize(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	// A refusal does not delay the deletion of a retained disk: its claim is orphaned below.
	if err := r.settleOwnership(ctx, disk, observed); err != nil &&
		(!protection.Retains(disk) || !apply.Permanent(err)) {
		return err
	}
	if err := r.settleProtection(ctx, disk, observed); err != nil {
		return err
	}
	if len(observed.attachment.Users()) > 0 {
		// A move or restore continues that a WukongVM has begun: it has the disk until it releases it.
		if err := r.continueMove(ctx, disk, observed); err != nil {
			return err
		}
		if err := r.continueRestore(ctx, disk, observed); err != nil {
			return err
		}
		return r.writeStatus(ctx, disk, observed)
	}
	if !protection.KeepsClaim(observed.View) {
		return r.applier.RemoveFinalizer(ctx, disk.DeepCopy(), v1alpha1.FinalizerDisk)
	}
	if err := r.deleteOtherCopies(ctx, disk, observed); err != nil {
		return err
	}
	if observed.DataVolume.DeletionTimestamp.IsZero() {
		if err := r.orphanClaim(ctx, observed.DataVolume); err != nil {
			return err
		}
	}
	return r.writeStatus(ctx, disk, observed)
}

// settleOwnership gives the storage of the disk the owner reference, or removes it, as its reclaim policy is now.
func (r *Reconciler) settleOwnership(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	for _, child := range protection.Children(observed.View) {
		err := r.applier.SettleOwnership(ctx, disk, child.Object, protection.Retains(disk), child.Annotations)
		if err != nil {
			return err
		}
	}
	return nil
}

// settleProtection gives the storage of a protected disk the label of protection, or removes it. It also removes it
// from the storage that the disk moved away from, which is about to be deleted.
func (r *Reconciler) settleProtection(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if err := r.change(ctx, protection.Changes(observed.View, observed.growthInputs().Complete())); err != nil {
		return err
	}
	for _, stale := range append(observed.stale(), observed.rejected()...) {
		if err := r.change(ctx, protection.Unprotect(stale)); err != nil {
			return err
		}
		claim, err := read.Get(ctx, r.client, disk.Namespace, stale.Name, &corev1.PersistentVolumeClaim{})
		if err != nil {
			return err
		}
		if claim == nil || !metav1.IsControlledBy(claim, stale) {
			continue
		}
		if err := r.change(ctx, protection.Unprotect(claim)); err != nil {
			return err
		}
	}
	return nil
}

// change writes changes of metadata. An object that was deleted needs none.
func (r *Reconciler) change(ctx context.Context, changes []protection.Change) error {
	for _, change := range changes {
		err := r.applier.Mark(ctx, change.Object, change.Labels, change.Annotations)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// removeOwners removes the references to deleted owners from a protected disk.
func (r *Reconciler) removeOwners(ctx context.Context, disk *v1alpha1.WukongDisk, lost []types.UID) error {
	// The API server refuses the patch if the list changed meanwhile: a merge patch replaces the whole list.
	patch := client.MergeFromWithOptions(disk, client.MergeFromWithOptimisticLock{})
	err := r.client.Patch(ctx, protection.WithoutOwners(disk, lost), patch, client.FieldOwner(fieldManager))
	if err != nil {
		return client.IgnoreNotFound(
			fmt.Errorf("take the references to deleted owners off WukongDisk %s: %w", disk.Name, err))
	}
	return nil
}

// orphanClaim deletes a DataVolume and keeps its claim. The garbage collector removes the owner reference of the claim
// before it deletes the DataVolume. CDI must not put it back: if its cache still has the DataVolume, it adopts a claim
// without an owner that is marked as filled for that DataVolume (pkg/controller/datavolume/controller-base.go,
// validatePVC), and then the garbage collector deletes the claim. So the mark is emptied first. It is not removed: CDI
// copies a mark that is missing from the DataVolume again (handleDelayedAnnotations), but no other value. CDI cannot
// adopt by an older copy of the claim either: that one has its owner, or the API server refuses the update.
func (r *Reconciler) orphanClaim(ctx context.Context, dataVolume *cdiv1.DataVolume) error {
	claim, err := read.Get(ctx, r.applier.Live, dataVolume.Namespace, dataVolume.Name, &corev1.PersistentVolumeClaim{})
	if err != nil {
		return err
	}
	if claim != nil && metav1.IsControlledBy(claim, dataVolume) {
		if err := r.applier.Mark(ctx, claim, nil, map[string]any{dvstate.AnnotationPopulatedFor: ""}); err != nil {
			return err
		}
	}
	uid := dataVolume.UID
	err = r.client.Delete(ctx, dataVolume,
		client.PropagationPolicy(metav1.DeletePropagationOrphan), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete DataVolume %s and keep its claim: %w", dataVolume.Name, err)
	}
	return nil
}

// deleteOtherCopies deletes what a retained disk has beside its current claim, before that claim is released.
func (r *Reconciler) deleteOtherCopies(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if err := r.deleteStale(ctx, observed); err != nil {
		return err
	}
	for _, dataVolume := range []*cdiv1.DataVolume{observed.Copies.Restored, observed.Copies.Previous} {
		if dataVolume == nil {
			continue
		}
		if err := r.deleteCopy(ctx, dataVolume); err != nil {
			return err
		}
	}
	target := observed.Copies.Target
	switch {
	case target == nil || !target.DeletionTimestamp.IsZero():
		return nil
	case protection.KeepsTarget(disk):
		return r.orphanClaim(ctx, target)
	default:
		return r.deleteCopy(ctx, target)
	}
}

// deleteStale deletes what the disk was moved away from, and what a restore no longer keeps. Before that, status has to
// name the claim that holds the disk.
func (r *Reconciler) deleteStale(ctx context.Context, observed *observation) error {
	for _, dataVolume := range observed.stale() {
		if err := r.deleteCopy(ctx, dataVolume); err != nil {
			return err
		}
	}
	return nil
}

// deleteCopy deletes a DataVolume, and not another one that was created with its name. The garbage collector deletes
// the claim with it: no role of Wukong may delete a claim.
func (r *Reconciler) deleteCopy(
	ctx context.Context, dataVolume *cdiv1.DataVolume, more ...client.DeleteOption,
) error {
	if !dataVolume.DeletionTimestamp.IsZero() {
		return nil
	}
	uid := dataVolume.UID
	options := append([]client.DeleteOption{
		client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid},
	}, more...)
	if err := r.client.Delete(ctx, dataVolume, options...); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete DataVolume %s, which does not hold the disk: %w", dataVolume.Name, err)
	}
	return nil
}

// clearLeftover deletes the DataVolume of a retained disk that was deleted without its finalizer, and keeps its claim,
// as any deletion of a retained disk does. A finalizer that is added after a deletion began has no effect: the API
// server decides by the finalizers that it read first (k8s.io/apiserver, pkg/registry/generic/registry/store.go,
// Delete). A DataVolume that was created in that moment would stay for ever, because it has no owner reference that the
// garbage collector could follow.
func (r *Reconciler) clearLeftover(ctx context.Context, disk types.NamespacedName) error {
	served, err := r.dependencies.Served(ctx, dependency.DataVolumes)
	if err != nil || !served {
		return err
	}
	dataVolume, err := read.Get(ctx, r.client, disk.Namespace, disk.Name, &cdiv1.DataVolume{})
	if err != nil {
		return err
	}
	owner, isLeftover := backing.LeftoverOf(disk.Name, dataVolume)
	if !isLeftover {
		return nil
	}
	live, err := read.Get(ctx, r.applier.Live, disk.Namespace, disk.Name, &v1alpha1.WukongDisk{})
	if err != nil || live != nil && live.UID == owner {
		return err
	}
	return r.orphanClaim(ctx, dataVolume)
}
