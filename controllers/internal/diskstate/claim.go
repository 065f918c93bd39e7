package diskstate

import (
	"cmp"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// Bound returns why a claim is not usable yet.
func Bound(claim *corev1.PersistentVolumeClaim) *Problem {
	switch {
	case claim == nil:
		return Pending(v1alpha1.ReasonClaimPending, "the PersistentVolumeClaim is being created")
	case claim.Status.Phase == corev1.ClaimBound:
		return nil
	case claim.Status.Phase == corev1.ClaimLost:
		return Failed(v1alpha1.ReasonClaimLost,
			"PersistentVolumeClaim %s lost its PersistentVolume %s: the data is not "+
				"reachable; restore it from a snapshot or backup",
			claim.Name, claim.Spec.VolumeName)
	default:
		return Pending(v1alpha1.ReasonClaimPending, "PersistentVolumeClaim %s is not bound; 'kubectl describe pvc %s' "+
			"shows the messages of the provisioner of class %s",
			claim.Name, claim.Name, ptr.Deref(claim.Spec.StorageClassName, "(none)"))
	}
}

// AwaitingConsumer reports that a storage class binds at first use.
func AwaitingConsumer() *Problem {
	return problem.In(v1alpha1.DiskAwaitingConsumer, v1alpha1.ReasonAwaitingConsumer,
		"the storage class binds when a WukongVM that uses the disk is scheduled; nothing is wrong")
}

// Content returns why the disk's content is not complete, from the phase of the DataVolume (CDI
// pkg/apis/core/v1beta1).
func Content(dataVolume *cdiv1.DataVolume) *Problem {
	switch dataVolume.Status.Phase {
	case cdiv1.Succeeded:
		return nil
	case cdiv1.WaitForFirstConsumer, cdiv1.PendingPopulation:
		return AwaitingConsumer()
	case cdiv1.UploadScheduled, cdiv1.UploadReady:
		return awaitingUpload(dataVolume)
	case cdiv1.Failed:
		return Failed(v1alpha1.ReasonImportFailed, "%s", dvstate.FailureOf(dataVolume))
	case cdiv1.PhaseUnset, cdiv1.Pending:
		if reason, message := dvstate.ClaimRefused(dataVolume); message != "" {
			return Failed(reason, "DataVolume %s: %s", dataVolume.Name, message)
		}
		return Pending(v1alpha1.ReasonClaimPending,
			"DataVolume %s waits for its PersistentVolumeClaim", dataVolume.Name)
	default:
		if message := dvstate.ImporterSays(dataVolume); message != "" {
			return Failed(v1alpha1.ReasonImportFailed, "DataVolume %s: importer pod: %s; it is retried (restarts "+
				"so far: %d)",
				dataVolume.Name, message, dvstate.Restarts(dataVolume))
		}
		return problem.In(v1alpha1.DiskImporting, v1alpha1.ReasonImporting,
			"DataVolume %s is being filled", dataVolume.Name)
	}
}

// awaitingUpload stays the same from the moment that CDI prepares the upload until CDI has received all of it.
func awaitingUpload(dataVolume *cdiv1.DataVolume) *Problem {
	if message := dvstate.ImporterSays(dataVolume); message != "" {
		return Failed(v1alpha1.ReasonImportFailed, "DataVolume %s: upload pod: %s; send the image again",
			dataVolume.Name, message)
	}
	return problem.In(v1alpha1.DiskAwaitingUpload, v1alpha1.ReasonAwaitingUpload,
		"send the disk image: virtctl image-upload dv %s --namespace=%s --no-create --image-path=FILE, "+
			"with --uploadproxy-url where CDI's upload proxy is not known to it", dataVolume.Name, dataVolume.Namespace)
}

// Grows returns the progress of the storage when a claim requests more than its capacity.
func Grows(claim *corev1.PersistentVolumeClaim) *Problem {
	request, capacity := claim.Spec.Resources.Requests[corev1.ResourceStorage],
		claim.Status.Capacity[corev1.ResourceStorage]
	if capacity.IsZero() || capacity.Cmp(request) >= 0 {
		return nil
	}
	grows := fmt.Sprintf("PersistentVolumeClaim %s grows from %s to %s", claim.Name, &capacity, &request)
	for _, condition := range claim.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError:
			return Failed(v1alpha1.ReasonExpansionFailed, "%s; the storage reports: %s; it is retried",
				grows, cmp.Or(condition.Message, "an error without a message"))
		case corev1.PersistentVolumeClaimFileSystemResizePending:
			return problem.In(v1alpha1.DiskExpanding, v1alpha1.ReasonExpanding,
				"%s: the volume has grown; its file system grows on the node of the WukongVM that uses the "+
					"disk, or of the next one", grows)
		}
	}
	return problem.In(v1alpha1.DiskExpanding, v1alpha1.ReasonExpanding, "%s", grows)
}

// KeepClaim copies what the controllers of disks and exports read of a PersistentVolumeClaim. One foreign annotation
// is read; CDI alone writes a dozen.
func KeepClaim(full, kept *corev1.PersistentVolumeClaim) {
	kind.KeepAnnotations(full, kept, func(key string) bool {
		return strings.HasPrefix(key, v1alpha1.GroupName+"/") || key == dvstate.AnnotationBindNow
	})
	kept.Spec, kept.Status = full.Spec, full.Status
}
