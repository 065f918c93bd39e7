package wukongdisk

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// claimName is the claim that holds the disk, or will.
func (o *observation) claimName(disk *v1alpha1.WukongDisk) string {
	return cmp.Or(o.copies.Current, disk.ClaimName())
}

// observeCopies finds the claim that holds the disk. A spec that never changed never asked for a move, and spares the list.
func (r *Reconciler) observeCopies(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	observed.copies = diskmove.Copies{Current: disk.ClaimName()}
	if !observed.importerServed && !disk.AdoptsClaim() && disk.Status.ClaimName != "" {
		observed.copies.Current = disk.Status.ClaimName
	}
	if disk.AdoptsClaim() || !observed.importerServed || disk.Generation <= 1 && disk.Status.Move == nil {
		return nil
	}
	list := &cdiv1.DataVolumeList{}
	err := r.client.List(ctx, list, client.InNamespace(disk.Namespace), client.MatchingLabels{v1alpha1.LabelDisk: string(disk.UID)})
	if err != nil {
		return fmt.Errorf("list the DataVolumes of disk %s: %w", disk.Name, err)
	}
	var moved []*cdiv1.DataVolume
	for i := range list.Items {
		if model.Belongs(&list.Items[i], disk) {
			moved = append(moved, &list.Items[i])
		}
	}
	observed.copies = diskmove.Arrange(disk.Name, moved)
	if observed.copies.DataVolume == nil && disk.Status.ClaimName != "" && disk.Status.ClaimName != disk.Name {
		// Someone took the DataVolume away from under a claim that the disk moved to. The disk is not made anew for that.
		observed.copies.Current = disk.Status.ClaimName
	}
	return r.observeFirst(ctx, disk, observed)
}

// observeTargetClaim reads the claim of the target, or what has the name that it would have: the claim of an earlier one may go later than
// its DataVolume.
func (r *Reconciler) observeTargetClaim(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	name := ""
	switch class := observed.moveInputs(disk).OtherClass(); {
	case observed.copies.Target != nil:
		name = observed.copies.Target.Name
	case class != "":
		name = diskmove.TargetName(disk, class, observed.claimName(disk))
	default:
		return nil
	}
	var err error
	observed.targetClaim, err = read.Get(ctx, r.client, disk.Namespace, name, &corev1.PersistentVolumeClaim{})
	return err
}

// observeFirst reads what is left of the DataVolume that a disk began with, after it moved.
func (r *Reconciler) observeFirst(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if observed.copies.Current == disk.Name {
		return nil
	}
	first, err := read.Get(ctx, r.client, disk.Namespace, disk.Name, &cdiv1.DataVolume{})
	if err != nil {
		return err
	}
	if first != nil && model.Belongs(first, disk) {
		observed.copies.Stale = append(observed.copies.Stale, first)
	}
	return nil
}

// takePlace makes the target the current claim of the observation.
func (o *observation) takePlace() {
	if o.dataVolume != nil {
		o.copies.Stale = append(o.copies.Stale, o.dataVolume)
	}
	o.dataVolume, o.claim = o.copies.Target, o.targetClaim
	o.copies.Current, o.copies.DataVolume = o.copies.Target.Name, o.copies.Target
	o.copies.Target, o.targetClaim, o.growing = nil, nil, nil
}

// clearAway deletes what the disk has moved away from, once status names the claim that it moved to.
func (r *Reconciler) clearAway(ctx context.Context, observed *observation) error {
	for _, dataVolume := range observed.copies.Stale {
		if err := r.deleteCopy(ctx, dataVolume); err != nil {
			return err
		}
	}
	return nil
}

// deleteCopy deletes what was read, and not what may have come under its name since. The claim goes with its DataVolume: no role of Wukong
// may delete a claim.
func (r *Reconciler) deleteCopy(ctx context.Context, dataVolume *cdiv1.DataVolume, more ...client.DeleteOption) error {
	if !dataVolume.DeletionTimestamp.IsZero() {
		return nil
	}
	uid := dataVolume.UID
	options := append([]client.DeleteOption{client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid}}, more...)
	if err := r.client.Delete(ctx, dataVolume, options...); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete DataVolume %s, which does not hold the disk: %w", dataVolume.Name, err)
	}
	return nil
}
