package apply

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestTransitionsAreMeasured(t *testing.T) {
	start := time.Unix(1_000_000, 0)
	disk := func(ready, umbrella metav1.ConditionStatus, at time.Time) *v1alpha1.WukongDisk {
		return &v1alpha1.WukongDisk{Status: v1alpha1.WukongDiskStatus{Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: ready, LastTransitionTime: metav1.NewTime(at)},
			{Type: v1alpha1.ConditionComplete, Status: umbrella, LastTransitionTime: metav1.NewTime(start)},
		}}}
	}
	measured := func(conditionType, status string) (count uint64, sum float64) {
		found := &dto.Metric{}
		require.NoError(t,
			transitions.WithLabelValues("WukongDisk", conditionType, status).(prometheus.Metric).Write(found))
		return found.Histogram.GetSampleCount(), found.Histogram.GetSampleSum()
	}
	observeTransitions(&v1alpha1.WukongDisk{}, disk("False", "False", start))
	observeTransitions(disk("False", "False", start), disk("True", "False", start.Add(90*time.Second)))
	count, sum := measured(v1alpha1.ConditionReady, "False")
	assert.Equal(t, uint64(1), count, "a condition that is new has changed nothing")
	assert.InDelta(t, 90, sum, 0.001)
	count, _ = measured(v1alpha1.ConditionComplete, "False")
	assert.Zero(t, count)

	observeTransitions(disk("True", "False", start), disk("False", "False", start.Add(-time.Hour)))
	_, sum = measured(v1alpha1.ConditionReady, "True")
	assert.Zero(t, sum, "a clock that was set back")
}
