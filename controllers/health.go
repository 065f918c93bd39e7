package controllers

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

const (
	// reconciliationTimeout ends a pass over one object. Passes take milliseconds; what takes longer waits, such as for
	// the cache to have what was written: a watch that began again may never tell of it.
	reconciliationTimeout = 2 * time.Minute
	// hangPatience is how long passes may hang before the manager is to be started again, with caches that are read
	// from the beginning.
	hangPatience = 5 * time.Minute
)

// The metrics by which hanging passes show (sigs.k8s.io/controller-runtime/pkg/internal/controller/metrics,
// pkg/internal/metrics/workqueue.go).
const (
	metricTimeouts = "controller_runtime_reconcile_timeouts_total"
	metricLongest  = "workqueue_longest_running_processor_seconds"
)

// NotHanging is a health check that fails while passes of a controller hang: one that does not end, or one after
// another that times out.
func NotHanging(metrics prometheus.Gatherer, clock clock.PassiveClock) healthz.Checker {
	check := &hangCheck{metrics: metrics, clock: clock}
	return check.check
}

type hangCheck struct {
	metrics prometheus.Gatherer
	clock   clock.PassiveClock

	mutex sync.Mutex
	// timeouts that were counted at the last look, since when there were always new ones, and when the last one was
	// seen.
	timeouts    float64
	since, last time.Time
}

func (h *hangCheck) check(*http.Request) error {
	families, err := h.metrics.Gather()
	if err != nil {
		return fmt.Errorf("read the metrics of the controllers: %w", err)
	}
	timeouts, longest := 0.0, 0.0
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			switch family.GetName() {
			case metricTimeouts:
				timeouts += metric.GetCounter().GetValue()
			case metricLongest:
				longest = max(longest, metric.GetGauge().GetValue())
			}
		}
	}
	if longest > hangPatience.Seconds() {
		return fmt.Errorf("a controller has looked at one object for %.0f s", longest)
	}
	return h.checkTimeouts(timeouts)
}

func (h *hangCheck) checkTimeouts(count float64) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	now := h.clock.Now()
	if count > h.timeouts {
		if now.Sub(h.last) > 2*reconciliationTimeout {
			h.since = now
		}
		h.timeouts, h.last = count, now
	}
	if now.Sub(h.last) <= 2*reconciliationTimeout && h.last.Sub(h.since) > hangPatience {
		return fmt.Errorf("controllers have timed out one pass after another for %s", h.last.Sub(h.since))
	}
	return nil
}
