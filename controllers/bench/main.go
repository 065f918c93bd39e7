// Command bench measures what Wukong adds to KubeVirt: requests per WukongVM, time, queues and memory.
//
// It runs the built manager, as a process of its own, against the built control plane. WukongVMs are created at a
// steady rate, each beside a bare KubeVirt VirtualMachine with the same disk. The simulator of the tests writes what
// KubeVirt and CDI would write, the same for both. Requests are counted by the API server's audit log; queues,
// reconcile times and memory come from the manager's own metrics.
//
// It prints a table in the format of docs/performance.md, and fails when a bound is broken.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// warmUp is how many objects of each kind are created before the measured ones: the API server prepares the validation
// of a kind at its first use, which takes seconds.
const warmUp = 10

type settings struct {
	manager         string
	virtualMachines int
	rate            int
	rest            time.Duration
	// addresses: measure these instead of WukongVMs.
	addresses int
}

func main() {
	var chosen settings
	flag.StringVar(&chosen.manager, "manager", "bin/manager", "the manager program")
	flag.IntVar(&chosen.virtualMachines, "machines", 500, "number of WukongVMs, and of bare VirtualMachines")
	flag.IntVar(&chosen.rate, "rate", 10, "machines of each sort per second")
	flag.DurationVar(&chosen.rest, "rest", 150*time.Second, "how long to watch the settled cluster; longer than two "+
		"minutes lets Go's garbage collector run once")
	flag.IntVar(&chosen.addresses, "addresses", 0, "measure instead how long it takes to get an address in a network "+
		"where so many are taken")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())

	measure := run
	if chosen.addresses > 0 {
		measure = runAddresses
	}
	broken, err := measure(ctrl.SetupSignalHandler(), chosen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if broken > 0 {
		fmt.Fprintf(os.Stderr, "bench: %d bounds are broken\n", broken)
		os.Exit(1)
	}
}

func run(ctx context.Context, chosen settings) (broken int, err error) {
	stage, err := newStage(ctx, chosen)
	if err != nil {
		return 0, err
	}
	defer stage.close()

	idle, err := stage.manager.metrics(ctx)
	if err != nil {
		return 0, err
	}
	if err := stage.prepare(ctx, chosen); err != nil {
		return 0, err
	}
	before, err := stage.audit.writes()
	if err != nil {
		return 0, err
	}
	warm, err := stage.manager.metrics(ctx)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "making %d machines of each sort, %d per second\n", chosen.virtualMachines, chosen.rate)
	times, err := stage.load(ctx, chosen.rate, 0, chosen.virtualMachines)
	if err != nil {
		return 0, err
	}
	made, err := stage.audit.writes()
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "all are ready; watching the settled cluster for %s\n", chosen.rest)
	if err := sleep(ctx, lateWrites); err != nil {
		return 0, err
	}
	settling, err := stage.audit.writes()
	if err != nil {
		return 0, err
	}
	if err := sleep(ctx, chosen.rest); err != nil {
		return 0, err
	}
	after, err := stage.audit.writes()
	if err != nil {
		return 0, err
	}
	settled, err := stage.manager.metrics(ctx)
	if err != nil {
		return 0, err
	}
	return report(os.Stdout, chosen, results{
		times: times, made: made.without(before), atRest: after.total() - settling.total(), idle: idle,
		warm: warm, settled: settled,
	}), nil
}

// lateWrites is how long writes continue after the last WukongVM is ready: the users of a network are counted at most
// every half minute (controllers/wukongnetwork/usage.go).
const lateWrites = 35 * time.Second

func sleep(ctx context.Context, period time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(period):
		return nil
	}
}
