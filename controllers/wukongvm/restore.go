package wukongvm

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// markRestore writes on the WukongVM that a request of a restore is handled, or has ended. The version is a lock: a
// request that was changed meanwhile is looked at again.
func (r *Reconciler) markRestore(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if observed.restore.Mark == "" {
		return nil
	}
	after := vm.DeepCopy()
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	after.Annotations[v1alpha1.AnnotationRestoreRequest] = observed.restore.Mark
	patch := client.MergeFromWithOptions(vm.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager+"-restore")); err != nil {
		return apply.Classify("WukongVM", vm.Name, err)
	}
	// The status is written to the version that this write made.
	vm.ResourceVersion, vm.Annotations = after.ResourceVersion, after.Annotations
	return nil
}

// takeSafetySnapshot makes the WukongSnapshot of the stopped WukongVM, before its disks are replaced.
func (r *Reconciler) takeSafetySnapshot(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	if !observed.restore.MakesSafety {
		return nil
	}
	snapshot := observed.restore.SafetySnapshot()
	err := r.client.Create(ctx, snapshot, client.FieldOwner(fieldManager))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return apply.Classify("WukongSnapshot", snapshot.Name, err)
	}
	return nil
}

// restoreStatus is status.restore. It stays as it was while the WukongVM is being deleted, and when the mark of the
// request could not be written: the disks act on it.
func restoreStatus(vm *v1alpha1.WukongVM, observed *observation) *v1alpha1.VMRestoreStatus {
	if observed.outcome == nil || observed.outcome.Of(stepRestoreRequest) != nil {
		return vm.Status.Restore
	}
	return observed.restore.Status
}
