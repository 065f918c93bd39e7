package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/novasphere/wukong/e2e/internal/calibration"
	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
)

// ErrFailed is returned when the tests did not pass. All that is to say is printed already.
var ErrFailed = errors.New("tests failed")

// Run is one run of tests.
type Run struct {
	options Options
	out     io.Writer
	report  *report.Report
	// inCI is true where nothing may be skipped.
	inCI     bool
	suites   []suites.Suite
	choices  map[string]selection.Choice
	programs *programs
	failures []gotest.Failure
	// measure finds out how fast the machine is.
	measure func(context.Context) (calibration.Result, error)
	// obstacle says why there can be no cluster.
	obstacle func() string
	// guestMeasured is true when a suite has found out how fast guests are here.
	guestMeasured bool
	// cluster is true while a cluster runs that was started here.
	cluster bool
}

// New returns a run that prints to out.
func New(options Options, out io.Writer) (*Run, error) {
	if err := options.Check(); err != nil {
		return nil, err
	}
	all, err := suites.All(options.Root)
	if err != nil {
		return nil, err
	}
	chosen, err := suites.Choose(all, options.Suites)
	if err != nil {
		return nil, err
	}
	return &Run{
		options: options, out: &locked{out: out}, inCI: os.Getenv("CI") == "true",
		suites: chosen, programs: newPrograms(options.Root),
		measure: calibration.Measure, obstacle: clusterObstacle,
		report: &report.Report{Started: time.Now(), Depth: string(options.Depth), Processors: runtime.NumCPU()},
	}, nil
}

// Do runs the layers, prints the report and saves it. It returns ErrFailed when something did not pass, and the
// context's error when it was interrupted.
func (r *Run) Do(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	layers := []struct {
		flag string
		run  func(context.Context)
	}{{"unit", r.unit}, {"controlplane", r.controlPlane}, {"e2e", r.endToEnd}}
	for _, layer := range layers {
		if r.options.runs(layer.flag) && ctx.Err() == nil {
			layer.run(ctx)
		}
	}
	return r.finish(ctx)
}

// prepare measures the machine and decides about the suites.
func (r *Run) prepare(ctx context.Context) error {
	// A folder that is no work tree of git can be tested too.
	r.report.Commit, r.report.Clean, _ = selection.Head(ctx, r.options.Root)
	for _, folder := range []string{r.path("dist", "test-logs"), r.path("dist", "suites")} {
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove what an earlier run left: %w", err)
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make a folder for the run: %w", err)
		}
	}
	measured, err := r.measure(ctx)
	if err != nil {
		return err
	}
	r.report.Calibration, r.report.Factor = measured.Seconds, measured.Factor
	r.printCalibration(measured)
	if !r.options.runs("e2e") {
		return nil
	}
	return r.choose(ctx)
}

func (r *Run) printCalibration(measured calibration.Result) {
	fmt.Fprintf(r.out,
		"=== this machine: %d processors; a second of the reference machine takes %.2f s; tests wait %.2f times "+
			"as long\n",
		r.report.Processors, measured.Seconds, measured.Factor)
	if given := os.Getenv(patienceVariable); given != "" {
		fmt.Fprintf(r.out, "    but %s=%s is given\n", patienceVariable, given)
	}
}

// path is a file of the project.
func (r *Run) path(parts ...string) string {
	return filepath.Join(append([]string{r.options.Root}, parts...)...)
}
