// Package dvstate reads from a CDI DataVolume its progress and why its content is missing, in CDI's words.
package dvstate

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Annotations that control how CDI handles a DataVolume or its claim (CDI pkg/controller/common/util.go).
const (
	// AnnotationBindNow requests immediate binding on a class that binds at first use (AnnImmediateBinding).
	AnnotationBindNow = "cdi.kubevirt.io/storage.bind.immediate.requested"
	// AnnotationDeleteAfterCompletion with "false" keeps a finished DataVolume from garbage collection
	// (AnnDeleteAfterCompletion).
	AnnotationDeleteAfterCompletion = "cdi.kubevirt.io/storage.deleteAfterCompletion"
	// AnnotationPopulatedFor with a DataVolume's own name is copied to its claim when that is filled. Then CDI sets
	// AnnotationPrePopulated (AnnPopulatedFor; pkg/controller/datavolume/controller-base.go, handleDelayedAnnotations
	// and handlePrePopulation).
	AnnotationPopulatedFor = "cdi.kubevirt.io/storage.populatedFor"
	// AnnotationPrePopulated names the claim of a DataVolume that is already filled: CDI creates no other
	// (AnnPrePopulated).
	AnnotationPrePopulated = "cdi.kubevirt.io/storage.prePopulated"
	// AnnotationCloneType is how CDI copies a clone: snapshot, csi-clone or copy (AnnCloneType;
	// pkg/controller/datavolume/snapshot-clone-controller.go, syncSnapshotClone).
	AnnotationCloneType = "cdi.kubevirt.io/cloneType"
)

// CloneMethod returns how CDI copies a clone; empty while CDI has not decided, and for other DataVolumes.
func CloneMethod(dataVolume *cdiv1.DataVolume) string {
	return dataVolume.Annotations[AnnotationCloneType]
}

// ImporterSays returns the error text of the importer pod while it does not run, or "". CDI copies it into the Running
// condition and clears it when the pod runs again (CDI pkg/controller/util.go, setAnnotationsFromPodWithPrefix).
func ImporterSays(dataVolume *cdiv1.DataVolume) string {
	running := Condition(dataVolume, cdiv1.DataVolumeRunning)
	if running == nil || running.Status == corev1.ConditionTrue {
		return ""
	}
	switch running.Reason {
	case "Error", "OOMKilled", "ImagePullFailed", "ContainerCannotRun", "CreateContainerConfigError":
		return strings.TrimSpace(running.Message+" ("+running.Reason+")") + untrusted(running.Message)
	// CDI pkg/controller/common/util.go, HandleFailedPod: only its log has the cause
	case "ErrStartingPod", "ErrExceededQuota":
		return strings.TrimSpace(fmt.Sprintf("%s (%s); most often a ResourceQuota, a LimitRange or Pod Security of "+
			"namespace %s refuses the pod: kubectl describe quota,limitrange --namespace=%s",
			running.Message, running.Reason, dataVolume.Namespace, dataVolume.Namespace))
	default:
		return ""
	}
}

// FailureOf returns why a DataVolume failed, as a sentence that names it.
func FailureOf(dataVolume *cdiv1.DataVolume) string {
	if message := ImporterSays(dataVolume); message != "" {
		return fmt.Sprintf("DataVolume %s failed: %s", dataVolume.Name, message)
	}
	return fmt.Sprintf("DataVolume %s failed, and CDI reports no cause: 'kubectl describe dv %s' shows its events",
		dataVolume.Name, dataVolume.Name)
}

// untrusted returns the fix for a server certificate that is not trusted (crypto/x509): CDI cannot skip the check.
func untrusted(message string) string {
	if !strings.Contains(message, "certificate signed by unknown authority") {
		return ""
	}
	return "; name its CA certificate in certConfigMapRef of the source"
}

// ClaimRefused returns why CDI cannot create a claim, for example without a StorageProfile for the class, and our
// reason for that. Both are empty when there is no problem.
func ClaimRefused(dataVolume *cdiv1.DataVolume) (reason, message string) {
	bound := Condition(dataVolume, cdiv1.DataVolumeBound)
	if bound == nil || bound.Status == corev1.ConditionTrue {
		return "", ""
	}
	switch bound.Reason {
	case "", "Pending", "NotFound":
		return "", ""
	case "ErrExceededQuota": // CDI pkg/controller/common/util.go
		return v1alpha1.ReasonQuotaExceeded, bound.Message
	default:
		return v1alpha1.ReasonClaimPending, bound.Message
	}
}

// Condition returns the DataVolume's condition of a type, or nil when CDI has not written it yet.
func Condition(dataVolume *cdiv1.DataVolume, conditionType cdiv1.DataVolumeConditionType) *cdiv1.DataVolumeCondition {
	for i := range dataVolume.Status.Conditions {
		if dataVolume.Status.Conditions[i].Type == conditionType {
			return &dataVolume.Status.Conditions[i]
		}
	}
	return nil
}

// Restarts returns how often the importer was restarted, rounded down to one significant digit, so that a lasting
// fault costs a bounded number of writes.
func Restarts(dataVolume *cdiv1.DataVolume) int32 {
	count, step := int64(dataVolume.Status.RestartCount), int64(1)
	for count >= 10*step {
		step *= 10
	}
	return int32(count / step * step)
}

// progressStep is the granularity of Progress. CDI reports every few seconds, and each step is one write.
const progressStep = 10

// Progress returns CDI's "45.21%", rounded down to a multiple of ten; nil while CDI reports N/A.
func Progress(text cdiv1.DataVolumeProgress) *int32 {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || math.IsNaN(percent) || percent < 0 || percent > 100 {
		return nil
	}
	return ptr.To(int32(percent) / progressStep * progressStep)
}
