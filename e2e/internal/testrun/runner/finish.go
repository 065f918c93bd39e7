package runner

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
)

// maximumLines is how many lines of failures the end has. The rest is in dist/test-logs.
const maximumLines = 200

// finish saves and prints the report. The very last line says how many tests passed and failed.
func (r *Run) finish(ctx context.Context) error {
	r.checkBudgets()
	r.seal(ctx.Err() != nil)
	if err := r.report.Save(r.options.Report); err != nil {
		return err
	}
	r.report.Write(r.out)
	r.printSummary()
	r.printFailures()
	recorded := r.record(ctx)
	fmt.Fprintln(r.out)
	fmt.Fprintf(r.out, "The report is %s, logs are in %s.\n", r.options.Report, r.path("dist", "test-logs"))
	if left := r.report.Count.Left; left > 0 {
		fmt.Fprintf(r.out, "%d tests are left for make test-all.\n", left)
	}
	r.printReasons()
	fmt.Fprintln(r.out, r.verdictLine(ctx))
	count := r.report.Count
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", count.Passed, count.Failed, count.Skipped)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.report.Verdict == report.Failed:
		return ErrFailed
	}
	return recorded
}

// seal computes what is known only in the end.
func (r *Run) seal(interrupted bool) {
	r.report.Seconds = time.Since(r.report.Started).Seconds()
	r.report.Verdict = report.Passed
	for _, layer := range r.report.Layers {
		switch {
		case layer.Verdict == report.Failed:
			r.report.Verdict = report.Failed
		case layer.Verdict == report.Skipped && r.report.Verdict == report.Passed:
			r.report.Verdict = report.Skipped
		}
	}
	if r.report.Count.Failed > 0 {
		r.report.Verdict = report.Failed
	}
	if interrupted {
		r.report.Verdict = report.Interrupted
	}
}

// checkBudgets counts each suite that needs too much as a failure, when that is what the run is for.
func (r *Run) checkBudgets() {
	if !r.options.BudgetsCount {
		return
	}
	for _, over := range r.report.OverBudget() {
		r.fail("budget", over)
	}
}

func (r *Run) printSummary() {
	fmt.Fprintln(r.out, "\n=== summary")
	for _, layer := range r.report.Layers {
		reason := ""
		if layer.Reason != "" {
			reason = ": " + layer.Reason
		}
		fmt.Fprintf(r.out, "%s  %s (%.0f s)%s\n", layer.Verdict, layer.Name, layer.Seconds, reason)
		for _, suite := range layer.Suites {
			if suite.Depth != "" {
				fmt.Fprintf(r.out, "      %s  %s, %s (%.0f s), because %s\n", suite.Verdict, suite.Name, suite.Depth,
					suite.Seconds, suite.Because)
			}
		}
	}
	fmt.Fprintf(r.out,
		"tests waited %s times as long as on the reference machine; the fixed piece of work took %.2f s here\n",
		patience(r.report.Factor), r.report.Calibration)
}

func (r *Run) printFailures() {
	if len(r.failures) == 0 {
		return
	}
	fmt.Fprintln(r.out, "\n=== what failed")
	lines := 0
	for index, failure := range r.failures {
		if lines > maximumLines {
			fmt.Fprintf(r.out, "and %d more, see %s\n", len(r.failures)-index, r.path("dist", "test-logs"))
			return
		}
		fmt.Fprintf(r.out, "%s\n", failure.Name)
		for _, line := range failure.Lines {
			fmt.Fprintf(r.out, "    %s\n", strings.TrimRight(line, "\n"))
		}
		lines += 1 + len(failure.Lines)
	}
}

// printReasons prints a line for each failure, close to the end: that is all that some keep of a long log.
func (r *Run) printReasons() {
	for _, failure := range r.failures {
		if failure.Reason != "" {
			fmt.Fprintf(r.out, "%s: %s\n", failure.Name, failure.Reason)
		}
	}
}

func (r *Run) verdictLine(ctx context.Context) string {
	switch {
	case ctx.Err() != nil:
		return "INTERRUPTED; what is above had been done"
	case r.report.Verdict == report.Failed:
		return "TESTS FAILED"
	case r.report.Verdict == report.Skipped:
		return "ALL TESTS THAT RAN PASSED; some were skipped, see above"
	default:
		return "ALL TESTS PASSED"
	}
}

// record writes down the commit of which everything passed.
func (r *Run) record(ctx context.Context) error {
	if r.options.Record == "" || ctx.Err() != nil {
		return nil
	}
	head, clean, err := selection.Head(ctx, r.options.Root)
	if reason := r.notRecorded(head, clean, err); reason != "" {
		fmt.Fprintf(r.out, "\n%s stays as it is: %s\n", r.options.Record, reason)
		return nil
	}
	if err := os.WriteFile(r.path(r.options.Record), []byte(head+"\n"), 0o644); err != nil {
		return fmt.Errorf("write down which commit passed: %w", err)
	}
	fmt.Fprintf(r.out, "\n%s names %.12s now; commit it\n", r.options.Record, head)
	return nil
}

// notRecorded says why a run is no proof of a commit; empty when it is one.
func (r *Run) notRecorded(head string, clean bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case r.report.Verdict != report.Passed:
		return "not everything ran and passed"
	case !r.report.Clean || !clean:
		return "there is something that is not committed, see 'git status'"
	case head != r.report.Commit:
		return "another commit was checked out meanwhile"
	}
	return ""
}
