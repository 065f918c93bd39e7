package gotest

import (
	"strings"
	"time"
)

// Collector takes events one by one. It is not safe for concurrent use.
type Collector struct {
	tests    []*testRecord
	byName   map[testKey]*testRecord
	packages []*packageRecord
	byPath   map[string]*packageRecord
	builds   map[string]*strings.Builder
	last     time.Time
}

type testKey struct{ pkg, test string }

type packageRecord struct {
	Package
	begin  time.Time
	output strings.Builder
}

// NewCollector returns one that has seen nothing.
func NewCollector() *Collector {
	return &Collector{
		byName: map[testKey]*testRecord{}, byPath: map[string]*packageRecord{}, builds: map[string]*strings.Builder{},
	}
}

// Add takes the next event.
func (c *Collector) Add(one Event) {
	if one.Time.After(c.last) {
		c.last = one.Time
	}
	switch {
	case one.Action == actionBuildOutput:
		if c.builds[one.ImportPath] == nil {
			c.builds[one.ImportPath] = &strings.Builder{}
		}
		c.builds[one.ImportPath].WriteString(one.Output)
	case one.Package == "":
	case one.Test == "":
		c.addToPackage(one)
	default:
		c.addToTest(one)
	}
}

func (c *Collector) addToPackage(one Event) {
	record := c.byPath[one.Package]
	if record == nil {
		record = &packageRecord{Package: Package{Name: one.Package}, begin: one.Time}
		c.byPath[one.Package] = record
		c.packages = append(c.packages, record)
	}
	switch one.Action {
	case actionOutput:
		record.output.WriteString(one.Output)
	case actionPass, actionFail, actionSkip:
		record.Result = Result(one.Action)
		record.Seconds = one.Time.Sub(record.begin).Seconds()
		if build := c.builds[one.FailedBuild]; build != nil {
			record.output.WriteString(build.String())
		}
	}
}

func (c *Collector) addToTest(one Event) {
	key := testKey{one.Package, one.Test}
	record := c.byName[key]
	// With -count a test runs again under the same name, and is another one.
	if record == nil || (one.Action == actionRun && record.Result != "") {
		record = &testRecord{Test: Test{Package: one.Package, Name: one.Test}, begin: one.Time}
		c.byName[key] = record
		c.tests = append(c.tests, record)
	}
	switch one.Action {
	case actionPause:
		record.pausedAt = one.Time
	case actionCont:
		if !record.pausedAt.IsZero() {
			record.paused += one.Time.Sub(record.pausedAt)
			record.pausedAt = time.Time{}
		}
	case actionOutput:
		record.output.WriteString(one.Output)
	case actionPass, actionFail, actionSkip:
		record.Result, record.end = Result(one.Action), one.Time
	}
}

// Tests returns all tests and subtests in the order in which they began.
func (c *Collector) Tests() []Test {
	tests := make([]Test, 0, len(c.tests))
	for _, record := range c.tests {
		tests = append(tests, record.finished(c.last))
	}
	return tests
}

// Packages returns all packages, also those without tests, in the order in which they began. One whose program was
// ended is unfinished.
func (c *Collector) Packages() []Package {
	packages := make([]Package, 0, len(c.packages))
	for _, record := range c.packages {
		one := record.Package
		one.Output = record.output.String()
		if one.Result == "" {
			one.Result, one.Seconds = Unfinished, c.last.Sub(record.begin).Seconds()
		}
		packages = append(packages, one)
	}
	return packages
}
