package runner

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/novasphere/wukong/e2e/internal/testrun/command"
	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
)

// endToEnd runs the suites on the dev cluster. A cluster that ran before stays; one that the tests started goes.
func (r *Run) endToEnd(ctx context.Context) {
	if obstacle := r.obstacle(); obstacle != "" {
		r.skip(layerEndToEnd, obstacle)
		return
	}
	layer := r.begin(layerEndToEnd)
	defer r.end(ctx, layer)
	r.programs.start(ctx, r.suites, false)
	ready := r.startCluster(ctx, layer)
	defer r.takeDown(ctx, layer)
	for _, suite := range r.suites {
		if ctx.Err() != nil {
			return
		}
		if suite.Needs > ready {
			r.fail("suite "+suite.Name, "did not run: what it needs did not start, see above")
			layer.Suites = append(layer.Suites, report.Suite{Name: suite.Name, Verdict: report.Failed})
			continue
		}
		r.suite(ctx, layer, suite)
	}
}

// clusterObstacle says why no cluster can run on this machine; empty when one can.
func clusterObstacle() string {
	switch {
	case runtime.GOOS != "linux":
		return "the dev cluster needs Linux, this is " + runtime.GOOS
	case os.Geteuid() != 0:
		return "the dev cluster makes namespaces and mounts and needs root"
	}
	return ""
}

// startCluster starts what the suites need, and returns which suites can run.
func (r *Run) startCluster(ctx context.Context, layer *report.Layer) suites.Need {
	needed := suites.Needed(r.suites)
	if !r.step(ctx, layer, "build the dev cluster's program", "make", "devcluster") || needed == suites.NeedsNothing {
		return suites.NeedsNothing
	}
	running := command.Command{Arguments: []string{r.path("bin", "devcluster"), "status"}}.Run(ctx) == nil
	r.cluster = !running && !r.options.KeepCluster
	name, target := "start the cluster with Wukong", "deploy"
	if needed == suites.NeedsCluster {
		name, target = "start the cluster", "cluster"
	}
	// Two nodes from the beginning: most suites need them.
	if !r.step(ctx, layer, name, "make", "-o", "devcluster", target, "DEVCLUSTER_FLAGS=--nodes=2") {
		return suites.NeedsNothing
	}
	return needed
}

// takeDown ends a cluster that was started here. It does so after Ctrl-C too; a second Ctrl-C leaves what is there.
func (r *Run) takeDown(ctx context.Context, layer *report.Layer) {
	if !r.cluster {
		return
	}
	if ctx.Err() != nil {
		fmt.Fprintln(r.out, "\ninterrupted; the cluster that was started for the tests is taken down, Ctrl-C leaves it")
	}
	last, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r.cluster = !r.step(last, layer, "take the cluster down", "make", "-o", "devcluster", "down")
}
