package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
)

// Compare prints what took how long before and after, and the tests whose time changed most.
func Compare(out io.Writer, before, after *Report) {
	times := &table{
		title:  "Before and after",
		header: []string{"what", "before", "after", "change", "boots before", "boots after"},
	}
	old := index(before)
	seen := map[string]bool{}
	for _, one := range lines(after) {
		seen[one.name] = true
		previous, exists := old[one.name]
		if !exists {
			times.add(one.name, "", duration(one.seconds), "", "", one.boots)
			continue
		}
		times.add(one.name, duration(previous.seconds), duration(one.seconds), change(previous.seconds, one.seconds),
			previous.boots, one.boots)
	}
	for _, one := range lines(before) {
		if !seen[one.name] {
			times.add(one.name, duration(one.seconds), "", "", one.boots, "")
		}
	}
	times.write(out)
	compareTests(before, after).write(out)
}

// line is one row of a comparison.
type line struct {
	name, boots string
	seconds     float64
}

func index(report *Report) map[string]line {
	byName := map[string]line{}
	for _, one := range lines(report) {
		byName[one.name] = one
	}
	return byName
}

// lines are the total, the layers, and their steps and suites.
func lines(report *Report) []line {
	var all []line
	for _, layer := range report.Layers {
		all = append(all, line{name: layer.Name, seconds: layer.Seconds})
		for _, step := range layer.Steps {
			all = append(all, line{name: layer.Name + ": " + step.Name, seconds: step.Seconds})
		}
		for _, suite := range layer.Suites {
			if suite.Depth != "" {
				name := fmt.Sprintf("%s (%s)", suite.Name, suite.Depth)
				all = append(all, line{name: name, seconds: suite.Seconds, boots: fmt.Sprint(suite.Boots())})
			} else if suite.Seconds >= longPackage {
				all = append(all, line{name: layer.Name + ": " + suite.Name, seconds: suite.Seconds})
			}
		}
	}
	return append(all, line{name: "all", seconds: report.Seconds})
}

func change(before, after float64) string {
	if before < 0.05 {
		return ""
	}
	return fmt.Sprintf("%+.0f %%", (after-before)/before*100)
}

// compareTests has the tests of end-to-end suites that ran in both, those first whose time changed most.
func compareTests(before, after *Report) *table {
	type key struct{ suite, test string }
	type row struct {
		key
		before, after float64
	}
	old := map[key]float64{}
	for _, suite := range before.suites() {
		for _, test := range suite.Top() {
			old[key{suite.Name, test.Name}] = test.Seconds
		}
	}
	var rows []row
	for _, suite := range after.suites() {
		for _, test := range suite.Top() {
			name := key{suite.Name, test.Name}
			if previous, exists := old[name]; exists && math.Abs(test.Seconds-previous) >= 1 {
				rows = append(rows, row{name, previous, test.Seconds})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Compare(math.Abs(b.after-b.before), math.Abs(a.after-a.before))
	})
	tests := &table{title: "Tests whose time changed most", header: []string{"test", "of", "before", "after", "change"}}
	for _, one := range rows[:min(slowest, len(rows))] {
		tests.add(one.test, one.suite, duration(one.before), duration(one.after), change(one.before, one.after))
	}
	return tests
}
