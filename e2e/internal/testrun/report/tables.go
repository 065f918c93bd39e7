package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// slowest is how many tests the last table has, and longPackage from which time on a package has a row of its own, in
// seconds.
const (
	slowest     = 20
	longPackage = 5
)

// Write prints all tables of a report.
func (r *Report) Write(out io.Writer) {
	r.timeTable().write(out)
	r.waitTable().write(out)
	r.slowTable().write(out)
	r.budgetTable().write(out)
}

// timeTable has each layer with its steps and suites.
func (r *Report) timeTable() *table {
	times := &table{
		title:  "Where the time was spent",
		header: []string{"what", "depth", "result", "time", "tests", "waited", "boots"},
	}
	for _, layer := range r.Layers {
		times.add(layer.Name, "", layer.Verdict, duration(layer.Seconds), "", "", "")
		for _, step := range layer.Steps {
			name := "- " + step.Name
			if step.Beside {
				name += " (beside the others)"
			}
			times.add(name, "", step.Verdict, duration(step.Seconds), "", "", "")
		}
		for _, suite := range layer.Suites {
			if suite.Depth == "" && suite.Seconds < longPackage && suite.Verdict == Passed {
				continue
			}
			waited, boots := 0.0, ""
			for _, seconds := range suite.Waits() {
				waited += seconds
			}
			if suite.Depth != "" {
				boots = fmt.Sprint(suite.Boots())
			}
			times.add("- "+suite.Name, suite.Depth, suite.Verdict, duration(suite.Seconds), tests(suite),
				optional(waited), boots)
		}
	}
	times.add("all", r.Depth, r.Verdict, duration(r.Seconds), "", "", "")
	return times
}

func tests(suite Suite) string {
	ran := suite.Count.Passed + suite.Count.Failed
	if suite.Count.Left > 0 {
		return fmt.Sprintf("%d, %d left", ran, suite.Count.Left)
	}
	return fmt.Sprint(ran)
}

func optional(seconds float64) string {
	if seconds == 0 {
		return ""
	}
	return duration(seconds)
}

// waitTable has what the tests of each suite waited for, the longest first.
func (r *Report) waitTable() *table {
	waits := &table{
		title:  "What tests waited for, added up over tests that ran side by side",
		header: []string{"suite", "cause", "waited"},
	}
	for _, suite := range r.suites() {
		spent := suite.Waits()
		for _, cause := range longestFirst(spent) {
			waits.add(suite.Name, cause, duration(spent[cause]))
		}
	}
	return waits
}

// slowTable has the tests that took longest.
func (r *Report) slowTable() *table {
	type row struct {
		suite string
		test  Test
	}
	var rows []row
	for _, suite := range r.suites() {
		for _, test := range suite.Top() {
			if test.Seconds >= 1 {
				rows = append(rows, row{suite.Name, test})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.test.Seconds, a.test.Seconds) })
	slow := &table{
		title:  fmt.Sprintf("The %d slowest tests", min(slowest, len(rows))),
		header: []string{"test", "of", "result", "time", "waited for", "boots"},
	}
	for _, one := range rows[:min(slowest, len(rows))] {
		slow.add(one.test.Name, one.suite, string(one.test.Result), duration(one.test.Seconds), waitsOf(one.test),
			bootsOf(one.test))
	}
	return slow
}

// waitsOf has the causes of a test's waits, the longest first.
func waitsOf(test Test) string {
	var parts []string
	for _, cause := range longestFirst(test.Waits) {
		if test.Waits[cause] >= 0.5 {
			parts = append(parts, cause+" "+duration(test.Waits[cause]))
		}
	}
	return strings.Join(parts, ", ")
}

func bootsOf(test Test) string {
	var parts []string
	for _, guest := range slices.Sorted(maps.Keys(test.Boots)) {
		parts = append(parts, fmt.Sprintf("%d %s", test.Boots[guest], guest))
	}
	return strings.Join(parts, ", ")
}

func longestFirst(waits map[string]float64) []string {
	return slices.SortedFunc(maps.Keys(waits), func(a, b string) int {
		return cmp.Or(cmp.Compare(waits[b], waits[a]), cmp.Compare(a, b))
	})
}

// suites returns the suites and packages of all layers.
func (r *Report) suites() []Suite {
	var all []Suite
	for _, layer := range r.Layers {
		all = append(all, layer.Suites...)
	}
	return all
}
