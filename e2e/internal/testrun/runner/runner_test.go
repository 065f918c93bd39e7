package runner

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/internal/calibration"
	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
)

// project makes the folder of a project whose make does what the script says, with the target as $1.
func project(t *testing.T, script string) string {
	t.Helper()
	root := t.TempDir()
	for _, suite := range []string{"core", "disks"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "e2e", "suites", suite), 0o755))
	}
	folder := filepath.Join(root, "programs")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "make"), []byte("#!/bin/sh\n"+script), 0o755))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	t.Setenv("CI", "")
	t.Setenv(patienceVariable, "")
	return root
}

func measured(context.Context) (calibration.Result, error) {
	return calibration.Result{Seconds: 1.5, Factor: 1.5}, nil
}

// runUnit runs the unit layer of a project, and returns what was printed and the report.
func runUnit(t *testing.T, root string) (string, *report.Report, error) {
	t.Helper()
	var out bytes.Buffer
	options := Options{
		Root: root, Depth: selection.Essential, Layers: []string{"unit"},
		Report: filepath.Join(root, "dist", "times.json"),
	}
	run, err := New(options, &out)
	require.NoError(t, err)
	run.measure = measured
	err = run.Do(t.Context())
	saved, loadErr := report.Load(options.Report)
	require.NoError(t, loadErr)
	return out.String(), saved, err
}

const passing = `echo '{"Time":"2026-11-01T12:00:00Z","Action":"start","Package":"github.com/novasphere/wukong/'$1'"}
{"Time":"2026-11-01T12:00:00Z","Action":"run","Package":"github.com/novasphere/wukong/'$1'","Test":"TestA"}
{"Time":"2026-11-01T12:00:07Z","Action":"pass","Package":"github.com/novasphere/wukong/'$1'","Test":"TestA"}
{"Time":"2026-11-01T12:00:08Z","Action":"output","Package":"github.com/novasphere/wukong/'$1'",` +
	`"Output":"ok  \tpackage\t8s\n"}
{"Time":"2026-11-01T12:00:08Z","Action":"pass","Package":"github.com/novasphere/wukong/'$1'"}'
`

func TestARunThatPasses(t *testing.T) {
	out, saved, err := runUnit(t, project(t, passing))
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(out, "\nALL TESTS PASSED\n2 passed, 0 failed, 0 skipped\n"), out)
	assert.Contains(t, out, "ok  \tpackage")
	require.Len(t, saved.Layers, 1)
	require.Len(t, saved.Layers[0].Suites, 2)
	assert.Equal(t, "test-unit", saved.Layers[0].Suites[0].Name)
	assert.InDelta(t, 7, saved.Layers[0].Suites[0].Tests[0].Seconds, 0.001)
	assert.InDelta(t, 1.5, saved.Factor, 0.001)
	assert.Contains(t, out, "tests waited 1.50 times as long")
}

func TestARunThatFails(t *testing.T) {
	out, saved, err := runUnit(t,
		project(t, `[ "$1" = test-unit ] && { echo "undefined: x" >&2; exit 2; }`+"\n"+passing))
	require.ErrorIs(t, err, ErrFailed)
	assert.Equal(t, report.Failed, saved.Verdict)
	assert.Contains(t, out, "=== what failed\nunit\n    run make test-unit")
	assert.True(t, strings.HasSuffix(out, "\nTESTS FAILED\n1 passed, 1 failed, 0 skipped\n"), out)
}

func TestARunThatIsInterrupted(t *testing.T) {
	root := project(t, passing+"sleep 600\n")
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	run, err := New(Options{
		Root: root, Depth: selection.Essential, Layers: []string{"unit"}, Report: filepath.Join(root, "times.json"),
	}, &out)
	require.NoError(t, err)
	run.measure = measured
	go func() {
		defer cancel()
		log := filepath.Join(root, "dist", "test-logs", "unit.jsonl")
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if data, err := os.ReadFile(log); err == nil && bytes.Contains(data, []byte(`"pass"`)) {
				return
			}
		}
	}()
	require.ErrorIs(t, run.Do(ctx), context.Canceled)
	assert.Contains(t, out.String(), "INTERRUPTED")
	assert.True(t, strings.HasSuffix(out.String(), "1 passed, 0 failed, 0 skipped\n"), out.String())
}

func TestASkippedLayerFailsInContinuousIntegration(t *testing.T) {
	for inCI, verdict := range map[bool]string{false: report.Skipped, true: report.Failed} {
		run := &Run{out: &bytes.Buffer{}, report: &report.Report{}, inCI: inCI}
		run.skip(layerEndToEnd, "this is no Linux")
		run.seal(false)
		assert.Equal(t, verdict, run.report.Verdict)
		assert.Equal(t, inCI, run.report.Count.Failed == 1)
		assert.Contains(t, run.report.Layers[0].Reason, "this is no Linux")
	}
}

