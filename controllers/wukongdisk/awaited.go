package wukongdisk

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// A disk on a class that binds at first use waits for the node of its machine. When something else needs its bytes, a clone, an export or a
// snapshot, that machine may never come, or wait itself for the clone: such a disk is filled at once.

// observeAwaited tells whether something needs the bytes of a disk that waits for its first consumer.
func (r *Reconciler) observeAwaited(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if observed.dataVolume == nil || !awaitsConsumer(observed.dataVolume) {
		return nil
	}
	clones := &v1alpha1.WukongDiskList{}
	origin := model.Origin{Kind: model.KindDisk, Namespace: disk.Namespace, Name: disk.Name}
	if err := r.client.List(ctx, clones, client.MatchingFields{index.DiskByOrigin: origin.Key()}); err != nil {
		return fmt.Errorf("list the clones of disk %s: %w", disk.Name, err)
	}
	exports := &v1alpha1.WukongExportList{}
	if err := r.client.List(ctx, exports, client.InNamespace(disk.Namespace)); err != nil {
		return fmt.Errorf("list the exports of disk %s: %w", disk.Name, err)
	}
	snapshots := &v1alpha1.WukongSnapshotList{}
	if err := r.client.List(ctx, snapshots, client.InNamespace(disk.Namespace), client.MatchingFields{index.SnapshotByDisk: disk.Name}); err != nil {
		return fmt.Errorf("list the snapshots of disk %s: %w", disk.Name, err)
	}
	observed.awaited = slices.ContainsFunc(clones.Items, func(clone v1alpha1.WukongDisk) bool {
		return clone.DeletionTimestamp.IsZero() && grants(disk.Namespace, disk.Spec.CloneableFrom, clone.Namespace)
	}) || slices.ContainsFunc(exports.Items, func(export v1alpha1.WukongExport) bool {
		return model.ExportedDisk(&export, nil) == disk.Name && export.Status.CompletionTime == nil
	}) || slices.ContainsFunc(snapshots.Items, func(snapshot v1alpha1.WukongSnapshot) bool { return snapshot.Status.CompletionTime == nil })
	return nil
}

func awaitsConsumer(dataVolume *cdiv1.DataVolume) bool {
	return dataVolume.Status.Phase == cdiv1.WaitForFirstConsumer || dataVolume.Status.Phase == cdiv1.PendingPopulation
}

// bindNow asks CDI not to wait any longer: it reads a claim's own annotation (pkg/controller/populators/util.go, shouldReconcile), and gives a
// claim those of its DataVolume only when it makes it.
func (r *Reconciler) bindNow(ctx context.Context, observed *observation) error {
	claim := observed.claim
	if !observed.awaited || claim == nil || claim.Status.Phase != corev1.ClaimPending || claim.Annotations[dvstate.AnnotationBindNow] != "" {
		return nil
	}
	return r.applier.Mark(ctx, claim, nil, map[string]any{dvstate.AnnotationBindNow: "true"})
}

// originOfClone maps a clone to the disk that it is made from.
func originOfClone(_ context.Context, obj client.Object) []reconcile.Request {
	origin, ok := model.OriginOf(obj.(*v1alpha1.WukongDisk))
	if !ok || origin.Kind != model.KindDisk {
		return nil
	}
	return requestFor(origin.Namespace, origin.Name)
}

// diskOfExport maps an export to its disk.
func diskOfExport(_ context.Context, obj client.Object) []reconcile.Request {
	return requestFor(obj.GetNamespace(), model.ExportedDisk(obj.(*v1alpha1.WukongExport), nil))
}

// diskOfSnapshot maps a snapshot to its disk.
func diskOfSnapshot(_ context.Context, obj client.Object) []reconcile.Request {
	disk := obj.(*v1alpha1.WukongSnapshot).Spec.Source.DiskRef
	if disk == nil {
		return nil
	}
	return requestFor(obj.GetNamespace(), disk.Name)
}

// requestFor is a request for one disk; none without a name.
func requestFor(namespace, name string) []reconcile.Request {
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}

// appears lets pass objects that come.
func appears() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
