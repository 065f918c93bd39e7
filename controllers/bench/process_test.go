package main

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// observe returns the metrics of a histogram, as the manager has them, after some waits were observed.
func observe(t *testing.T, histogram prometheus.Histogram, waits ...time.Duration) families {
	t.Helper()
	for _, wait := range waits {
		histogram.Observe(wait.Seconds())
	}
	metric := &dto.Metric{}
	require.NoError(t, histogram.Write(metric))
	return families{"wait": {Metric: []*dto.Metric{metric}}}
}

func TestQuantileOfANativeHistogram(t *testing.T) {
	histogram := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "wait", NativeHistogramBucketFactor: 1.1})
	earlier := observe(t, histogram, 10*time.Second, 10*time.Second, 10*time.Second)
	var waits []time.Duration
	for milliseconds := range 100 {
		waits = append(waits, time.Duration(milliseconds+1)*time.Millisecond)
	}
	later := observe(t, histogram, waits...)
	for quantile, want := range map[float64]float64{0.5: 0.050, 0.9: 0.090, 0.99: 0.099} {
		assert.InEpsilon(t, want, later.quantile("wait", quantile, earlier).Seconds(), 0.1, "quantile %v", quantile)
	}
	assert.Zero(t, families{}.quantile("wait", 0.5, families{}))
}
