package source

import (
	"context"
	"fmt"
	"slices"

	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// Awaited reports whether another object needs the bytes of a disk that waits for its first consumer. A disk on a class
// that binds at first use waits for the node of its guest. That guest may never start, or may itself wait for a clone
// of this disk. So a disk that a clone, an export or a snapshot needs is filled at once.
func (r Reader) Awaited(ctx context.Context, in Inputs) (bool, error) {
	disk := in.Disk
	if in.DataVolume == nil || !awaitsConsumer(in.DataVolume) {
		return false, nil
	}
	if found, err := r.isCloned(ctx, disk); found || err != nil {
		return found, err
	}
	clones := &v1alpha1.WukongDiskList{}
	origin := model.Origin{Kind: model.KindDisk, Namespace: disk.Namespace, Name: disk.Name}
	err := r.Storage.Cached.List(ctx, clones, client.MatchingFields{index.DiskByOrigin: origin.Key()})
	if err != nil {
		return false, fmt.Errorf("list the clones of disk %s: %w", disk.Name, err)
	}
	exports := &v1alpha1.WukongExportList{}
	if err := r.Storage.Cached.List(ctx, exports, client.InNamespace(disk.Namespace)); err != nil {
		return false, fmt.Errorf("list the exports of disk %s: %w", disk.Name, err)
	}
	snapshots := &v1alpha1.WukongSnapshotList{}
	err = r.Storage.Cached.List(ctx, snapshots,
		client.InNamespace(disk.Namespace), client.MatchingFields{index.SnapshotByDisk: disk.Name})
	if err != nil {
		return false, fmt.Errorf("list the snapshots of disk %s: %w", disk.Name, err)
	}
	return slices.ContainsFunc(clones.Items, func(clone v1alpha1.WukongDisk) bool {
		return clone.DeletionTimestamp.IsZero() && mayClone(disk.Namespace, disk.Spec.CloneableFrom, clone.Namespace)
	}) || slices.ContainsFunc(exports.Items, func(export v1alpha1.WukongExport) bool {
		return model.ExportedDisk(&export, nil) == disk.Name && export.Status.CompletionTime == nil
	}) || slices.ContainsFunc(snapshots.Items, func(snapshot v1alpha1.WukongSnapshot) bool {
		return snapshot.Status.CompletionTime == nil
	}), nil
}

// isCloned reports whether a WukongClone made the disk, or made its WukongVM and left it stopped. The clone keeps its
// temporary snapshot until the disk has been filled from it.
func (r Reader) isCloned(ctx context.Context, disk *v1alpha1.WukongDisk) (bool, error) {
	if _, cloned := disk.Annotations[v1alpha1.AnnotationClonedBy]; cloned {
		return true, nil
	}
	name := model.MadeBy(disk)
	if name == "" {
		return false, nil
	}
	vm, err := read.Get(ctx, r.Storage.Cached, disk.Namespace, name, &v1alpha1.WukongVM{})
	if err != nil || vm == nil {
		return false, err
	}
	_, cloned := vm.Annotations[v1alpha1.AnnotationClonedBy]
	return cloned && vm.Spec.PowerState == v1alpha1.PowerStopped, nil
}

func awaitsConsumer(dataVolume *cdiv1.DataVolume) bool {
	return dataVolume.Status.Phase == cdiv1.WaitForFirstConsumer || dataVolume.Status.Phase == cdiv1.PendingPopulation
}
