package wukongclone

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongclone/internal/progress"
)

const (
	// snapshotDeadline is the time, in seconds, that the storage may take for the temporary snapshot. Some storages copy
	// all bytes.
	snapshotDeadline = 3600
	// consistentDeadline is that of a snapshot that requires a consistency, for which it may wait: the longest that there
	// is.
	consistentDeadline = 86400
	// net is how much longer than the clone a temporary snapshot in another namespace can live, in seconds.
	net = 3600
)

// temporarySnapshot is the snapshot of a WukongVM that is deleted after the clone. It names disks only if the clone
// chooses among them.
func temporarySnapshot(
	clone *v1alpha1.WukongClone, vm *v1alpha1.WukongVM, disks []string,
) *v1alpha1.WukongSnapshot {
	deadline, longest := ptr.Deref(clone.Spec.DeadlineSeconds, 0), int64(snapshotDeadline)
	if clone.Spec.Consistency == v1alpha1.ConsistencyApplication || clone.Spec.Consistency == v1alpha1.ConsistencyCrash {
		longest = consistentDeadline
	}
	snapshot := &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: vm.Namespace, Name: model.CloneSnapshotName(clone),
			Labels: map[string]string{
				v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue, v1alpha1.LabelClone: string(clone.UID),
			},
			Annotations: map[string]string{v1alpha1.AnnotationRequestedBy: clone.Namespace + "/" + clone.Name},
		},
		Spec: v1alpha1.WukongSnapshotSpec{
			Source:                 v1alpha1.SnapshotSource{VMRef: &v1alpha1.LocalObjectReference{Name: vm.Name}},
			RequiredConsistency:    clone.Spec.Consistency,
			FailureDeadlineSeconds: ptr.To(min(deadline, longest)),
		},
	}
	if slices.ContainsFunc(clone.Spec.Disks, func(one v1alpha1.CloneDisk) bool { return one.Action != "" }) {
		snapshot.Spec.Source.Disks = disks
	}
	if vm.Namespace != clone.Namespace {
		snapshot.Spec.CloneableFrom = []string{clone.Namespace}
		snapshot.Spec.TTLSecondsAfterFinished = ptr.To(deadline + net)
		return snapshot
	}
	snapshot.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(clone,
		v1alpha1.GroupVersion.WithKind("WukongClone"))}
	snapshot.OwnerReferences[0].BlockOwnerDeletion = ptr.To(false)
	return snapshot
}

// isTemporaryOf reports whether a WukongClone made a snapshot.
func isTemporaryOf(snapshot *v1alpha1.WukongSnapshot, clone *v1alpha1.WukongClone) bool {
	return snapshot.Labels[v1alpha1.LabelClone] == string(clone.UID)
}

// fills reports whether a disk of the result may still be filled from the temporary snapshot.
func (w *World) fills(clone *v1alpha1.WukongClone) bool {
	vm, isMachine := w.result(clone).(*v1alpha1.WukongVM)
	return isMachine && isMadeBy(vm, clone) && w.temporary != nil && isTemporaryOf(w.temporary, clone) &&
		progress.OfMachine(vm, w.disks).Waits != ""
}

// finalizer returns the finalizer of a clone; empty for none. An object can have no owner in another namespace, so the
// garbage collector does not delete the temporary snapshot there.
func finalizer(clone *v1alpha1.WukongClone) string {
	if clone.Spec.Source.VMRef == nil || model.CloneOrigin(clone).Namespace == clone.Namespace {
		return ""
	}
	return v1alpha1.FinalizerClone
}

// end deletes the temporary snapshot of a clone that is being deleted, if the garbage collector does not.
func (r *Reconciler) end(ctx context.Context, clone *v1alpha1.WukongClone) error {
	if !controllerutil.ContainsFinalizer(clone, v1alpha1.FinalizerClone) {
		return nil
	}
	if namespace := model.CloneOrigin(clone).Namespace; r.namespaces.Contain(namespace) {
		snapshot, err := read.Get(
			ctx, r.client, namespace, model.CloneSnapshotName(clone), &v1alpha1.WukongSnapshot{})
		if err != nil {
			return err
		}
		if snapshot != nil && isTemporaryOf(snapshot, clone) && snapshot.DeletionTimestamp.IsZero() {
			if err := r.remove(ctx, "WukongSnapshot", snapshot); err != nil {
				return err
			}
		}
	}
	return r.applier.RemoveFinalizer(ctx, clone.DeepCopy(), v1alpha1.FinalizerClone)
}

// snapshotsOf reads the snapshots of a WukongVM, unless it does not exist or the clone has its own already.
func (r *Reconciler) snapshotsOf(
	ctx context.Context, vm *v1alpha1.WukongVM, own *v1alpha1.WukongSnapshot,
) ([]v1alpha1.WukongSnapshot, error) {
	if vm == nil || own != nil {
		return nil, nil
	}
	snapshots := &v1alpha1.WukongSnapshotList{}
	err := r.client.List(
		ctx, snapshots, client.InNamespace(vm.Namespace), client.MatchingFields{index.SnapshotByVM: vm.Name})
	if err != nil {
		return nil, fmt.Errorf("list the snapshots of WukongVM %s: %w", vm.Name, err)
	}
	return snapshots.Items, nil
}

// busy reports the temporary snapshot that is being taken for another clone of the namespace; nil for none. A grant
// permits a namespace to have the guest frozen, but not by any number of clones at once.
func busy(
	clone *v1alpha1.WukongClone, vm *v1alpha1.WukongVM, snapshots []v1alpha1.WukongSnapshot,
) *operation.State {
	for i := range snapshots {
		snapshot := &snapshots[i]
		namespace, name, _ := strings.Cut(snapshot.Annotations[v1alpha1.AnnotationRequestedBy], "/")
		if snapshot.Labels[v1alpha1.LabelClone] == "" || namespace != clone.Namespace || snapshot.Finished() {
			continue
		}
		return operation.Pending(v1alpha1.ReasonBusy,
			"WukongSnapshot %s of WukongVM %s is being taken for WukongClone %s: this clone continues after it",
			snapshot.Name, vm.Name, name)
	}
	return nil
}
