package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/testrun/command"
	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
	"github.com/novasphere/wukong/e2e/internal/testrun/timing"
)

// suite runs one suite and adds what it found to the layer.
func (r *Run) suite(ctx context.Context, layer *report.Layer, suite suites.Suite) {
	choice := r.choices[suite.Name]
	found := report.Suite{
		Name: suite.Name, Depth: string(choice.Depth), Because: choice.Because, Verdict: report.Passed,
		Factor: r.report.Factor, Partial: len(r.options.Arguments) > 0,
	}
	defer func() { layer.Suites = append(layer.Suites, found) }()
	name := "suite " + suite.Name
	if err := found.UseBudget(r.options.Root); err != nil {
		r.fail(name, err.Error())
		found.Verdict, layer.Verdict = report.Failed, report.Failed
		return
	}
	program, _, err := r.programs.get(ctx, suite)
	collector := gotest.NewCollector()
	events := r.path("dist", "test-logs", suite.Name+"-events.jsonl")
	start := time.Now()
	if err == nil {
		fmt.Fprintf(r.out, "\n--- %s: %s, because %s\n", name, choice.Depth, choice.Because)
		collector, err = r.runProgram(ctx, suite, program, events)
	}
	found.Seconds = time.Since(start).Seconds()
	tests := collector.Tests()
	found.Count = r.take(ctx, layer, name, collector, err)
	if err != nil || found.Count.Failed > 0 {
		found.Verdict = report.Failed
	}
	if ctx.Err() != nil {
		found.Verdict = report.Interrupted
	}
	log, err := timing.ReadFile(events)
	if err != nil {
		r.fail(name, err.Error())
		layer.Verdict = report.Failed
	}
	found.Tests, found.Others = report.Join(tests, log)
	found.Unknown = log.Unknown
	// What a suite measured with guests knows more than what was measured here.
	if log.Factor > 0 {
		r.report.Factor, found.Factor, r.guestMeasured = log.Factor, log.Factor, true
	}
}

// runProgram runs the test program of a suite in its folder, as go test does.
func (r *Run) runProgram(ctx context.Context, suite suites.Suite, program, events string) (*gotest.Collector, error) {
	collector := gotest.NewCollector()
	log, err := os.Create(r.path("dist", "test-logs", suite.Name+".log"))
	if err != nil {
		return collector, fmt.Errorf("write the log of suite %s: %w", suite.Name, err)
	}
	defer log.Close()
	flags, err := TestFlags(r.options.Arguments)
	if err != nil {
		return collector, err
	}
	parallel := suite.Parallel
	if r.options.Parallel > 0 {
		parallel = r.options.Parallel
	}
	one := SuiteCommand(r.options.Root, suite, program, parallel, r.options.Timeout, flags)
	one.Errors = r.out
	one.Environment = append(one.Environment, "WUKONG_TEST_EVENTS="+events,
		"WUKONG_TEST_DEPTH="+string(r.choices[suite.Name].Depth))
	// The first suite measures with a guest; the others need not.
	if r.guestMeasured {
		one.Environment = append(one.Environment, patienceVariable+"="+patience(r.report.Factor))
	}
	err = one.Read(ctx, func(output io.Reader) error {
		return gotest.Stream(output, collector, &gotest.Printer{Out: io.MultiWriter(r.out, log), Verbose: true})
	})
	if err == nil && len(collector.Tests()) == 0 {
		err = errors.New("no test ran")
	}
	return collector, err
}

// SuiteCommand runs the test program of a suite and prints events. test2json ends as the program does.
func SuiteCommand(
	root string, suite suites.Suite, program string, parallel int, timeout time.Duration, flags []string,
) command.Command {
	arguments := []string{
		"go", "tool", "test2json", "-t", "-p", module + "/" + suites.Folder + "/" + suite.Name,
		program, "-test.v=test2json", "-test.paniconexit0",
		"-test.timeout=" + timeout.String(), "-test.parallel=" + strconv.Itoa(parallel),
	}
	return command.Command{
		Arguments:   append(arguments, flags...),
		Folder:      root + "/" + suites.Folder + "/" + suite.Name,
		Environment: []string{"KUBECONFIG=" + testbed.At(filepath.Join(root, testbed.FolderName)).Kubeconfig()},
	}
}
