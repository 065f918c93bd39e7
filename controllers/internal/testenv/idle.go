package testenv

import (
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// quiet is how long no controller may do anything before it is called idle: longer than any of them gathers changes, and than a
// change takes to come back through a watch. What gathers is in no queue that a metric counts.
const quiet = 2500 * time.Millisecond

// WaitIdle waits until the controllers of this process have looked at everything, at passes or more objects since the last manager of
// operators began, and have nothing left to do. Only then does a count of writes mean something.
func WaitIdle(tb testing.TB, passes float64) {
	tb.Helper()
	var last float64
	since := time.Now()
	begin := passesBefore()
	require.Eventually(tb, func() bool {
		total := sum("controller_runtime_reconcile_total", everyone)
		busy := work(operators) - leftBy(operators) + work(simulators) - leftBy(simulators)
		if total != last || busy > 0 {
			last, since = total, time.Now()
			return false
		}
		return total-begin >= passes && time.Since(since) >= quiet
	}, time.Minute, 100*time.Millisecond)
}

// crew is a sort of manager, by the names of its controllers.
type crew string

const (
	everyone   crew = ""
	operators  crew = "operator"
	simulators crew = "simulator"
)

// has tells whether a controller is one of the crew.
func (c crew) has(controller string) bool {
	return c == everyone || (c == simulators) == strings.HasPrefix(controller, "simulated-")
}

// left is the work that managers left when they were stopped. The metrics are the process's, and controller-runtime's queue never takes
// from them what is in it when it is shut down.
var left = struct {
	sync.Mutex
	running map[crew]int
	work    map[crew]float64
	// passes there were when the last manager of operators began.
	passes float64
}{running: map[crew]int{}, work: map[crew]float64{}}

// begins counts a manager in, and when it is alone of its crew, what those before it left.
func (c crew) begins() {
	left.Lock()
	defer left.Unlock()
	if left.running[c] == 0 {
		left.work[c] = work(c)
	}
	if c == operators {
		left.passes = sum("controller_runtime_reconcile_total", everyone)
	}
	left.running[c]++
}

func passesBefore() float64 {
	left.Lock()
	defer left.Unlock()
	return left.passes
}

// ends counts a manager out.
func (c crew) ends() {
	left.Lock()
	defer left.Unlock()
	left.running[c]--
}

func leftBy(c crew) float64 {
	left.Lock()
	defer left.Unlock()
	return left.work[c]
}

// work is what the controllers of a crew do and have to do.
func work(c crew) float64 {
	return sum("controller_runtime_active_workers", c) + sum("workqueue_depth", c)
}

// sum adds up a metric over the controllers of a crew.
func sum(name string, c crew) float64 {
	families, err := metrics.Registry.Gather()
	if err != nil {
		panic(err) // a metric that is registered twice
	}
	result := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			if c.has(controllerOf(metric)) {
				result += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return result
}

func controllerOf(metric *dto.Metric) string {
	for _, label := range metric.GetLabel() {
		if label.GetName() == "controller" {
			return label.GetValue()
		}
	}
	return ""
}
