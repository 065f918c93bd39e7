package pass

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// duration of each step, a native histogram such as controller-runtime's of whole passes.
var duration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:                            "wukong_step_duration_seconds",
	Help:                            "Duration of one step of a reconciliation, per controller and step.",
	NativeHistogramBucketFactor:     1.1,
	NativeHistogramMaxBucketNumber:  100,
	NativeHistogramMinResetDuration: time.Hour,
}, []string{"controller", "step"})

func init() { metrics.Registry.MustRegister(duration) }
