package selection

import (
	"path"
	"strings"
)

// Depth is how much of a suite runs.
type Depth string

// The depths, as WUKONG_TEST_DEPTH has them.
const (
	// Essential runs the tests of what is promised to users.
	Essential Depth = "essential"
	// Whole runs all tests.
	Whole Depth = "whole"
)

// Suite is an end-to-end suite, as far as it matters which changes it tests.
type Suite struct {
	Name string
	// Operator is true when it tests Wukong, false when it tests only the dev cluster.
	Operator bool
	// Folder has its own tests, and everything below it belongs to it.
	Folder string
	// Sources are the folders of the packages that are linked into the suite or into what it tests, without the tests
	// of those packages. All are paths from the root of the project.
	Sources map[string]bool
}

// Choice is the depth of one suite, and why.
type Choice struct {
	Suite   string
	Depth   Depth
	Because string
}

// Choose decides about each suite from the files that changed.
func Choose(suites []Suite, changed []string) []Choice {
	choices := make([]Choice, 0, len(suites))
	for _, suite := range suites {
		choice := Choice{Suite: suite.Name, Depth: Essential, Because: "nothing that it tests changed"}
		for _, file := range changed {
			if suite.tests(file) {
				choice.Depth, choice.Because = Whole, file+" changed"
				break
			}
		}
		choices = append(choices, choice)
	}
	return choices
}

// All chooses one depth for all suites.
func All(suites []Suite, depth Depth, because string) []Choice {
	choices := make([]Choice, 0, len(suites))
	for _, suite := range suites {
		choices = append(choices, Choice{Suite: suite.Name, Depth: depth, Because: because})
	}
	return choices
}

// tests is true when the suite would notice that a file changed.
func (s Suite) tests(file string) bool {
	switch {
	case path.Base(file) == "budget.json" && strings.HasPrefix(file, "e2e/suites/"):
		return false // what a suite may take is compared with what it took
	case file == s.Folder || strings.HasPrefix(file, s.Folder+"/"):
		return !IsDocumentation(file)
	case isSource(file):
		return s.Sources[path.Dir(file)]
	}
	switch scopeOf(file) {
	case scopeNone:
		return false
	case scopeOperator:
		return s.Operator
	case scopeCluster:
		return !s.Operator
	default:
		return true
	}
}

// isSource is true for Go that may be in a program, and for its tests, which are in no other program.
func isSource(file string) bool { return strings.HasSuffix(file, ".go") }

// WithoutTests drops the tests of packages and their data: they are in no program, and of a suite its own folder
// counts. A file of a suite stays.
func WithoutTests(changed []string) []string {
	var kept []string
	for _, file := range changed {
		inSuite := strings.HasPrefix(file, "e2e/suites/")
		if inSuite || (!strings.HasSuffix(file, "_test.go") && !strings.Contains(file, "/testdata/")) {
			kept = append(kept, file)
		}
	}
	return kept
}
