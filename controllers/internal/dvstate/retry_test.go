package dvstate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/warnings"
)

// Fault D.5: an importer that fails runs for a moment between two failures.
func TestAnImporterThatIsTriedAgainIsNoNews(t *testing.T) {
	now := time.Now()
	importer := func(
		restarts int32, status corev1.ConditionStatus, reason string, since time.Duration,
	) *cdiv1.DataVolume {
		return &cdiv1.DataVolume{Status: cdiv1.DataVolumeStatus{Phase: cdiv1.ImportInProgress, RestartCount: restarts,
			Conditions: []cdiv1.DataVolumeCondition{
				{Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason,
					LastTransitionTime: metav1.NewTime(now.Add(-since))},
			}}}
	}
	for name, row := range map[string]struct {
		dataVolume *cdiv1.DataVolume
		retried    bool
		again      time.Duration
	}{
		"never failed": {importer(0, corev1.ConditionTrue, "Pod is running", 0), false, 0},
		"failed":       {importer(1, corev1.ConditionFalse, "Error", time.Hour), true, 0},
		// CDI missed the end of the pod, and has the previous reason.
		"waits for the next try": {importer(1, corev1.ConditionFalse, "Pod is running", time.Hour), true, 0},
		"waits for scratch space": {
			importer(1, corev1.ConditionFalse, "Scratch space required and none found", time.Hour), true, 0},
		"runs again": {importer(1, corev1.ConditionTrue, "Pod is running", time.Second), true,
			warnings.Patience - time.Second},
		"runs on": {importer(9, corev1.ConditionTrue, "Pod is running", warnings.Patience), false, 0},
		"runs after many failures": {importer(10, corev1.ConditionTrue, "Pod is running", time.Minute), true,
			9 * time.Minute},
		"runs on after many failures": {importer(10, corev1.ConditionTrue, "Pod is running", 10*time.Minute), false, 0},
		"nothing known":               {&cdiv1.DataVolume{Status: cdiv1.DataVolumeStatus{RestartCount: 1}}, true, 0},
	} {
		is, again := retried(row.dataVolume, now)
		assert.Equal(t, row.retried, is, name)
		assert.Equal(t, row.again, again, name)
	}
}

func TestWhatStillStands(t *testing.T) {
	before := &metav1.Condition{Reason: v1alpha1.ReasonImportFailed, ObservedGeneration: 2, Message: "404"}
	assert.Equal(t, "404", Waiting{Retried: true}.Still(before, 2))
	assert.Empty(t, Waiting{Retried: true}.Still(before, 3), "the spec is another")
	assert.Empty(t, Waiting{}.Still(before, 2), "a try runs on")
	assert.Empty(t, Waiting{Retried: true}.Still(nil, 2))
	before.Reason = v1alpha1.ReasonImporting
	assert.Empty(t, Waiting{Retried: true}.Still(before, 2))
}
