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
	if found, err := r.isSnapshotted(ctx, disk); found || err != nil {
		return found, err
	}
	return slices.ContainsFunc(clones.Items, func(clone v1alpha1.WukongDisk) bool {
		return clone.DeletionTimestamp.IsZero() && mayClone(disk.Namespace, disk.Spec.CloneableFrom, clone.Namespace)
	}) || slices.ContainsFunc(exports.Items, func(export v1alpha1.WukongExport) bool {
		return model.ExportedDisk(&export, nil) == disk.Name && export.Status.CompletionTime == nil
	}), nil
}

// isSnapshotted reports whether an unfinished snapshot is of the disk, or of a WukongVM that has it.
func (r Reader) isSnapshotted(ctx context.Context, disk *v1alpha1.WukongDisk) (bool, error) {
	found, err := r.snapshots(ctx, disk.Namespace, index.SnapshotByDisk, disk.Name)
	if len(found) > 0 || err != nil {
		return len(found) > 0, err
	}
	vms := &v1alpha1.WukongVMList{}
	err = r.Storage.Cached.List(
		ctx, vms, client.InNamespace(disk.Namespace), client.MatchingFields{index.VMByDisk: disk.Name})
	if err != nil {
		return false, fmt.Errorf("list the WukongVMs of disk %s: %w", disk.Name, err)
	}
	for i := range vms.Items {
		vm := &vms.Items[i]
		found, err := r.snapshots(ctx, vm.Namespace, index.SnapshotByVM, vm.Name)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(found, func(snapshot v1alpha1.WukongSnapshot) bool {
			return contains(&snapshot, vm, disk)
		}) {
			return true, nil
		}
	}
	return false, nil
}

// snapshots returns the unfinished snapshots that an index finds.
func (r Reader) snapshots(ctx context.Context, namespace, field, name string) ([]v1alpha1.WukongSnapshot, error) {
	list := &v1alpha1.WukongSnapshotList{}
	err := r.Storage.Cached.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{field: name})
	if err != nil {
		return nil, fmt.Errorf("list the snapshots by %s %s: %w", field, name, err)
	}
	return slices.DeleteFunc(list.Items, func(snapshot v1alpha1.WukongSnapshot) bool { return snapshot.Finished() }), nil
}

// contains reports whether a snapshot of a WukongVM is also one of a disk.
func contains(snapshot *v1alpha1.WukongSnapshot, vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) bool {
	asked := snapshot.Spec.Source.Disks
	return slices.ContainsFunc(vm.Spec.Disks, func(entry v1alpha1.VMDisk) bool {
		return model.DiskName(vm, &entry) == disk.Name && (entry.Template == nil || model.Belongs(disk, vm)) &&
			(len(asked) == 0 || slices.Contains(asked, entry.Name))
	})
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