func TestFlagsOfTests(t *testing.T) {
	flags, err := TestFlags([]string{
		"-run", "^TestA$", "--count=3", "-test.short", "-failfast", "-args", "-own", "--x",
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"-test.run", "^TestA$", "-test.count=3", "-test.short", "-test.failfast", "-own", "--x"},
		flags)
	_, err = TestFlags([]string{"-race"})
	assert.ErrorContains(t, err, "-race cannot be given to a suite")
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for complaint, bad := range map[string]Options{
		`--depth is "deep"`:          {Depth: "deep"},
		`no layer "all"`:             {Depth: selection.Whole, Layers: []string{"all"}},
		"--record is for a run of":   {Depth: selection.Essential, Record: ".ci/tested"},
		"without --layers, --suites": {Depth: selection.Whole, Record: ".ci/tested", Suites: []string{"core"}},
		"-tags=x cannot be given":    {Depth: selection.Whole, Arguments: []string{"-tags=x"}},
	} {
		assert.ErrorContains(t, bad.Check(), complaint)
	}
	assert.NoError(t, Options{Depth: selection.Whole, Record: ".ci/tested"}.Check())
}

func TestPatienceThatIsGivenCounts(t *testing.T) {
	t.Setenv(patienceVariable, "")
	assert.Equal(t, "1.00", patience(0))
	assert.Equal(t, "1.75", patience(1.75))
	t.Setenv(patienceVariable, "3")
	assert.Equal(t, "3", patience(1.75))
}

func TestWhatIsNoProofOfACommit(t *testing.T) {
	passed := &Run{report: &report.Report{Verdict: report.Passed, Clean: true, Commit: "one"}}
	assert.Empty(t, passed.notRecorded("one", true, nil))
	assert.Contains(t, passed.notRecorded("two", true, nil), "another commit")
	assert.Contains(t, passed.notRecorded("one", false, nil), "not committed")
	assert.Contains(t, passed.notRecorded("", false, errors.New("git is gone")), "git is gone")
	passed.report.Clean = false
	assert.Contains(t, passed.notRecorded("one", true, nil), "not committed")
	passed.report.Clean, passed.report.Verdict = true, report.Skipped
	assert.Contains(t, passed.notRecorded("one", true, nil), "not everything ran")
}

func TestRecordWritesTheCommit(t *testing.T) {
	root := t.TempDir()
	for _, arguments := range [][]string{
		{"init", "--quiet"},
		{
			"-c", "user.name=n", "-c", "user.email=e@example.test", "commit", "--quiet", "--allow-empty",
			"--message", "first",
		},
	} {
		output, err := exec.Command("git", append([]string{"-C", root}, arguments...)...).CombinedOutput()
		require.NoError(t, err, string(output))
	}
	head, clean, err := selection.Head(t.Context(), root)
	require.NoError(t, err)
	run := &Run{
		out: &bytes.Buffer{}, options: Options{Root: root, Record: "tested"},
		report: &report.Report{Verdict: report.Passed, Clean: clean, Commit: head},
	}
	require.NoError(t, run.record(t.Context()))
	commit, err := selection.ReadTested(t.Context(), root, "tested")
	require.NoError(t, err)
	assert.Equal(t, head, commit)
}

func TestWithoutATestedCommitAllSuitesRunWhole(t *testing.T) {
	root := project(t, "")
	var out bytes.Buffer
	run, err := New(Options{Root: root, Depth: selection.Essential, ChangedSince: ".ci/tested"}, &out)
	require.NoError(t, err)
	require.NoError(t, run.choose(t.Context()))
	assert.Contains(t, out.String(), "core: whole, because no commit is known of which all tests passed")
	assert.Equal(t, selection.Whole, run.choices["disks"].Depth)
}

func TestTheEndOfAFailedCommandIsKept(t *testing.T) {
	var out bytes.Buffer
	kept := &tail{out: &out}
	for range 1000 {
		_, err := kept.Write([]byte("line\n"))
		require.NoError(t, err)
	}
	_, err := kept.Write([]byte("the end\n"))
	require.NoError(t, err)
	lines := kept.lines()
	assert.Equal(t, "the end", lines[len(lines)-1])
	assert.LessOrEqual(t, len(strings.Join(lines, "\n")), tailBytes)
	assert.Greater(t, out.Len(), tailBytes)
	assert.Equal(t, report.Interrupted, verdict(gotest.Unfinished))
}
