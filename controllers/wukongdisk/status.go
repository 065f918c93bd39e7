package wukongdisk

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
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
		set.False(v1alpha1.ConditionReady, found.reason, found.message)
	}
	if missing := incomplete(disk, observed); missing == nil {
		set.True(v1alpha1.ConditionComplete, v1alpha1.ReasonReady, "")
	} else {
		set.False(v1alpha1.ConditionComplete, missing.reason, missing.message)
	}
	observed.umbrella.Report(set)
	after.Status = describe(disk, observed, found)
	reportMove(set, &after.Status, observed)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = disk.Generation
	return r.applier.Status(ctx, disk, after)
}

// evaluate says why the disk is not ready, or nil.
func evaluate(disk *v1alpha1.WukongDisk, observed *observation, applyErr error) *problem {
	if !disk.DeletionTimestamp.IsZero() {
		return terminating(disk, observed)
	}
	if quotaExceeded(applyErr) {
		return failed(v1alpha1.ReasonQuotaExceeded, "%s; ask for less, or for a larger ResourceQuota", applyErr)
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
	return expansion(disk, observed)
}

// incomplete says why not all bytes of the disk are there, or not to be relied on; nil when they are.
func incomplete(disk *v1alpha1.WukongDisk, observed *observation) *problem {
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
		return failed(observed.importer.Reason, "%s", observed.importer.Says)
	}
	if observed.dataVolume != nil {
		if found := content(observed.dataVolume); found != nil {
			if says := observed.stillSays(disk); says != "" && found.reason == v1alpha1.ReasonImporting {
				return failed(v1alpha1.ReasonImportFailed, "%s", says)
			}
			return found
		}
	}
	if found := bound(observed.claim); found != nil {
		return found
	}
	return moving(observed)
}

// stillSays is the failure of an importer that CDI has started again, which is no news yet that the disk is being filled; empty without one.
func (o *observation) stillSays(disk *v1alpha1.WukongDisk) string {
	return o.importer.Still(meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionReady), disk.Generation)
}

// contested tells of a machine that has the claim and is none that the disk may be given to.
func contested(disk *v1alpha1.WukongDisk, observed *observation) *problem {
	if observed.stranger == "" {
		return nil
	}
	return failed(v1alpha1.ReasonClaimInUse, "PersistentVolumeClaim %s is in use by %s, which is not of the WukongVM that asks for the disk: "+
		"stop and delete that machine, or take the volume out of it, and this continues by itself", observed.claimName(disk), observed.stranger)
}

func adoptedClaim(disk *v1alpha1.WukongDisk, observed *observation) *problem {
	switch {
	case observed.claim == nil:
		return failed(v1alpha1.ReasonClaimMissing,
			"PersistentVolumeClaim %s does not exist in namespace %s; create it, or correct source.persistentVolumeClaim.name", disk.ClaimName(), disk.Namespace)
	case observed.rival != "":
		return failed(v1alpha1.ReasonClaimInUse,
			"PersistentVolumeClaim %s is that of WukongDisk %s: use that one in its place, with spec.shared if several machines shall write, or a clone of it",
			disk.ClaimName(), observed.rival)
	case observed.bindsLater && observed.claim.Status.Phase == corev1.ClaimPending:
		return awaitingConsumer()
	}
	return bound(observed.claim)
}

// bound says why a claim is not usable yet.
func bound(claim *corev1.PersistentVolumeClaim) *problem {
	switch {
	case claim == nil:
		return pending(v1alpha1.ReasonClaimPending, "the PersistentVolumeClaim is being made")
	case claim.Status.Phase == corev1.ClaimBound:
		return nil
	case claim.Status.Phase == corev1.ClaimLost:
		return failed(v1alpha1.ReasonClaimLost, "PersistentVolumeClaim %s lost its PersistentVolume %s: the data is not reachable; restore it from a snapshot or backup",
			claim.Name, claim.Spec.VolumeName)
	default:
		return pending(v1alpha1.ReasonClaimPending, "PersistentVolumeClaim %s is not bound; 'kubectl describe pvc %s' shows what the provisioner of class %s says",
			claim.Name, claim.Name, ptr.Deref(claim.Spec.StorageClassName, "(none)"))
	}
}

func awaitingConsumer() *problem {
	return &problem{v1alpha1.DiskAwaitingConsumer, v1alpha1.ReasonAwaitingConsumer,
		"the storage class binds when a machine that uses the disk is scheduled; nothing is wrong"}
}

// content says why the disk's content is not complete, from the phase of the DataVolume (CDI pkg/apis/core/v1beta1).
func content(dataVolume *cdiv1.DataVolume) *problem {
	switch dataVolume.Status.Phase {
	case cdiv1.Succeeded:
		return nil
	case cdiv1.WaitForFirstConsumer, cdiv1.PendingPopulation:
		return awaitingConsumer()
	case cdiv1.UploadScheduled, cdiv1.UploadReady:
		return awaitingUpload(dataVolume)
	case cdiv1.Failed:
		return failed(v1alpha1.ReasonImportFailed, "DataVolume %s failed: %s", dataVolume.Name, dvstate.ImporterSays(dataVolume))
	case cdiv1.PhaseUnset, cdiv1.Pending:
		if reason, message := dvstate.ClaimRefused(dataVolume); message != "" {
			return failed(reason, "DataVolume %s: %s", dataVolume.Name, message)
		}
		return pending(v1alpha1.ReasonClaimPending, "DataVolume %s waits for its PersistentVolumeClaim", dataVolume.Name)
	default:
		if message := dvstate.ImporterSays(dataVolume); message != "" {
			return failed(v1alpha1.ReasonImportFailed, "DataVolume %s: importer pod: %s; it is tried again (restarts so far: %d)",
				dataVolume.Name, message, dvstate.Restarts(dataVolume))
		}
		return &problem{v1alpha1.DiskImporting, v1alpha1.ReasonImporting, "DataVolume " + dataVolume.Name + " is being filled"}
	}
}

// awaitingUpload stays the same from the moment that CDI prepares for the upload until it has all of it.
func awaitingUpload(dataVolume *cdiv1.DataVolume) *problem {
	if message := dvstate.ImporterSays(dataVolume); message != "" {
		return failed(v1alpha1.ReasonImportFailed, "DataVolume %s: upload pod: %s; send the image again", dataVolume.Name, message)
	}
	return &problem{v1alpha1.DiskAwaitingUpload, v1alpha1.ReasonAwaitingUpload, fmt.Sprintf(
		"send the disk image: virtctl image-upload dv %s --namespace=%s --no-create --image-path=FILE, "+
			"with --uploadproxy-url where CDI's upload proxy is not known to it", dataVolume.Name, dataVolume.Namespace)}
}
