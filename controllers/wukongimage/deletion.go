package wukongimage

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// volumeSnapshots are known by name only: all that is done with them here is to delete them.
var volumeSnapshots = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1", Kind: "VolumeSnapshotList"}

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
	for i := range observed.imports {
		if err := r.deleteImport(ctx, &observed.imports[i]); err != nil {
			return false, err
		}
	}
	return true, r.deleteSnapshots(ctx, image)
}

// deleteSnapshots deletes the versions that CDI keeps as snapshots. They are listed live, once in the life of an image: to watch the snapshots
// of everyone for that would cost more.
func (r *Reconciler) deleteSnapshots(ctx context.Context, image *v1alpha1.WukongImage) error {
	snapshots := &metav1.PartialObjectMetadataList{}
	snapshots.SetGroupVersionKind(volumeSnapshots)
	err := r.applier.Live.List(ctx, snapshots, client.InNamespace(image.Namespace), client.MatchingLabels{labelCron: cronName(image)})
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil // a cluster without snapshots has none to delete
	}
	if err != nil {
		return fmt.Errorf("list the volume snapshots of image %s: %w", image.Name, err)
	}
	for i := range snapshots.Items {
		one := &snapshots.Items[i]
		err := r.client.Delete(ctx, one, client.Preconditions{UID: &one.UID}, client.DisableReadYourWritesConsistency)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete VolumeSnapshot %s: %w", one.Name, err)
		}
	}
	return nil
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
