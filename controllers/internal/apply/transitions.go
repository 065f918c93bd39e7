package apply

import (
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// transitions has buckets of 1 s, 4 s, and so on, up to three days.
var transitions = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name: "wukong_condition_transition_seconds",
	Help: "How long a condition had a status before it got another one, per kind, type of condition, and the status " +
		"that it had.",
	Buckets: prometheus.ExponentialBuckets(1, 4, 10),
}, []string{"kind", "type", "status"})

func init() { metrics.Registry.MustRegister(transitions) }

// observeTransitions records the conditions whose status changed.
func observeTransitions(before, after client.Object) {
	was, isObject := before.(v1alpha1.Object)
	is, _ := after.(v1alpha1.Object)
	if !isObject {
		return
	}
	kind := reflect.TypeOf(before).Elem().Name()
	for _, condition := range was.GetConditions() {
		now := meta.FindStatusCondition(is.GetConditions(), condition.Type)
		if now == nil || now.Status == condition.Status {
			continue
		}
		stood := max(now.LastTransitionTime.Sub(condition.LastTransitionTime.Time), time.Duration(0))
		transitions.WithLabelValues(kind, condition.Type, string(condition.Status)).Observe(stood.Seconds())
	}
}
