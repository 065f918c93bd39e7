package wukongdisk

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
)

var dataVolumesMissing = dependency.DataVolumes.Missing()

// writeStatus computes the status from scratch and writes it when it differs.
func (r *Reconciler) writeStatus(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	after := disk.DeepCopy()
	set := conditions.For(disk, r.clock)
	found := evaluate(disk, observed, observed.outcome.Refused(stepMove))
	if found == nil {
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "")
	} else {
		set.False(v1alpha1.ConditionReady, found.Reason, found.Message)
	}
	if missing := incomplete(disk, observed); missing == nil {
		set.True(v1alpha1.ConditionComplete, v1alpha1.ReasonReady, "")
	} else {
		set.False(v1alpha1.ConditionComplete, missing.Reason, missing.Message)
	}
	observed.umbrella.Report(set)
	after.Status = describe(disk, observed, found)
	reportMove(set, &after.Status, observed)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = disk.Generation
	return r.applier.Status(ctx, disk, after)
}

// evaluate says why the disk is not ready, or nil.
func evaluate(disk *v1alpha1.WukongDisk, observed *observation, applyErr error) *diskstate.Problem {
	if !disk.DeletionTimestamp.IsZero() {
		return terminating(disk, observed)
	}
	if quotaExceeded(applyErr) {
		return diskstate.Failed(v1alpha1.ReasonQuotaExceeded, "%s; ask for less, or for a larger ResourceQuota", applyErr)
	}
	if applyErr != nil {
		return writeRefused(applyErr)
	}
	if !disk.AdoptsClaim() {
		if found := obstacle(disk, observed); found != nil {
			return found
		}
	}
	if found := provisioning(observed); found != nil {
		return found
	}
	if found := incomplete(disk, observed); found != nil {
		return found
	}
	if found := leaving(observed); found != nil {
		return found
	}
	if found := contested(disk, observed); found != nil {
		return found
	}
	if found := sharing(disk, observed.claim); found != nil {
		return found
	}
	return observed.growthInputs(disk).Problem()
}

// incomplete says why not all bytes of the disk are there, or not to be relied on; nil when they are.
func incomplete(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if disk.AdoptsClaim() {
		return adoptedClaim(disk, observed)
	}
	if found := nameTaken(disk, observed); found != nil {
		return found
	}
	if found := bytesLost(disk, observed); found != nil {
		return found
	}
	if observed.importer.Says != "" {
		return diskstate.Failed(observed.importer.Reason, "%s", observed.importer.Says)
	}
	if observed.dataVolume != nil {
		if found := diskstate.Content(observed.dataVolume); found != nil {
			if says := observed.stillSays(disk); says != "" && found.Reason == v1alpha1.ReasonImporting {
				return diskstate.Failed(v1alpha1.ReasonImportFailed, "%s", says)
			}
			return found
		}
	}
	if found := diskstate.Bound(observed.claim); found != nil {
		return found
	}
	return moving(observed)
}

// stillSays is the failure of an importer that CDI has started again, which is no news yet that the disk is being filled; empty without one.
func (o *observation) stillSays(disk *v1alpha1.WukongDisk) string {
	return o.importer.Still(meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionReady), disk.Generation)
}

// contested tells of a machine that has the claim and is none that the disk may be given to.
func contested(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	if observed.outsideUser == "" {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonClaimInUse, "PersistentVolumeClaim %s is in use by %s, which is not of the WukongVM that asks for the disk: "+
		"stop and delete that machine, or take the volume out of it, and this continues by itself", observed.claimName(disk), observed.outsideUser)
}

func adoptedClaim(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	switch {
	case observed.claim == nil:
		return diskstate.Failed(v1alpha1.ReasonClaimMissing,
			"PersistentVolumeClaim %s does not exist in namespace %s; create it, or correct source.persistentVolumeClaim.name", disk.ClaimName(), disk.Namespace)
	case observed.claimOwner != "":
		return diskstate.Failed(v1alpha1.ReasonClaimInUse,
			"PersistentVolumeClaim %s is that of WukongDisk %s: use that one in its place, with spec.shared if several machines shall write, or a clone of it",
			disk.ClaimName(), observed.claimOwner)
	case observed.bindsLater && observed.claim.Status.Phase == corev1.ClaimPending:
		return diskstate.AwaitingConsumer()
	}
	return diskstate.Bound(observed.claim)
}
