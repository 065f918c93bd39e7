package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds; docs/performance.md explains them. A broken one fails the run.
const (
	maxWritesPerVM            = 12
	maxUntilVirtualMachineP95 = 300 * time.Millisecond
	maxQueueWaitP99           = 500 * time.Millisecond
	maxBytesPerVM             = 60_000
)

type results struct {
	times  durations
	made   writeCount
	atRest int
	// idle is before any WukongVM, warm before the measured ones.
	idle, warm, settled families
}

// report prints the table, and returns how many bounds are broken.
func report(out io.Writer, chosen settings, seen results) (broken int) {
	row := func(what, value, bound string, kept bool) {
		mark := ""
		if !kept {
			mark, broken = " **broken**", broken+1
		}
		fmt.Fprintf(out, "| %s | %s | %s%s |\n", what, value, bound, mark)
	}
	perVM := float64(seen.made.total()) / float64(chosen.virtualMachines)
	updates := 0
	for write, count := range seen.made.counts {
		if strings.HasPrefix(write, "update ") {
			updates += count
		}
	}
	fmt.Fprintf(out, "| %d machines of each sort, %d per second | measured | bound |\n|---|---|---|\n",
		chosen.virtualMachines, chosen.rate)
	row("writes per WukongVM, create to Ready", fmt.Sprintf("%.2f", perVM), fmt.Sprint(maxWritesPerVM),
		perVM <= maxWritesPerVM)
	for _, write := range slices.Sorted(maps.Keys(seen.made.counts)) {
		row("- "+write, fmt.Sprintf("%.2f", float64(seen.made.counts[write])/float64(chosen.virtualMachines)), "", true)
	}
	row("UPDATE requests", fmt.Sprint(updates), "0", updates == 0)
	row("conflicts", fmt.Sprint(seen.made.conflicts), "0", seen.made.conflicts == 0)
	row(fmt.Sprintf("writes at rest, in %s", chosen.rest), fmt.Sprint(seen.atRest), "0", seen.atRest == 0)

	untilVirtualMachine := percentile(seen.times.untilVirtualMachine, 0.95)
	row("WukongVM created to VirtualMachine there, P50",
		round(percentile(seen.times.untilVirtualMachine, 0.5)), "", true)
	row("WukongVM created to VirtualMachine there, P95", round(untilVirtualMachine), maxUntilVirtualMachineP95.String(),
		untilVirtualMachine <= maxUntilVirtualMachineP95)
	row("WukongVM created to Ready, P50 / P95",
		round(percentile(seen.times.untilReady, 0.5))+" / "+round(percentile(seen.times.untilReady, 0.95)), "", true)
	row("bare VirtualMachine created to Running, P50 / P95",
		round(percentile(seen.times.bareUntilRunning, 0.5))+" / "+round(
			percentile(seen.times.bareUntilRunning, 0.95)), "", true)

	wait := seen.settled.quantile("workqueue_queue_duration_seconds", 0.99, seen.warm)
	row("queue wait P99", round(wait), maxQueueWaitP99.String(), wait <= maxQueueWaitP99)
	row("reconcile time P50 / P99",
		round(seen.settled.quantile("controller_runtime_reconcile_time_seconds", 0.5, seen.warm))+" / "+
			round(seen.settled.quantile("controller_runtime_reconcile_time_seconds", 0.99, seen.warm)), "", true)

	idle, settled := seen.idle.gauge("process_resident_memory_bytes"),
		seen.settled.gauge("process_resident_memory_bytes")
	each := (settled - idle) / float64(chosen.virtualMachines+warmUp)
	row("manager memory (RSS), idle / settled", fmt.Sprintf("%.1f / %.1f MB", idle/1e6, settled/1e6), "", true)
	row("manager memory (RSS) per machine", fmt.Sprintf("%.1f KB", each/1e3),
		fmt.Sprintf("%d KB", maxBytesPerVM/1000), each <= maxBytesPerVM)
	heap := (seen.settled.gauge("go_memstats_heap_inuse_bytes") - seen.idle.gauge(
		"go_memstats_heap_inuse_bytes")) / float64(chosen.virtualMachines+warmUp)
	row("manager heap in use per machine", fmt.Sprintf("%.1f KB", heap/1e3), "", true)
	return broken
}

func percentile(values []time.Duration, quantile float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(math.Ceil(quantile*float64(len(sorted))))-1)]
}

// interpolate estimates a quantile from the counts of buckets by upper bound. Schemas of native histograms differ
// between metrics, and a bucket begins where the previous one ends.
func interpolate(counts map[float64]float64, quantile float64) float64 {
	total := 0.0
	for _, count := range counts {
		total += count
	}
	lower, below := 0.0, 0.0
	for _, upper := range slices.Sorted(maps.Keys(counts)) {
		if count := counts[upper]; count > 0 && below+count >= quantile*total {
			return lower + (upper-lower)*(quantile*total-below)/count
		}
		lower, below = upper, below+counts[upper]
	}
	return lower
}

func seconds(value float64) time.Duration { return time.Duration(value * float64(time.Second)) }

func round(value time.Duration) string { return value.Round(100 * time.Microsecond).String() }
