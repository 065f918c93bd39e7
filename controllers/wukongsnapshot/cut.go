package wukongsnapshot

import (
	"context"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/parts"
)

// cut makes the VolumeSnapshots that are missing. After one is refused, no more are made. While one is being deleted,
// those of an attempt that was given up have to be deleted first.
func (r *Reconciler) cut(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	if observed.parts.Deleting() {
		return nil
	}
	begin := observed.consistency(snapshot).Unfrozen()
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.Taken != nil {
			continue
		}
		applied, err := apply.Child(ctx, r.applier, snapshot, desiredVolumeSnapshot(snapshot, one, begin))
		if err != nil {
			return err
		}
		one.Taken = applied
	}
	return nil
}

func desiredVolumeSnapshot(
	snapshot *v1alpha1.WukongSnapshot, one *parts.Part, begin v1alpha1.SnapshotConsistency,
) *snapshotv1.VolumeSnapshot {
	return parts.Desired(parts.Inputs{
		Namespace: snapshot.Namespace, Part: one.SnapshotDiskStatus,
		ClassName: snapshot.Spec.VolumeSnapshotClassName, Begin: begin,
	})
}

// rehearse asks the API server whether it would accept the VolumeSnapshots, before a guest is frozen for them.
func (r *Reconciler) rehearse(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	begin := observed.consistency(snapshot).Unfrozen()
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.Taken != nil {
			continue
		}
		err := r.uncached.Create(ctx, desiredVolumeSnapshot(snapshot, one, begin), client.DryRunAll)
		if err != nil {
			return apply.Classify("VolumeSnapshot", one.VolumeSnapshotName, err)
		}
	}
	return nil
}

// discard deletes the VolumeSnapshots. From then on they are no part of the snapshot: the storage may complete them
// later, and nothing would report that.
func (r *Reconciler) discard(ctx context.Context, observed *observation) error {
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.Taken == nil || one.Deleting() {
			continue
		}
		uid := one.Taken.UID
		err := r.client.Delete(ctx, one.Taken, client.Preconditions{UID: &uid})
		if client.IgnoreNotFound(err) != nil {
			return apply.Classify("VolumeSnapshot", one.Taken.Name, err)
		}
		one.Taken = nil
	}
	return nil
}
