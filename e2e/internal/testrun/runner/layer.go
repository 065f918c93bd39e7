package runner

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/internal/testrun/command"
	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/timing"
)

func (r *Run) begin(name string) *report.Layer {
	fmt.Fprintf(r.out, "\n=== %s\n", name)
	layer := &report.Layer{Name: name, Verdict: report.Passed}
	r.report.Layers = append(r.report.Layers, layer)
	layer.Seconds = time.Since(r.report.Started).Seconds() // until end, the moment of its beginning
	return layer
}

func (r *Run) end(ctx context.Context, layer *report.Layer) {
	layer.Seconds = time.Since(r.report.Started).Seconds() - layer.Seconds
	if ctx.Err() != nil {
		layer.Verdict, layer.Reason = report.Interrupted, "interrupted"
	}
}

// skip leaves a layer out, which is a failure in continuous integration.
func (r *Run) skip(name, reason string) {
	fmt.Fprintf(r.out, "\n=== %s: skipped, %s\n", name, reason)
	layer := &report.Layer{Name: name, Verdict: report.Skipped, Reason: reason}
	if r.inCI {
		layer.Verdict, layer.Reason = report.Failed, "nothing may be skipped when CI=true, but "+reason
		r.fail(name, layer.Reason)
	}
	r.report.Layers = append(r.report.Layers, layer)
}

// fail counts something that is no test as one failure.
func (r *Run) fail(name string, lines ...string) {
	r.report.Count.Failed++
	r.failures = append(r.failures, gotest.Failure{Name: name, Lines: lines})
}

// step runs a command that the tests need, shows what it prints, and returns whether it succeeded.
func (r *Run) step(ctx context.Context, layer *report.Layer, name string, arguments ...string) bool {
	fmt.Fprintf(r.out, "\n--- %s: %s\n", name, strings.Join(arguments, " "))
	output := &tail{out: r.out}
	start := time.Now()
	err := command.Command{Arguments: arguments, Folder: r.options.Root, Output: output}.Run(ctx)
	one := report.Step{Name: name, Seconds: time.Since(start).Seconds(), Verdict: report.Passed}
	if err != nil {
		one.Verdict, one.Error = report.Failed, err.Error()
		layer.Verdict = report.Failed
		if ctx.Err() == nil {
			r.fail(name, append(output.lines(), err.Error())...)
		}
	}
	layer.Steps = append(layer.Steps, one)
	return err == nil
}

// quietly runs a command beside others, at low priority. That it fails is only noted: what needs it does it again.
func (r *Run) quietly(ctx context.Context, name string, arguments ...string) report.Step {
	start := time.Now()
	err := command.Command{Arguments: arguments, Folder: r.options.Root, Output: io.Discard, Gently: true}.Run(ctx)
	one := report.Step{Name: name, Seconds: time.Since(start).Seconds(), Verdict: report.Passed, Beside: true}
	if err != nil {
		one.Verdict, one.Error = report.Failed, err.Error()
	}
	return one
}

// goTest runs a target of make that runs go test on several packages.
func (r *Run) goTest(ctx context.Context, layer *report.Layer, name string, environment []string, arguments ...string) {
	arguments = append(arguments, "TEST_FLAGS=-json")
	fmt.Fprintf(r.out, "\n--- %s: %s\n", name, strings.Join(arguments, " "))
	log, err := os.Create(r.path("dist", "test-logs", strings.ReplaceAll(name, " ", "-")+".jsonl"))
	if err != nil {
		r.fail(name, err.Error())
		layer.Verdict = report.Failed
		return
	}
	defer log.Close()
	collector := gotest.NewCollector()
	one := command.Command{
		Arguments: append(arguments, "--silent"), Folder: r.options.Root, Errors: r.out,
		Environment: environment,
	}
	err = one.Read(ctx, func(output io.Reader) error {
		return gotest.Stream(io.TeeReader(output, log), collector, &gotest.Printer{Out: r.out})
	})
	r.take(ctx, layer, name, collector, err)
	packages, tests := collector.Packages(), collector.Tests()
	for _, pkg := range packages {
		own := slices.DeleteFunc(slices.Clone(tests), func(test gotest.Test) bool { return test.Package != pkg.Name })
		if len(own) == 0 && pkg.Result == gotest.Skip {
			continue
		}
		suite := report.Suite{
			Name: strings.TrimPrefix(pkg.Name, module+"/"), Seconds: pkg.Seconds, Verdict: verdict(pkg.Result),
		}
		suite.Tests, _ = report.Join(own, timing.Log{})
		suite.Count = gotest.CountOf([]gotest.Package{pkg}, own)
		layer.Suites = append(layer.Suites, suite)
	}
}

// module is the path of the project, which no table repeats.
const module = "github.com/novasphere/wukong"

// take counts tests and keeps what failed. A command that failed although no test did is a failure of its own.
func (r *Run) take(
	ctx context.Context, layer *report.Layer, name string, collector *gotest.Collector, err error,
) gotest.Count {
	packages, tests := collector.Packages(), collector.Tests()
	count := gotest.CountOf(packages, tests)
	r.report.Count = r.report.Count.Plus(count)
	r.failures = append(r.failures, gotest.Failures(packages, tests)...)
	if err != nil || count.Failed > 0 {
		layer.Verdict = report.Failed
	}
	if err != nil && count.Failed == 0 && ctx.Err() == nil {
		r.fail(name, err.Error())
	}
	return count
}

func verdict(result gotest.Result) string {
	switch result {
	case gotest.Pass, gotest.Skip:
		return report.Passed
	case gotest.Unfinished:
		return report.Interrupted
	default:
		return report.Failed
	}
}
