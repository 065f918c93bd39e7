package gotest

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// recorded is a run of four packages, one with parallel tests, one that fails after its tests, one that panics, and one
// that does not compile.
func recorded(t *testing.T, verbose bool) (*Collector, string) {
	t.Helper()
	file, err := os.Open("testdata/packages.jsonl")
	require.NoError(t, err)
	defer file.Close()
	var shown strings.Builder
	collector := NewCollector()
	require.NoError(t, Stream(file, collector, &Printer{Out: &shown, Verbose: verbose}))
	return collector, shown.String()
}

func find(t *testing.T, tests []Test, name string) Test {
	t.Helper()
	for _, one := range tests {
		if one.Name == name {
			return one
		}
	}
	require.Fail(t, "no test "+name)
	return Test{}
}

func TestResultsOfTests(t *testing.T) {
	collector, _ := recorded(t, false)
	tests := collector.Tests()
	for name, want := range map[string]Result{
		"TestSerial": Pass, "TestParallelOne": Pass, "TestParent": Fail, "TestParent/First": Pass,
		"TestParent/Later": Fail,
		"TestLeft":         Left, "TestSkipped": Skip, "TestFine": Pass, "TestPanics": Fail,
	} {
		assert.Equal(t, want, find(t, tests, name).Result, name)
	}
	assert.Equal(t, "TestParent", find(t, tests, "TestParent/Later").Top())
	assert.Contains(t, find(t, tests, "TestParent/Later").Output, "this went wrong")
	assert.Contains(t, find(t, tests, "TestSkipped").Output, "no such machine")
	assert.Empty(t, find(t, tests, "TestSerial").Output, "what a test that passed printed is not kept")
}

func TestPausedTimeDoesNotCount(t *testing.T) {
	collector, _ := recorded(t, false)
	// It was paused until the other parallel test, which takes 300 ms, had ended.
	two := find(t, collector.Tests(), "TestParallelTwo")
	assert.InDelta(t, 0.2, two.Seconds, 0.02)
	assert.InDelta(t, 0.32, two.Paused, 0.02)
	assert.Zero(t, find(t, collector.Tests(), "TestSerial").Paused)
}

func TestPackages(t *testing.T) {
	collector, _ := recorded(t, false)
	results := map[string]Result{}
	for _, one := range collector.Packages() {
		results[one.Name] = one.Result
	}
	assert.Equal(t, map[string]Result{
		"example.test/rec/a": Fail, "example.test/rec/b": Fail, "example.test/rec/c": Fail, "example.test/rec/d": Fail,
	}, results)
}

func TestFailuresSayWhatIsWrong(t *testing.T) {
	collector, _ := recorded(t, false)
	found := map[string]string{}
	for _, one := range Failures(collector.Packages(), collector.Tests()) {
		found[one.Name] = strings.Join(one.Lines, "\n")
	}
	assert.Len(t, found, 5)
	assert.Contains(t, found["TestParent/Later"], "this went wrong")
	assert.Contains(t, found, "TestParent")
	assert.Contains(t, found["TestPanics"], "panic: assignment to entry in nil map")
	assert.Contains(t, found["example.test/rec/b"],
		"--- FAIL: what tests leave behind\n    namespace e2e-x does not go away")
	assert.Contains(t, found["example.test/rec/d"], "d_test.go:5:41: undefined: undefined")
}

func TestCount(t *testing.T) {
	collector, _ := recorded(t, false)
	// Failed are TestParent, its subtest, TestPanics, and the packages b and d.
	assert.Equal(t, Count{Passed: 5, Failed: 5, Skipped: 1, Left: 1}, CountOf(collector.Packages(), collector.Tests()))
}

func TestTersePrinterShowsOnlyWhatFails(t *testing.T) {
	_, shown := recorded(t, false)
	assert.Contains(t, shown, "this went wrong")
	assert.Contains(t, shown, "undefined: undefined")
	assert.Contains(t, shown, "FAIL\texample.test/rec/a")
	assert.NotContains(t, shown, "hello from serial")
	assert.NotContains(t, shown, "=== RUN")
}

