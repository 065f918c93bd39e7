package wukongimage

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// volumeSnapshots are known by name only: they are only deleted here.
var volumeSnapshots = schema.GroupVersionKind{Group: "snapshot.storage.k8s.io", Version: "v1",
	Kind: "VolumeSnapshotList"}

// finalize does what the garbage collector cannot. The garbage collector deletes the DataSource, the DataImportCron,
// and the DataVolumes that the image still owns.
func (r *Reconciler) finalize(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	if observed.missing == nil {
		ended, err := r.endVersions(ctx, image, observed)
		if err != nil {
			return err
		}
		if !ended {
			return r.writeStatus(ctx, image, observed)
		}
	}
	return r.applier.RemoveFinalizer(ctx, image.DeepCopy(), v1alpha1.FinalizerImage)
}

// endVersions deletes or releases the versions, and reports whether that is done.
func (r *Reconciler) endVersions(
	ctx context.Context, image *v1alpha1.WukongImage, observed *observation,
) (bool, error) {
	own := &cdiv1.DataVolumeList{}
	if err := r.client.List(ctx, own, client.InNamespace(image.Namespace),
		client.MatchingLabels{v1alpha1.LabelImage: string(image.UID)}); err != nil {
		return false, fmt.Errorf("list the imports of image %s: %w", image.Name, err)
	}
	if err := r.settleOwnership(ctx, image, own.Items); err != nil {
		return false, err
	}
	if polled(image) && image.Spec.ReclaimPolicy != v1alpha1.ReclaimRetain {
		return r.deletePolled(ctx, image, observed)
	}
	return true, nil
}

// settleOwnership applies the image's current reclaim policy to our imports. Incomplete ones are never retained.
func (r *Reconciler) settleOwnership(
	ctx context.Context, image *v1alpha1.WukongImage, imports []cdiv1.DataVolume,
) error {
	for i := range imports {
		one := &imports[i]
		if !one.DeletionTimestamp.IsZero() {
			continue
		}
		retained := image.Spec.ReclaimPolicy == v1alpha1.ReclaimRetain && one.Status.Phase == cdiv1.Succeeded
		if err := r.applier.SettleOwnership(ctx, image, one, retained, nil); err != nil {
			return err
		}
	}
	return nil
}

// deletePolled deletes the imports of a DataImportCron, by CDI's label, once the DataImportCron is deleted and can
// import no more. The name in the label belongs to this image alone.
func (r *Reconciler) deletePolled(
	ctx context.Context, image *v1alpha1.WukongImage, observed *observation,
) (bool, error) {
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

// deleteSnapshots deletes the versions that CDI keeps as snapshots. They are listed live, once in the life of an
// image: a watch of all snapshots would cost more.
func (r *Reconciler) deleteSnapshots(ctx context.Context, image *v1alpha1.WukongImage) error {
	snapshots := &metav1.PartialObjectMetadataList{}
	snapshots.SetGroupVersionKind(volumeSnapshots)
	err := r.applier.Live.List(ctx, snapshots, client.InNamespace(image.Namespace),
		client.MatchingLabels{labelCron: model.ImportCronName(image)})
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
