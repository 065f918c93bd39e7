package report

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
	"github.com/novasphere/wukong/e2e/internal/testrun/timing"
)

func testOf(name string, seconds float64) gotest.Test {
	return gotest.Test{Package: "p", Name: name, Result: gotest.Pass, Seconds: seconds}
}

// sample is a report of one suite with two tests, one with a subtest.
func sample(t *testing.T) *Report {
	t.Helper()
	log, err := timing.Read(strings.NewReader(`{"test":"TestMainJob","event":"boot","guest":"debian"}
{"test":"TestMainJob/Sub","event":"boot","guest":"tiny"}
{"test":"TestMainJob","event":"wait","cause":"image import","seconds":20}
{"test":"TestMainJob/Sub","event":"wait","cause":"guest boot","seconds":40}
{"test":"TestNobodyRan","event":"boot","guest":"tiny"}
{"test":"TestMainJob","event":"picture"}`))
	require.NoError(t, err)
	suite := Suite{Name: "core", Depth: "essential", Verdict: Passed, Seconds: 130, Factor: 1,
		Budget: &suites.Budget{Minutes: 2, Boots: 3}}
	suite.Tests, suite.Others = Join([]gotest.Test{testOf("TestMainJob", 90), testOf("TestMainJob/Sub", 45),
		testOf("TestQuick", 0.1)}, log)
	suite.Unknown = log.Unknown
	suite.Count = gotest.Count{Passed: 3, Left: 1}
	return &Report{
		Started: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Seconds: 200, Depth: "essential",
		Verdict: Passed, Factor: 1,
		Layers: []*Layer{
			{Name: "unit", Verdict: Passed, Seconds: 20, Suites: []Suite{
				{Name: "controllers/slow", Verdict: Passed, Seconds: 8},
				{Name: "controllers/quick", Verdict: Passed, Seconds: 0.1},
			}},
			{
				Name: "end to end", Verdict: Passed, Seconds: 180, Suites: []Suite{suite},
				Steps: []Step{{Name: "start the cluster", Verdict: Passed, Seconds: 50}},
			},
		},
	}
}

func TestJoinGivesEachTestItsOwn(t *testing.T) {
	suite := sample(t).Layers[1].Suites[0]
	assert.Equal(t, map[string]float64{"image import": 20}, suite.Tests[0].Waits)
	assert.Equal(t, map[string]float64{"guest boot": 40}, suite.Tests[1].Waits)
	assert.Empty(t, suite.Tests[2].Waits)
	require.NotNil(t, suite.Others, "of a test that did not run")
	assert.Equal(t, map[string]int{"tiny": 1}, suite.Others.Boots)
	assert.Equal(t, 3, suite.Boots())
	assert.Equal(t, map[string]float64{"image import": 20, "guest boot": 40}, suite.Waits())
}

func TestEventsOfATestThatRanTwiceCountOnce(t *testing.T) {
	log, err := timing.Read(strings.NewReader(`{"test":"TestA","event":"boot","guest":"tiny"}`))
	require.NoError(t, err)
	joined, others := Join([]gotest.Test{testOf("TestA", 1), testOf("TestA", 1)}, log)
	assert.Equal(t, 1, Suite{Tests: joined}.Boots())
	assert.Nil(t, others)
}

func TestTopHasWhatItsSubtestsWaitedFor(t *testing.T) {
	suite := sample(t).Layers[1].Suites[0]
	tops := suite.Top()
	require.Len(t, tops, 2)
	assert.Equal(t, map[string]float64{"image import": 20, "guest boot": 40}, tops[0].Waits)
	assert.Equal(t, map[string]int{"debian": 1, "tiny": 1}, tops[0].Boots)
	assert.Equal(t, map[string]float64{"image import": 20}, suite.Tests[0].Waits, "what is summed up is not changed")
}

func TestTables(t *testing.T) {
	var out strings.Builder
	sample(t).Write(&out)
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, row := range []string{
		"| unit | | PASS | 20.0 s |",
		"| - controllers/slow | | PASS | 8.0 s |",
		"| - start the cluster | | PASS | 50.0 s |",
		"| - core | essential | PASS | 2 min 10 s | 3, 1 left | 1 min 00 s | 3 |",
		"| all | essential | PASS | 3 min 20 s |",
		"| core | guest boot | 40.0 s |",
		"| TestMainJob | core | pass | 1 min 30 s | guest boot 40.0 s, image import 20.0 s | 1 debian, 1 tiny |",
		"| core | essential | 2 min 10 s | 2 min 00 s | 3 | 3 | OVER |",
	} {
		assert.Contains(t, text, row)
	}
	assert.NotContains(t, text, "controllers/quick")
	assert.NotContains(t, text, "TestQuick")
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dist", "times.json")
	want := sample(t)
	require.NoError(t, want.Save(path))
	got, err := Load(path)
	require.NoError(t, err)
	require.Len(t, got.Layers[1].Suites[0].Unknown, 1)
	assert.JSONEq(t, `{"test":"TestMainJob","event":"picture"}`, string(got.Layers[1].Suites[0].Unknown[0]))
	got.Layers[1].Suites[0].Unknown, want.Layers[1].Suites[0].Unknown = nil, nil
	assert.Equal(t, want, got)
	_, err = Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorContains(t, err, "a run of the tests writes")
}

func TestCompare(t *testing.T) {
	before, after := sample(t), sample(t)
	after.Seconds = 150
	after.Layers[1].Suites[0].Seconds = 65
	after.Layers[1].Suites[0].Tests[0].Seconds = 30
	after.Layers[1].Suites[0].Others = nil
	after.Layers[1].Steps[0].Name = "start the cluster and more"
	var out strings.Builder
	Compare(&out, before, after)
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, row := range []string{
		"| core (essential) | 2 min 10 s | 1 min 05 s | -50 % | 3 | 2 |",
		"| end to end: start the cluster | 50.0 s | | | | |",
		"| end to end: start the cluster and more | | 50.0 s | | | |",
		"| all | 3 min 20 s | 2 min 30 s | -25 % | | |",
		"| TestMainJob | core | 1 min 30 s | 30.0 s | -67 % |",
	} {
		assert.Contains(t, text, row)
	}
}

func TestOverBudget(t *testing.T) {
	one := sample(t)
	assert.Equal(t, []string{"core: takes 2.2 minutes, 2.0 are allowed"}, one.OverBudget())
	suite := &one.Layers[1].Suites[0]
	suite.Factor = 1.5
	assert.Empty(t, one.OverBudget(), "a slower machine may take longer")
	suite.Budget = nil
	assert.Equal(t, []string{`core: has no budget for the depth "essential"`}, one.OverBudget())
	suite.Partial = true
	assert.Equal(t, []string{"no end-to-end suite ran in full"}, one.OverBudget())
}

func TestBudgetOfToday(t *testing.T) {
	one := sample(t)
	require.NoError(t, one.UseBudgets("../../../.."))
	require.NotNil(t, one.Layers[1].Suites[0].Budget)
	one.Layers[1].Suites[0].Partial = true
	require.NoError(t, one.UseBudgets("../../../.."))
	assert.Nil(t, one.Layers[1].Suites[0].Budget, "a part of a suite says nothing")
}

func TestDuration(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0.0 s", 12.34: "12.3 s", 59.96: "1 min 00 s", 125: "2 min 05 s", -3: "-3.0 s",
	} {
		assert.Equal(t, want, duration(seconds))
	}
}