func TestVerbosePrinterShowsAll(t *testing.T) {
	_, shown := recorded(t, true)
	assert.Contains(t, shown, "=== RUN   TestSerial\n")
	assert.Contains(t, shown, "hello from serial")
}

func TestLinesThatAreNoEventsAreShown(t *testing.T) {
	var shown strings.Builder
	collector := NewCollector()
	input := "make: nothing to do\n{not json}\n{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}\nend"
	require.NoError(t, Stream(strings.NewReader(input), collector, &Printer{Out: &shown}))
	assert.Equal(t, "make: nothing to do\n{not json}\nend", shown.String())
	assert.Len(t, collector.Tests(), 1)
}

func TestTestThatDoesNotEnd(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	collector := NewCollector()
	for _, one := range []Event{
		{Action: "start", Package: "p", Time: start},
		{Action: "run", Package: "p", Test: "TestRuns", Time: start},
		{Action: "run", Package: "p", Test: "TestPaused", Time: start},
		{Action: "pause", Package: "p", Test: "TestPaused", Time: start.Add(time.Second)},
		{Action: "output", Package: "p", Test: "TestRuns", Output: "waits\n", Time: start.Add(5 * time.Second)},
	} {
		collector.Add(one)
	}
	tests := collector.Tests()
	assert.Equal(t, Test{Package: "p", Name: "TestRuns", Result: Unfinished, Seconds: 5, Output: "waits\n"}, tests[0])
	assert.Equal(t, Unfinished, tests[1].Result)
	assert.InDelta(t, 1, tests[1].Seconds, 0.001)
	assert.InDelta(t, 4, tests[1].Paused, 0.001)
	assert.Equal(t, Unfinished, collector.Packages()[0].Result)
	assert.Equal(t, 2, CountOf(collector.Packages(), tests).Failed)
	// Asked once more, it answers the same.
	assert.Equal(t, tests, collector.Tests())
}

func TestTestThatRunsAgainIsAnotherOne(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	collector := NewCollector()
	for round := range 2 {
		begin := start.Add(time.Duration(round) * time.Minute)
		collector.Add(Event{Action: "run", Package: "p", Test: "TestA", Time: begin})
		collector.Add(Event{Action: "pass", Package: "p", Test: "TestA", Time: begin.Add(2 * time.Second)})
	}
	tests := collector.Tests()
	require.Len(t, tests, 2)
	assert.InDelta(t, 2, tests[1].Seconds, 0.001)
}

func TestExcerptBeginsAtTheError(t *testing.T) {
	output := "=== RUN   TestA\n" + strings.Repeat("    a_test.go:1: a log\n", 30) +
		"    a_test.go:7: \n        \tError Trace:\ta_test.go:7\n        \tError:      \tnot equal\n" +
		strings.Repeat("    describe.go:1: an object\n", 100) +
		"    describe.go:2: guest web\n--- FAIL: TestA (1.00s)\n"
	lines := excerpt(output)
	assert.Len(t, lines, errorLines+1+lastLines)
	assert.Equal(t, "…", lines[errorLines])
	assert.Equal(t, "    a_test.go:7: ", lines[0])
	assert.Contains(t, lines[2], "not equal")
	assert.Contains(t, lines[len(lines)-2], "guest web", "and ends with the state of guests and pods")
}

func TestReasonIsTheErrorInOneLine(t *testing.T) {
	assert.Equal(t, "a_test.go:7 Error: not equal Messages: disk data",
		reason("    a_test.go:7: \n        \tError Trace:\ta_test.go:7\n        \tError:      \tnot equal\n        "+
			"\tMessages:   \tdisk data\n"+
			"        \tTest:       \tTestA\n    describe.go:1: an object\n"))
	assert.Empty(t, reason("panic: no error of testify\n"))
}
