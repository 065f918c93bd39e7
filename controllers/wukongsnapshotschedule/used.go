package wukongsnapshotschedule

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// isUsed reports whether something is being made from a snapshot, or from one of its VolumeSnapshots: a clone, a disk,
// an export, a backup, or the restored disks of a WukongVM.
func (r *Reconciler) isUsed(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	for _, look := range []func(context.Context, *v1alpha1.WukongSnapshot) (bool, error){
		r.isCloned, r.isFilledFrom, r.isRestored, r.isExported, r.isCopied,
	} {
		if used, err := look(ctx, snapshot); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

func (r *Reconciler) isCloned(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	clones := &v1alpha1.WukongCloneList{}
	key := model.Origin{Kind: model.KindWukongSnapshot, Namespace: snapshot.Namespace, Name: snapshot.Name}.Key()
	if err := r.client.List(ctx, clones, client.MatchingFields{index.CloneBySource: key}); err != nil {
		return false, fmt.Errorf("list the WukongClones of WukongSnapshot %s: %w", snapshot.Name, err)
	}
	return slices.ContainsFunc(clones.Items, func(one v1alpha1.WukongClone) bool { return !one.Finished() }), nil
}

func (r *Reconciler) isFilledFrom(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	origins := []model.Origin{{Kind: model.KindWukongSnapshot, Name: snapshot.Name}}
	for _, name := range volumeSnapshots(snapshot) {
		origins = append(origins, model.Origin{Kind: model.KindSnapshot, Name: name})
	}
	for _, origin := range origins {
		origin.Namespace = snapshot.Namespace
		disks := &v1alpha1.WukongDiskList{}
		if err := r.client.List(ctx, disks, client.MatchingFields{index.DiskByOrigin: origin.Key()}); err != nil {
			return false, fmt.Errorf("list the WukongDisks from %s: %w", origin, err)
		}
		if slices.ContainsFunc(disks.Items, func(one v1alpha1.WukongDisk) bool { return !one.Complete() }) {
			return true, nil
		}
	}
	return false, nil
}

func (r *Reconciler) isRestored(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	vms := &v1alpha1.WukongVMList{}
	if err := r.client.List(ctx, vms, client.InNamespace(snapshot.Namespace),
		client.MatchingFields{index.VMBySnapshot: snapshot.Name}); err != nil {
		return false, fmt.Errorf("list the WukongVMs that are restored from WukongSnapshot %s: %w", snapshot.Name, err)
	}
	return slices.ContainsFunc(vms.Items, func(one v1alpha1.WukongVM) bool { return model.ReadsSnapshot(&one) }), nil
}

func (r *Reconciler) isExported(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	exports := &v1alpha1.WukongExportList{}
	if err := r.client.List(ctx, exports, client.InNamespace(snapshot.Namespace)); err != nil {
		return false, fmt.Errorf("list the WukongExports of WukongSnapshot %s: %w", snapshot.Name, err)
	}
	names := volumeSnapshots(snapshot)
	return slices.ContainsFunc(exports.Items, func(one v1alpha1.WukongExport) bool {
		source := one.Spec.Source.VolumeSnapshot
		return source != nil && slices.Contains(names, source.Name) && !one.Finished()
	}), nil
}

// volumeSnapshots are the names of what holds the disks of a snapshot.
func volumeSnapshots(snapshot *v1alpha1.WukongSnapshot) (names []string) {
	for i := range snapshot.Status.Disks {
		names = append(names, snapshot.Status.Disks[i].VolumeSnapshotName)
	}
	return names
}
