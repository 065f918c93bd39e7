package dvstate

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/warnings"
)

const (
	// lastingRestarts is how often an importer may fail before an attempt must run for lastingPatience.
	lastingRestarts = 10
	lastingPatience = 10 * time.Minute
)

// retried reports whether the last error of the importer is still valid, and when to check again. CDI clears the error
// whenever the pod runs, and a failing pod runs briefly every few minutes. An attempt that runs for longer than
// warnings.Patience, or lastingPatience, is a success.
func retried(dataVolume *cdiv1.DataVolume, now time.Time) (is bool, again time.Duration) {
	if dataVolume.Status.RestartCount == 0 {
		return false, 0
	}
	running := Condition(dataVolume, cdiv1.DataVolumeRunning)
	if running == nil || running.Status != corev1.ConditionTrue {
		return true, 0
	}
	patience := warnings.Patience
	if dataVolume.Status.RestartCount >= lastingRestarts {
		patience = lastingPatience
	}
	if ran := now.Sub(running.LastTransitionTime.Time); ran < patience {
		return true, patience - ran
	}
	return false, 0
}

// Still returns the message of a condition about a failed importer while it is valid. A message that appears and
// disappears with CDI's attempts would be confusing, and cost two writes each time. Still returns "" when the
// condition has another reason or is of another generation.
func (w Waiting) Still(before *metav1.Condition, generation int64) string {
	if !w.Retried || before == nil || before.Reason != v1alpha1.ReasonImportFailed ||
		before.ObservedGeneration != generation {
		return ""
	}
	return before.Message
}
