package wukongsnapshot

import (
	"context"
	"fmt"
	"slices"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// cut makes the VolumeSnapshots that are missing. Once one is refused, no more are made. While one is being deleted, those
// of an attempt that was given up have to go first.
func (r *Reconciler) cut(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	if slices.ContainsFunc(observed.parts, func(one part) bool { return one.taken != nil && !one.taken.DeletionTimestamp.IsZero() }) {
		return nil
	}
	begin := observed.unfrozen()
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.taken != nil {
			continue
		}
		applied, err := apply.Child(ctx, r.applier, snapshot, desiredVolumeSnapshot(snapshot, one, begin))
		if err != nil {
			return err
		}
		one.taken = applied
	}
	return nil
}

func desiredVolumeSnapshot(
	snapshot *v1alpha1.WukongSnapshot, one *part, begin v1alpha1.SnapshotConsistency,
) *snapshotv1.VolumeSnapshot {
	desired := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Name: one.VolumeSnapshotName, Namespace: snapshot.Namespace,
			Annotations: map[string]string{v1alpha1.AnnotationSnapshotBegun: string(begin)},
		},
		Spec: snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &one.ClaimName}},
	}
	if class := snapshot.Spec.VolumeSnapshotClassName; class != "" {
		desired.Spec.VolumeSnapshotClassName = &class
	}
	return desired
}

// rehearse asks the API server whether it would accept the VolumeSnapshots, before a guest is frozen for them.
func (r *Reconciler) rehearse(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.taken != nil {
			continue
		}
		err := r.uncached.Create(ctx, desiredVolumeSnapshot(snapshot, one, observed.unfrozen()), client.DryRunAll)
		if err != nil {
			return apply.Classify("VolumeSnapshot", one.VolumeSnapshotName, err)
		}
	}
	return nil
}

// discard deletes the VolumeSnapshots, which are no part of the snapshot from then on: those that were made may become
// ready later, of which nobody would know.
func (r *Reconciler) discard(ctx context.Context, observed *observation) error {
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.taken == nil || !one.taken.DeletionTimestamp.IsZero() {
			continue
		}
		uid := one.taken.UID
		if err := r.client.Delete(ctx, one.taken, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete VolumeSnapshot %s, which is given up: %w", one.taken.Name, err)
		}
		one.taken = nil
	}
	return nil
}
