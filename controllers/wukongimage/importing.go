package wukongimage

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// progressStep is the granularity of status.progressPercent. CDI reports every few seconds; each step is one write.
const progressStep = 10

// importProblem says why an import is not complete, from the phase of the DataVolume (CDI pkg/apis/core/v1beta1); nil when it is.
func importProblem(dataVolume *cdiv1.DataVolume) *problem {
	switch dataVolume.Status.Phase {
	case cdiv1.Succeeded:
		return nil
	case cdiv1.Failed:
		return failed(v1alpha1.ReasonImportFailed, "DataVolume %s failed: %s", dataVolume.Name, importerSays(dataVolume))
	case cdiv1.PhaseUnset, cdiv1.Pending:
		if message := claimRefused(dataVolume); message != "" {
			return failed(v1alpha1.ReasonClaimPending, "DataVolume %s: %s", dataVolume.Name, message)
		}
	default:
		if message := importerSays(dataVolume); message != "" {
			return failed(v1alpha1.ReasonImportFailed, "DataVolume %s: importer pod: %s; it is tried again (%d restarts so far)",
				dataVolume.Name, message, dataVolume.Status.RestartCount)
		}
	}
	return &problem{v1alpha1.ImageImporting, v1alpha1.ReasonImporting, "DataVolume " + dataVolume.Name + " is being filled"}
}

// importerSays is the error text of the importer pod while it does not run. CDI copies it into the Running condition and
// clears it when the pod runs again (CDI pkg/controller/util.go, setAnnotationsFromPodWithPrefix).
func importerSays(dataVolume *cdiv1.DataVolume) string {
	running := condition(dataVolume, cdiv1.DataVolumeRunning)
	if running == nil || running.Status == corev1.ConditionTrue {
		return ""
	}
	switch running.Reason {
	case "Error", "OOMKilled", "ImagePullFailed", "ContainerCannotRun", "CreateContainerConfigError":
		return strings.TrimSpace(running.Message + " (" + running.Reason + ")")
	default:
		return ""
	}
}

// claimRefused is what CDI says when it cannot make a claim at all, for example because the StorageClass does not exist.
func claimRefused(dataVolume *cdiv1.DataVolume) string {
	bound := condition(dataVolume, cdiv1.DataVolumeBound)
	if bound == nil || bound.Status == corev1.ConditionTrue {
		return ""
	}
	switch bound.Reason {
	case "", "Pending", "NotFound":
		return ""
	default:
		return bound.Message
	}
}

func condition(dataVolume *cdiv1.DataVolume, conditionType cdiv1.DataVolumeConditionType) *cdiv1.DataVolumeCondition {
	for i := range dataVolume.Status.Conditions {
		if dataVolume.Status.Conditions[i].Type == conditionType {
			return &dataVolume.Status.Conditions[i]
		}
	}
	return nil
}

// progress cuts CDI's "45.21%" to a step; nil while CDI says N/A.
func progress(text cdiv1.DataVolumeProgress) *int32 {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(string(text), "%"), 64)
	if err != nil || percent < 0 || percent > 100 {
		return nil
	}
	return ptr.To(int32(percent) / progressStep * progressStep)
}
