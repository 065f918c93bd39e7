package gotest

import (
	"strings"
	"time"
)

// Result is how a test or a package ended.
type Result string

// How a test can end.
const (
	Pass Result = "pass"
	Fail Result = "fail"
	Skip Result = "skip"
	// Left is a thorough test that the depth "essential" leaves out. It is skipped on purpose, and counted apart.
	Left Result = "left"
	// Unfinished is a test that had begun when its program ended.
	Unfinished Result = "unfinished"
)

// leftWords are what the harness says when it skips a thorough test.
const leftWords = "left for make test-all"

// Test is a test or a subtest.
type Test struct {
	Package string `json:"package"`
	Name    string `json:"name"`
	Result  Result `json:"result"`
	// Seconds is the time from the run of the test to its end, less Paused.
	Seconds float64 `json:"seconds"`
	Paused  float64 `json:"paused,omitempty"`
	// Output is what the test printed, of a test that failed or was skipped.
	Output string `json:"output,omitempty"`
}

// Top is the name of the test without those of subtests.
func (t Test) Top() string {
	top, _, _ := strings.Cut(t.Name, "/")
	return top
}

// Package is what is known of the tests of one package.
type Package struct {
	Name    string
	Result  Result
	Seconds float64
	// Output is what the package printed outside its tests, and the compiler's errors.
	Output string
}

// Failed is true for a test that did not end well.
func (t Test) Failed() bool { return t.Result == Fail || t.Result == Unfinished }

type testRecord struct {
	Test
	begin, pausedAt, end time.Time
	paused               time.Duration
	output               strings.Builder
}

func (r *testRecord) finished(last time.Time) Test {
	one := r.Test
	end := r.end
	if one.Result == "" {
		one.Result, end = Unfinished, last
		if !r.pausedAt.IsZero() {
			r.paused += max(0, last.Sub(r.pausedAt))
			r.pausedAt = time.Time{}
		}
	}
	one.Paused = r.paused.Seconds()
	one.Seconds = max(0, (end.Sub(r.begin) - r.paused).Seconds())
	switch {
	case one.Result == Skip && strings.Contains(r.output.String(), leftWords):
		one.Result = Left
	case one.Failed() || one.Result == Skip:
		one.Output = r.output.String()
	}
	return one
}
