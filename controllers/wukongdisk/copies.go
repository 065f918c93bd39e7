package wukongdisk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// A disk that moves has two DataVolumes for a while. Which of them holds the disk is read from the DataVolumes themselves: each but the first
// says which claim it was moved from, and since when it is in use itself. Status only repeats it.

// copies are the DataVolumes that a disk moved to, or is to move to.
type copies struct {
	// current is the name of the claim that holds the disk.
	current string
	// dataVolume of the current claim, when the disk has moved before; the first one is read by its name.
	dataVolume *cdiv1.DataVolume
	// target is on its way to take the place of the current one.
	target *cdiv1.DataVolume
	// stale ones have no part any more.
	stale []*cdiv1.DataVolume
}

// arrange tells the DataVolumes that a disk moved to apart.
func arrange(first string, moved []*cdiv1.DataVolume) copies {
	result := copies{current: first}
	slices.SortFunc(moved, func(one, two *cdiv1.DataVolume) int { return one.CreationTimestamp.Compare(two.CreationTimestamp.Time) })
	for _, candidate := range moved {
		if inUse(candidate) && !slices.ContainsFunc(moved, func(other *cdiv1.DataVolume) bool { return inUse(other) && movedFrom(other) == candidate.Name }) {
			result.current, result.dataVolume = candidate.Name, candidate
		}
	}
	for _, candidate := range moved {
		switch {
		case candidate == result.dataVolume:
		case !inUse(candidate) && movedFrom(candidate) == result.current && result.target == nil:
			result.target = candidate
		default:
			result.stale = append(result.stale, candidate)
		}
	}
	return result
}

func movedFrom(dataVolume *cdiv1.DataVolume) string {
	return dataVolume.Annotations[v1alpha1.AnnotationMovedFrom]
}

func inUse(dataVolume *cdiv1.DataVolume) bool {
	return dataVolume.Annotations[v1alpha1.AnnotationInUse] == "true"
}

// claimName is the claim that holds the disk, or will.
func (o *observation) claimName(disk *v1alpha1.WukongDisk) string {
	return cmp.Or(o.copies.current, disk.ClaimName())
}

// observeCopies finds the claim that holds the disk. A spec that never changed never asked for a move, and spares the list.
func (r *Reconciler) observeCopies(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	observed.copies = copies{current: disk.ClaimName()}
	if !observed.importerServed && !disk.AdoptsClaim() && disk.Status.ClaimName != "" {
		observed.copies.current = disk.Status.ClaimName
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
		if apply.Belongs(&list.Items[i], disk) {
			moved = append(moved, &list.Items[i])
		}
	}
	observed.copies = arrange(disk.Name, moved)
	if observed.copies.dataVolume == nil && disk.Status.ClaimName != "" && disk.Status.ClaimName != disk.Name {
		// Someone took the DataVolume away from under a claim that the disk moved to. The disk is not made anew for that.
		observed.copies.current = disk.Status.ClaimName
	}
	return r.observeFirst(ctx, disk, observed)
}

// observeTargetClaim reads the claim of the target, or what has the name that it would have: the claim of an earlier one may go later than
// its DataVolume.
func (r *Reconciler) observeTargetClaim(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	name := ""
	switch class := otherClass(disk, observed); {
	case observed.copies.target != nil:
		name = observed.copies.target.Name
	case class != "":
		name = targetName(disk, class, observed.claimName(disk))
	default:
		return nil
	}
	var err error
	observed.targetClaim, err = read.Get(ctx, r.client, disk.Namespace, name, &corev1.PersistentVolumeClaim{})
	return err
}

// observeFirst reads what is left of the DataVolume that a disk began with, after it moved.
func (r *Reconciler) observeFirst(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if observed.copies.current == disk.Name {
		return nil
	}
	first, err := read.Get(ctx, r.client, disk.Namespace, disk.Name, &cdiv1.DataVolume{})
	if err != nil {
		return err
	}
	if first != nil && apply.Belongs(first, disk) {
		observed.copies.stale = append(observed.copies.stale, first)
	}
	return nil
}

// takePlace makes the target the current claim of the observation.
func (o *observation) takePlace() {
	if o.dataVolume != nil {
		o.copies.stale = append(o.copies.stale, o.dataVolume)
	}
	o.dataVolume, o.claim = o.copies.target, o.targetClaim
	o.copies.current, o.copies.dataVolume = o.copies.target.Name, o.copies.target
	o.copies.target, o.targetClaim, o.growth = nil, nil, nil
}

// clearAway deletes what the disk has moved away from, once status names the claim that it moved to.
func (r *Reconciler) clearAway(ctx context.Context, observed *observation) error {
	for _, dataVolume := range observed.copies.stale {
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
