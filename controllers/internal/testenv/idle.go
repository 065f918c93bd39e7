package testenv

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// quiet is how long no controller may do anything before it is called idle: longer than any of them gathers changes, and than a
// change takes to come back through a watch.
const quiet = 1500 * time.Millisecond

// WaitIdle waits until the controllers of this process have looked at everything, at least once each at passes or more
// objects, and have nothing left to do. Only then does a count of writes mean something.
func WaitIdle(tb testing.TB, passes float64) {
	tb.Helper()
	var last float64
	since := time.Now()
	begin := sum(tb, "controller_runtime_reconcile_total")
	require.Eventually(tb, func() bool {
		total := sum(tb, "controller_runtime_reconcile_total")
		busy := sum(tb, "controller_runtime_active_workers") + sum(tb, "workqueue_depth")
		if total != last || busy > 0 {
			last, since = total, time.Now()
			return false
		}
		return total-begin >= passes && time.Since(since) >= quiet
	}, time.Minute, 20*time.Millisecond)
}

// sum adds up a metric over all controllers of all managers in this process.
func sum(tb testing.TB, name string) float64 {
	tb.Helper()
	families, err := metrics.Registry.Gather()
	require.NoError(tb, err)
	total := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return total
}
