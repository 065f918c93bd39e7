package runner

import (
	"context"
	"fmt"
	"runtime"

	"github.com/novasphere/wukong/e2e/internal/testrun/report"
)

// unit runs the pure tests. They get no patience, since a test that reads what differs from run to run is not taken
// from go's cache.
func (r *Run) unit(ctx context.Context) {
	layer := r.begin(layerUnit)
	defer r.end(ctx, layer)
	r.goTest(ctx, layer, "unit", nil, "make", "test-unit")
	if ctx.Err() == nil {
		r.goTest(ctx, layer, "unit of the dev cluster", nil, "make", "test-devcluster")
	}
}

// controlPlane runs the tests that have a real API server. They wait more than they compute, so that what comes next is
// built meanwhile, with what they leave. A part that cannot be built is built once more, and told, when the cluster is
// started.
func (r *Run) controlPlane(ctx context.Context) {
	if runtime.GOOS != "linux" {
		r.skip(layerControlPlane, "kube-apiserver and etcd are built for Linux, this is "+runtime.GOOS)
		return
	}
	layer := r.begin(layerControlPlane)
	defer r.end(ctx, layer)
	if !r.step(ctx, layer, "build kube-apiserver and etcd", "make", "control-plane") {
		return
	}
	ready := r.buildAhead(ctx, layer)
	// -o: the control plane is there. Its target would build the dev cluster's program again, which is in use.
	environment := []string{patienceVariable + "=" + patience(r.report.Factor)}
	r.goTest(ctx, layer, "control plane", environment, "make", "-o", "control-plane", "test-controlplane")
	ready()
}

// buildAhead starts to build what the end-to-end layer needs, and returns what waits for it.
func (r *Run) buildAhead(ctx context.Context, layer *report.Layer) (wait func()) {
	if !r.options.runs("e2e") || r.obstacle() != "" {
		return func() {}
	}
	r.programs.start(ctx, r.suites, true)
	var steps []report.Step
	done := make(chan struct{})
	go func() {
		defer close(done)
		steps = append(steps, r.quietly(ctx, "build the manager and helm", "make", "build", "helm"))
		program := r.path("bin", "devcluster")
		steps = append(steps, r.quietly(ctx, "build the other parts of the dev cluster", program, "build"))
	}()
	return func() {
		fmt.Fprintln(r.out, "wait until the other parts of the dev cluster are built")
		<-done
		layer.Steps = append(layer.Steps, steps...)
	}
}
