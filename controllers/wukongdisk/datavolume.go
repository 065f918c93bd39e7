package wukongdisk

import (
	"context"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/protection"
)

// applyDataVolume writes the DataVolume, unless an obstacle prevents it, and puts it into the observation. A claim of
// the disk without a DataVolume needs none: CDI may collect finished DataVolumes as garbage. Neither does a claim that
// the disk moved to: it is not filled from its source again.
func (r *Reconciler) applyDataVolume(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if disk.AdoptsClaim() || obstacle(observed) != nil {
		return nil
	}
	if observed.DataVolume == nil && observed.Claim != nil || observed.Moved() {
		return nil
	}
	if deleted, err := r.deleteOutdated(ctx, observed); deleted || err != nil {
		return err
	}
	if err := r.addMissingMarks(ctx, observed.DataVolume); err != nil {
		return err
	}
	desired := observed.sourceInputs().Desired()
	if existing := observed.DataVolume; existing != nil {
		desired.UID = existing.UID // one that was deleted meanwhile must not be created, and the disk filled, again
	}
	applied, err := r.writeDataVolume(ctx, disk, desired)
	if err != nil {
		return err
	}
	observed.DataVolume = applied
	if !observed.sourceInputs().BindNow() {
		return nil
	}
	return r.applier.Mark(ctx, observed.Claim, nil, map[string]any{dvstate.AnnotationBindNow: "true"})
}

// writeDataVolume applies a DataVolume. That of a retained disk has no owner reference to it.
func (r *Reconciler) writeDataVolume(
	ctx context.Context, disk *v1alpha1.WukongDisk, desired *cdiv1.DataVolume,
) (*cdiv1.DataVolume, error) {
	if !protection.Retains(disk) {
		return apply.Child(ctx, r.applier, disk, desired)
	}
	return apply.Retained(ctx, r.applier, disk, desired)
}

// deleteOutdated deletes a DataVolume that has to be created again: that of a disk that a user wants filled again, that
// of a clone whose origin has another claim or snapshot by now, and one that failed and is smaller than spec.size.
func (r *Reconciler) deleteOutdated(ctx context.Context, observed *observation) (deleted bool, err error) {
	dataVolume := observed.OwnDataVolume()
	switch {
	case dataVolume == nil:
		return false, nil
	case observed.RefillRequested():
		return true, r.deleteCopy(ctx, dataVolume)
	case observed.sourceInputs().OriginChanged(), observed.TooSmall():
		// The resource version prevents the deletion of one that was filled since the cache was updated.
		preconditions := client.Preconditions{UID: &dataVolume.UID, ResourceVersion: &dataVolume.ResourceVersion}
		return true, r.deleteCopy(ctx, dataVolume, preconditions)
	default:
		return false, nil
	}
}

// addMissingMarks marks a DataVolume that an older version of Wukong made as filled.
func (r *Reconciler) addMissingMarks(ctx context.Context, dataVolume *cdiv1.DataVolume) error {
	marks := backing.MissingMarks(dataVolume)
	if marks == nil {
		return nil
	}
	return client.IgnoreNotFound(r.applier.Mark(ctx, dataVolume.DeepCopy(), nil, marks))
}

// markFilled marks a disk when it is complete for the first time.
func (r *Reconciler) markFilled(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if disk.AdoptsClaim() || backing.Filled(disk) || !observed.growthInputs().Complete() {
		return nil
	}
	mark := map[string]any{v1alpha1.AnnotationFilled: disk.Name}
	return client.IgnoreNotFound(r.applier.Mark(ctx, disk.DeepCopy(), nil, mark))
}

// growClaim raises the request of the claim when spec.size was raised. The claim is CDI's object. CDI writes its
// request only once, so this controller may own that field afterwards.
func (r *Reconciler) growClaim(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	in := observed.growthInputs()
	if !in.Begins() {
		return nil
	}
	claim, request := observed.Claim, in.Request()
	requests := map[corev1.ResourceName]string{corev1.ResourceStorage: request.String()}
	// The UID prevents a change of another claim that was created with the same name.
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"uid":         claim.UID,
			"annotations": map[string]string{v1alpha1.AnnotationRequestedSize: disk.Spec.Size.String()},
		},
		"spec": map[string]any{"resources": map[string]any{"requests": requests}},
	})
	if err != nil {
		return err
	}
	grown, patch := claim.DeepCopy(), client.RawPatch(types.MergePatchType, body)
	if err := r.client.Patch(ctx, grown, patch, client.FieldOwner(fieldManager)); err != nil {
		return apply.Classify("PersistentVolumeClaim", claim.Name, err)
	}
	observed.Claim = grown
	return nil
}
