package wukongimage

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// volumeSnapshot is known by name only: all that is done with snapshots here is to delete them.
var volumeSnapshot = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshot"}

// finalize does what the garbage collector cannot. It takes the DataSource, the DataImportCron, and those DataVolumes that are ours still.
func (r *Reconciler) finalize(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if observed.missing == nil {
		ended, err := r.endVersions(ctx, image, observed)
		if err != nil {
			return err
		}
		if !ended {
			return r.writeStatus(ctx, image, observed, nil)
		}
	}
	return r.applier.RemoveFinalizer(ctx, image.DeepCopy(), v1alpha1.FinalizerImage)
}

// endVersions deletes the versions, or sets them free, and tells whether that is done.
func (r *Reconciler) endVersions(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) (bool, error) {
	retain := image.Spec.ReclaimPolicy == v1alpha1.ReclaimRetain
	switch {
	case polled(image) && !retain:
		return r.deletePolled(ctx, image, observed)
	case !polled(image) && retain:
		for i := range observed.imports {
			if err := r.release(ctx, image, &observed.imports[i]); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// deletePolled deletes what a DataImportCron imported, by the label that CDI puts on it, once the DataImportCron is gone and can import no
// more. The name in the label is this image's alone.
func (r *Reconciler) deletePolled(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) (bool, error) {
	if observed.cron != nil && metav1.IsControlledBy(observed.cron, image) {
		return false, r.deleteCron(ctx, observed.cron)
	}
	snapshots := &metav1.PartialObjectMetadata{}
	snapshots.SetGroupVersionKind(volumeSnapshot)
	for _, kind := range []client.Object{&cdiv1.DataVolume{}, snapshots} {
		err := r.client.DeleteAllOf(ctx, kind, client.InNamespace(image.Namespace), client.MatchingLabels{labelCron: cronName(image)})
		// A cluster without snapshots has none to delete.
		if client.IgnoreNotFound(err) != nil && !meta.IsNoMatchError(err) {
			return false, fmt.Errorf("delete the versions of image %s: %w", image.Name, err)
		}
	}
	return true, nil
}

// release takes the image's owner reference off an import, so that the garbage collector leaves it.
func (r *Reconciler) release(ctx context.Context, image *v1alpha1.WukongImage, dataVolume *cdiv1.DataVolume) error {
	if !metav1.IsControlledBy(dataVolume, image) || dataVolume.Status.Phase != cdiv1.Succeeded {
		return nil
	}
	before := dataVolume.DeepCopy()
	dataVolume.OwnerReferences = slices.DeleteFunc(dataVolume.OwnerReferences, func(reference metav1.OwnerReference) bool {
		return reference.UID == image.UID
	})
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, dataVolume, patch, client.FieldOwner(fieldManager)); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("take the owner reference off DataVolume %s: %w", dataVolume.Name, err))
	}
	return nil
}
