package gotest

import (
	"slices"
	"strings"
)

// Failure is a test that failed, or a package that failed outside its tests, with the lines that say why.
type Failure struct {
	Name  string
	Lines []string
	// Reason is the error of testify in one line, with where it happened; empty for a failure without one.
	Reason string
}

// reasonLength is how much of an error a line has.
const reasonLength = 600

// How much of a failed test is shown in the end: the first lines of the error, and the last of the output, where suites
// print the state of guests and pods. The rest is where it was printed first.
const (
	errorLines = 24
	lastLines  = 16
)

// Failures returns the failed tests and packages, in the order in which they began.
func Failures(packages []Package, tests []Test) []Failure {
	var failures []Failure
	for _, pkg := range packages {
		failed := false
		for _, test := range tests {
			if test.Package == pkg.Name && test.Failed() {
				failed = true
				failures = append(failures,
					Failure{Name: test.Name, Lines: excerpt(test.Output), Reason: reason(test.Output)})
			}
		}
		if pkg.Result == Pass || pkg.Result == Skip {
			continue
		}
		if lines := excerpt(pkg.Output); len(lines) > 0 || !failed {
			failures = append(failures, Failure{Name: pkg.Name, Lines: lines})
		}
	}
	return failures
}

// reason is the first error of testify in an output: from its trace to the name of the test.
func reason(output string) string {
	_, text, found := strings.Cut(output, "Error Trace:")
	if !found {
		return ""
	}
	text, _, _ = strings.Cut(text, "\tTest: ")
	words := strings.Join(strings.Fields(text), " ")
	if len(words) > reasonLength {
		words = words[:reasonLength] + "…"
	}
	return words
}

// excerpt is the part of an output that says what is wrong: from the first error on, or else the end.
func excerpt(output string) []string {
	var lines []string
	first := -1
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\n")
		if isProgress(line) {
			continue
		}
		if first < 0 && (strings.Contains(line, "Error Trace:") || strings.HasPrefix(line, "panic:")) {
			first = len(lines)
		}
		lines = append(lines, line)
	}
	switch {
	case first >= 0:
		// testify prints the file and line of the log above.
		return shorten(lines[max(0, first-1):], errorLines)
	default:
		return shorten(lines, 0)
	}
}

// shorten leaves out the middle of what is too long.
func shorten(lines []string, first int) []string {
	if len(lines) <= first+lastLines {
		return lines
	}
	short := slices.Clone(lines[:first])
	if first > 0 {
		short = append(short, "…")
	}
	return append(short, lines[len(lines)-lastLines:]...)
}

// isProgress is true for a line that go test writes of every test or package.
func isProgress(line string) bool {
	text := strings.TrimLeft(line, " ")
	for _, prefix := range []string{"=== ", "--- PASS", "--- SKIP", "ok  \t", "FAIL\t", "coverage: "} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return text == "" || line == "PASS" || line == "FAIL"
}
