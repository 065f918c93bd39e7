package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/testrun/report"
	"github.com/novasphere/wukong/e2e/internal/testrun/selection"
)

// aSuite says what it was given, and writes events as the harness does.
const aSuite = `//go:build e2e

package core

import (
	"os"
	"testing"
)

func TestGuest(t *testing.T) {
	t.Log("depth", os.Getenv("WUKONG_TEST_DEPTH"), "patience", os.Getenv("WUKONG_PATIENCE"), ` +
	`"of", os.Getenv("KUBECONFIG"))
	events := []byte("{\"test\":\"TestGuest\",\"event\":\"boot\",\"guest\":\"tiny\"}\n" +
		"{\"event\":\"calibration\",\"seconds\":9,\"factor\":2.5}\n")
	if err := os.WriteFile(os.Getenv("WUKONG_TEST_EVENTS"), events, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestThorough(t *testing.T) { t.Skip("left for make test-all") }
`

// clusterProject has two suites, a dev cluster that runs or not, and a make that writes what it was asked for to a
// file.
func clusterProject(t *testing.T, running bool) (root string, asked func() []string) {
	t.Helper()
	root = project(t, `echo "$*" >>asked`)
	t.Setenv("GOWORK", "off")
	status := "1"
	if running {
		status = "0"
	}
	for file, content := range map[string]string{
		"go.mod":                         "module " + module + "\n\ngo 1.26\n",
		"e2e/suites/core/core_test.go":   aSuite,
		"e2e/suites/core/budget.json":    `{"essential": {"minutes": 5, "boots": 0}}`,
		"e2e/suites/disks/disks_test.go": strings.Replace(aSuite, "package core", "package disks", 1),
		"bin/devcluster":                 "#!/bin/sh\nexit " + status + "\n",
	} {
		path := filepath.Join(root, file)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
	}
	return root, func() []string {
		data, err := os.ReadFile(filepath.Join(root, "asked"))
		require.NoError(t, err)
		return strings.Split(strings.TrimSpace(string(data)), "\n")
	}
}

func runEndToEnd(t *testing.T, options Options) (string, *report.Report, error) {
	t.Helper()
	var out bytes.Buffer
	options.Layers, options.Report = []string{"e2e"}, filepath.Join(options.Root, "dist", "times.json")
	options.Timeout = time.Minute
	run, err := New(options, &out)
	require.NoError(t, err)
	run.measure, run.obstacle = measured, func() string { return "" }
	err = run.Do(t.Context())
	saved, loadErr := report.Load(options.Report)
	require.NoError(t, loadErr)
	return out.String(), saved, err
}

func TestSuitesOnAClusterOfTheirOwn(t *testing.T) {
	root, asked := clusterProject(t, false)
	out, saved, err := runEndToEnd(t, Options{Root: root, Depth: selection.Essential})
	require.NoError(t, err, out)
	assert.Equal(t, []string{
		"devcluster", "-o devcluster deploy DEVCLUSTER_FLAGS=--nodes=2", "-o devcluster down",
	}, asked())
	assert.Contains(t, out, "--- PASS: TestGuest")
	assert.Contains(t, out,
		"depth essential patience  of "+testbed.At(filepath.Join(root, testbed.FolderName)).Kubeconfig(),
		"the first suite measures with a guest")
	assert.Contains(t, out, "depth essential patience 2.50", "the second has what the first measured with guests")
	assert.True(t, strings.HasSuffix(out,
		"2 tests are left for make test-all.\nALL TESTS PASSED\n2 passed, 0 failed, 0 skipped\n"), out)
	require.Len(t, saved.Layers[0].Suites, 2)
	assert.Equal(t, 1, saved.Layers[0].Suites[0].Boots())
	assert.Equal(t, []string{"core: boots 1 guests, 0 are allowed", `disks: has no budget for the depth "essential"`},
		saved.OverBudget())
}

func TestAClusterThatRanBeforeStays(t *testing.T) {
	root, asked := clusterProject(t, true)
	out, _, err := runEndToEnd(t, Options{Root: root, Depth: selection.Whole, Suites: []string{"core"},
		Arguments: []string{"-run", "TestGuest"}})
	require.NoError(t, err, out)
	assert.NotContains(t, asked(), "-o devcluster down")
	assert.Contains(t, out, "depth whole")
	assert.True(t, strings.HasSuffix(out, "1 passed, 0 failed, 0 skipped\n"), out)
}

func TestBudgetsThatCount(t *testing.T) {
	root, _ := clusterProject(t, true)
	out, _, err := runEndToEnd(t, Options{Root: root, Depth: selection.Essential, Suites: []string{"core"},
		BudgetsCount: true})
	require.ErrorIs(t, err, ErrFailed)
	assert.Contains(t, out, "=== what failed\nbudget\n    core: boots 1 guests, 0 are allowed")
}

func TestASuiteThatDoesNotCompile(t *testing.T) {
	root, asked := clusterProject(t, false)
	require.NoError(t, os.WriteFile(filepath.Join(root, "e2e", "suites", "core", "core_test.go"),
		[]byte("package core\n\nvar one int = two\n"), 0o644))
	out, saved, err := runEndToEnd(t, Options{Root: root, Depth: selection.Essential})
	require.ErrorIs(t, err, ErrFailed)
	assert.Contains(t, out, "undefined: two")
	assert.Equal(t, report.Failed, saved.Layers[0].Suites[0].Verdict)
	assert.Equal(t, report.Passed, saved.Layers[0].Suites[1].Verdict, "the other suite runs")
	assert.Contains(t, asked(), "-o devcluster down")
}

func TestAClusterThatDoesNotStart(t *testing.T) {
	root, _ := clusterProject(t, false)
	program := filepath.Join(root, "programs", "make")
	require.NoError(t, os.WriteFile(program,
		[]byte("#!/bin/sh\ncase \"$*\" in *nodes*) echo no room for it; exit 1; esac\n"), 0o755))
	out, _, err := runEndToEnd(t, Options{Root: root, Depth: selection.Essential})
	require.ErrorIs(t, err, ErrFailed)
	assert.Contains(t, out, "=== what failed\nstart the cluster with Wukong\n    no room for it")
	assert.True(t, strings.HasSuffix(out, "0 passed, 3 failed, 0 skipped\n"), out)
}

func TestTheFlagOfATestThatMatchesNothingIsNoPass(t *testing.T) {
	root, _ := clusterProject(t, true)
	out, _, err := runEndToEnd(t, Options{Root: root, Depth: selection.Whole, Suites: []string{"core"},
		Arguments: []string{"-run", "TestNothing"}})
	require.ErrorIs(t, err, ErrFailed)
	assert.Contains(t, out, "no test ran")
}
