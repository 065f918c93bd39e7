package dvstate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/controllers/internal/warnings"
)

func TestWhichDataVolumesAreAskedAbout(t *testing.T) {
	born := time.Unix(1000, 0)
	dataVolume := func(phase cdiv1.DataVolumePhase, conditions ...cdiv1.DataVolumeCondition) *cdiv1.DataVolume {
		return &cdiv1.DataVolume{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(born)},
			Status:     cdiv1.DataVolumeStatus{Phase: phase, Conditions: conditions},
		}
	}
	running := func(status corev1.ConditionStatus, reason string) cdiv1.DataVolumeCondition {
		return cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeRunning, Status: status, Reason: reason,
			LastHeartbeatTime: metav1.NewTime(born.Add(time.Minute))}
	}
	refused := cdiv1.DataVolumeCondition{Type: cdiv1.DataVolumeBound, Status: corev1.ConditionUnknown,
		Reason: "ErrExceededQuota", Message: "exceeded quota"}
	for name, row := range map[string]struct {
		dataVolume *cdiv1.DataVolume
		since      time.Time
	}{
		"CDI has not looked at it": {dataVolume(cdiv1.PhaseUnset), born},
		"it has no claim":          {dataVolume(cdiv1.Pending), born},
		"its pod does not start": {
			dataVolume(cdiv1.ImportScheduled, running(corev1.ConditionFalse, "ContainerCreating")),
			born.Add(time.Minute)},
		"it is being filled": {dataVolume(cdiv1.ImportInProgress, running(corev1.ConditionTrue, "Pod is running")),
			time.Time{}},
		"it says why": {dataVolume(cdiv1.ImportScheduled, running(corev1.ConditionFalse, "ErrStartingPod")),
			time.Time{}},
		"it says why it has no claim": {dataVolume(cdiv1.Pending, refused), time.Time{}},
		"it waits for its first use":  {dataVolume(cdiv1.PendingPopulation), time.Time{}},
		"it waits for a person":       {dataVolume(cdiv1.UploadReady), time.Time{}},
		"it is complete":              {dataVolume(cdiv1.Succeeded), time.Time{}},
	} {
		since, ok := stuckSince(row.dataVolume)
		assert.Equal(t, !row.since.IsZero(), ok, name)
		assert.True(t, row.since.Equal(since), name)
	}
}

func TestWhatIsBetweenADataVolumeAndItsBytes(t *testing.T) {
	dataVolume := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "root"}}
	assert.Len(t, below(dataVolume, nil), 2)
	objects := below(dataVolume, &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "root", UID: "1"}})
	for _, wanted := range []warnings.Object{
		{Kind: "PersistentVolumeClaim", Name: "prime-1"}, {Kind: "PersistentVolumeClaim", Name: "prime-1-scratch"},
		{Kind: "Pod", Name: "importer-prime-1"}, {Kind: "Pod", Name: "importer-root"},
		{Kind: "Pod", Name: "1-source-pod"},
	} {
		assert.Contains(t, objects, wanted)
	}
}

// Faults B.6 and D.2: a refused claim does not exist, so it cannot be described.
func TestADataVolumeWithoutAClaim(t *testing.T) {
	dataVolume := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Name: "root"}}
	assert.Contains(t, claimless(dataVolume), "CDI has not processed DataVolume root")
	dataVolume.Status.Phase = cdiv1.Pending
	assert.Contains(t, claimless(dataVolume), "a LimitRange of the namespace refuses the claim")
}

// Fault D.1: the pod that must fill a disk is refused.
func TestAPodThatCannotBeMadeIsTold(t *testing.T) {
	dataVolume := &cdiv1.DataVolume{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "root"}}
	dataVolume.Status.Conditions = []cdiv1.DataVolumeCondition{{
		Type: cdiv1.DataVolumeRunning, Status: corev1.ConditionFalse, Reason: "ErrExceededQuota",
		Message: "Error starting pod 'importer-prime-1'",
	}}
	assert.Contains(t, ImporterSays(dataVolume), "kubectl describe quota,limitrange --namespace=shop")
}
