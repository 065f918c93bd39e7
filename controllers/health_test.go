package controllers

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clocktesting "k8s.io/utils/clock/testing"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Fault B.7: a watch that began again can keep a pass from ever ending, and with it a whole kind.
func TestPassesThatHangAreNotHealthy(t *testing.T) {
	registry := prometheus.NewRegistry()
	timeouts := prometheus.NewCounterVec(prometheus.CounterOpts{Name: metricTimeouts}, []string{"controller"})
	longest := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: metricLongest}, []string{"controller"})
	registry.MustRegister(timeouts, longest)
	clock := clocktesting.NewFakePassiveClock(time.Unix(1000, 0))
	check := NotHanging(registry, clock)
	after := func(step time.Duration, fails int) error {
		clock.SetTime(clock.Now().Add(step))
		timeouts.WithLabelValues("wukongdisk").Add(float64(fails))
		return check(nil)
	}
	require.NoError(t, after(0, 0))
	require.NoError(t, after(time.Hour, 16), "one blow of the API server")
	require.NoError(t, after(time.Hour, 16))
	for range 3 {
		require.NoError(t, after(reconciliationTimeout/2, 1))
	}
	var err error
	for range 6 {
		err = after(reconciliationTimeout/2, 1)
	}
	require.ErrorContains(t, err, "one pass after another")
	require.NoError(t, after(time.Hour, 0), "it is over")

	longest.WithLabelValues("wukongvm").Set(hangPatience.Seconds() + 1)
	assert.ErrorContains(t, check(nil), "looked at one object")
}

func TestTheMetricsOfHangingPassesExist(t *testing.T) {
	families, err := ctrlmetrics.Registry.Gather()
	require.NoError(t, err)
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
	}
	// A family shows with its first value; what is registered cannot be registered again.
	for _, name := range []string{metricTimeouts, metricLongest} {
		again := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "again"}, []string{"controller"})
		assert.Error(t, ctrlmetrics.Registry.Register(again), "%s is not among %v", name, names)
	}
	options, err := ManagerOptions([]string{"*"}, 1, nil)
	require.NoError(t, err)
	assert.Positive(t, options.Controller.ReconciliationTimeout)
}
