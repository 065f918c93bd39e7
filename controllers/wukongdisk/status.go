package wukongdisk

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/problem"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/attachment"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/provisioner"
)

// writeStatus computes the status from scratch and writes it when it differs.
func (r *Reconciler) writeStatus(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	after := disk.DeepCopy()
	set := conditions.For(disk, r.clock)
	found := evaluate(observed, observed.outcome.Refused(stepMove, stepRestore))
	report(set, v1alpha1.ConditionReady, found)
	report(set, v1alpha1.ConditionComplete, incomplete(observed))
	observed.umbrella.Report(set)
	after.Status = describe(observed, found)
	reportMove(set, &after.Status, observed)
	reportRestore(set, &after.Status, observed)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = disk.Generation
	return r.applier.Status(ctx, disk, after)
}

// report sets a condition that is true without a problem.
func report(set *conditions.Set, condition string, found *diskstate.Problem) {
	if found == nil {
		set.True(condition, v1alpha1.ReasonReady, "")
		return
	}
	set.False(condition, found.Reason, found.Message)
}

// evaluate returns the first reason for which the disk is not ready, or nil. RefusedErr is a permanent error of this
// pass's writes.
func evaluate(observed *observation, refusedErr error) *diskstate.Problem {
	if !observed.Disk.DeletionTimestamp.IsZero() {
		return terminating(observed)
	}
	if refusedErr != nil {
		return writeRefused(refusedErr)
	}
	if !observed.Disk.AdoptsClaim() {
		if found := obstacle(observed); found != nil {
			return found
		}
	}
	if found := provisioner.Failed(observed.Claim, observed.provisionerFailure); found != nil {
		return found
	}
	if found := incomplete(observed); found != nil {
		return found
	}
	if found := observed.ClaimDeleted(observed.attachment.VMNames()); found != nil {
		return found
	}
	if found := observed.attachment.UsedOutside(observed.ClaimName()); found != nil {
		return found
	}
	if found := attachment.CannotShare(observed.Disk, observed.Claim); found != nil {
		return found
	}
	return observed.growthInputs().Problem()
}

// terminating reports what a disk waits for that is being deleted.
func terminating(observed *observation) *diskstate.Problem {
	if found := observed.attachment.InUse(); found != nil {
		return found
	}
	return problem.In(v1alpha1.DiskTerminating, v1alpha1.ReasonTerminating,
		"the claim is being released, and remains because reclaimPolicy is Retain")
}

// writeRefused reports a permanent error of this pass's writes.
func writeRefused(err error) *diskstate.Problem {
	if quotaExceeded(err) {
		return diskstate.Failed(v1alpha1.ReasonQuotaExceeded, "%s; ask for less, or for a larger ResourceQuota", err)
	}
	if reason := apply.Reason(err); reason != v1alpha1.ReasonPending {
		return diskstate.Failed(reason, "%s", err)
	}
	return diskstate.Pending(v1alpha1.ReasonPending, "%s", err)
}

// quotaExceeded reports whether a ResourceQuota is the reason of a refusal. Its admission plugin reports that only in
// the message (Kubernetes staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go).
func quotaExceeded(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && apierrors.IsForbidden(err) &&
		strings.Contains(status.Status().Message, "exceeded quota")
}

// obstacle returns the first reason for which no DataVolume can be written, or nil.
func obstacle(observed *observation) *diskstate.Problem {
	if found := observed.NameConflict(); found != nil {
		return found
	}
	if found := observed.BytesLost(); found != nil {
		return found
	}
	if !observed.importerServed && observed.Claim == nil {
		return diskstate.Failed(v1alpha1.ReasonDependencyMissing, "%s", dependency.DataVolumes.Missing())
	}
	if !observed.classExists && observed.DataVolume == nil && observed.Claim == nil {
		return provisioner.ClassMissing(observed.Disk)
	}
	if found := observed.sourceInputs().Problem(); found != nil {
		return found
	}
	if observed.DataVolume == nil {
		return observed.relayInputs().Problem()
	}
	return nil
}

// incomplete returns the first reason for which the bytes of the disk are incomplete or cannot be relied on, or nil.
func incomplete(observed *observation) *diskstate.Problem {
	if observed.Disk.AdoptsClaim() {
		return observed.AdoptionProblem()
	}
	if found := observed.NameConflict(); found != nil {
		return found
	}
	if found := observed.BytesLost(); found != nil {
		return found
	}
	if found := observed.relayInputs().Problem(); found != nil {
		return found
	}
	if observed.importer.Says != "" {
		return diskstate.Failed(observed.importer.Reason, "%s", observed.importer.Says)
	}
	if observed.DataVolume != nil {
		if found := diskstate.Content(observed.DataVolume); found != nil {
			failure := observed.lastFailure()
			if failure != "" && found.Reason == v1alpha1.ReasonImporting {
				return diskstate.Failed(v1alpha1.ReasonImportFailed, "%s", failure)
			}
			return found
		}
	}
	if found := diskstate.Bound(observed.Claim); found != nil {
		return found
	}
	return moving(observed)
}

// lastFailure is the failure of an importer that CDI has restarted, which does not mean yet that it fills the disk;
// empty without one.
func (o *observation) lastFailure() string {
	ready := meta.FindStatusCondition(o.Disk.Status.Conditions, v1alpha1.ConditionReady)
	return o.importer.Still(ready, o.Disk.Generation)
}

// describe returns the status without its conditions, the move and the restore.
func describe(observed *observation, found *diskstate.Problem) v1alpha1.WukongDiskStatus {
	status := v1alpha1.WukongDiskStatus{
		Phase: v1alpha1.DiskReady, AttachedTo: observed.attachment.AttachedTo, GuestSize: observed.attachment.GuestSize(),
	}
	if found != nil {
		status.Phase = found.Phase
	}
	if dataVolume := observed.DataVolume; dataVolume != nil {
		status.DataVolumeName = dataVolume.Name
		status.ImportRestarts = dvstate.Restarts(dataVolume)
		status.CloneMethod = dvstate.CloneMethod(dataVolume)
		if found != nil && observed.lastFailure() == "" {
			status.ProgressPercent = dvstate.Progress(dataVolume.Status.Progress)
		}
	}
	// The claim's name promises that the claim is, or will be, this disk's: VirtualMachines start with it.
	if observed.HasClaim() && observed.Adoption.Owner == "" &&
		(found == nil || found.Reason != v1alpha1.ReasonNameConflict) {
		status.ClaimName = observed.ClaimName()
	}
	status.RequestedSize = observed.growthInputs().RequestedSize()
	// The properties of the claim are reported once the disk is being filled. They change often before that, and each
	// change would be a write.
	if observed.Claim != nil && status.ClaimName != "" && status.Phase != v1alpha1.DiskPending {
		describeClaim(&status, observed.Claim)
	}
	return status
}

func describeClaim(status *v1alpha1.WukongDiskStatus, claim *corev1.PersistentVolumeClaim) {
	status.StorageClassName = ptr.Deref(claim.Spec.StorageClassName, "")
	status.VolumeMode = ptr.Deref(claim.Spec.VolumeMode, "")
	for _, mode := range claim.Spec.AccessModes {
		status.AccessModes = append(status.AccessModes, v1alpha1.AccessMode(mode))
	}
	if request, ok := claim.Spec.Resources.Requests[corev1.ResourceStorage]; ok {
		status.ClaimRequest = &request
	}
	if capacity, ok := claim.Status.Capacity[corev1.ResourceStorage]; ok {
		status.Capacity = &capacity
	}
}
