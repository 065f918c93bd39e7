package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/novasphere/wukong/e2e/internal/testrun/gotest"
	"github.com/novasphere/wukong/e2e/internal/testrun/suites"
	"github.com/novasphere/wukong/e2e/internal/testrun/timing"
)

// The verdicts on a layer or a step.
const (
	Passed      = "PASS"
	Failed      = "FAIL"
	Skipped     = "SKIP"
	Interrupted = "STOP"
)

// Report is one test run.
type Report struct {
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Commit  string    `json:"commit,omitempty"`
	// Clean is true when nothing was there that is not in the commit.
	Clean      bool    `json:"clean"`
	Depth      string  `json:"depth"`
	Processors int     `json:"processors"`
	Verdict    string  `json:"verdict"`
	Factor     float64 `json:"factor,omitempty"`
	// Calibration is how long the fixed piece of work took, see package calibration.
	Calibration float64      `json:"calibration,omitempty"`
	Count       gotest.Count `json:"count"`
	Layers      []*Layer     `json:"layers"`
}

// Layer is one of the three layers of test.
type Layer struct {
	Name    string  `json:"name"`
	Verdict string  `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	Seconds float64 `json:"seconds"`
	// Steps are what was done beside running tests. Those that ran beside others are marked.
	Steps []Step `json:"steps,omitempty"`
	// Suites are the end-to-end suites, or the packages of another layer.
	Suites []Suite `json:"suites,omitempty"`
}

// Step is something that a layer needs, such as the start of the cluster.
type Step struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Verdict string  `json:"verdict"`
	Beside  bool    `json:"beside,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Suite is an end-to-end suite, or a package of another layer.
type Suite struct {
	Name    string  `json:"name"`
	Depth   string  `json:"depth,omitempty"`
	Because string  `json:"because,omitempty"`
	Verdict string  `json:"verdict"`
	Seconds float64 `json:"seconds"`
	// Partial is true when flags such as -run chose some of its tests, which says nothing about what all of it needs.
	Partial bool              `json:"partial,omitempty"`
	Budget  *suites.Budget    `json:"budget,omitempty"`
	Factor  float64           `json:"factor,omitempty"`
	Count   gotest.Count      `json:"count"`
	Tests   []Test            `json:"tests,omitempty"`
	Others  *Test             `json:"others,omitempty"` // what events name no test that ran
	Unknown []json.RawMessage `json:"unknownEvents,omitempty"`
}

// Test is a test or subtest with what it waited for. A parent does not include what its subtests waited for and booted.
type Test struct {
	gotest.Test
	Waits map[string]float64 `json:"waits,omitempty"`
	Boots map[string]int     `json:"boots,omitempty"`
}

// Join gives each test what the harness wrote about it. What it wrote about no test that ran, such as one that is still
// to end, comes second; nil for nothing.
func Join(tests []gotest.Test, log timing.Log) (joined []Test, others *Test) {
	known := map[string]bool{}
	for _, test := range tests {
		one := Test{Test: test}
		if spent := log.ByTest[test.Name]; spent != nil && !known[test.Name] {
			one.Waits, one.Boots = spent.Waits, spent.Boots
		}
		known[test.Name] = true
		joined = append(joined, one)
	}
	for name, spent := range log.ByTest {
		if known[name] {
			continue
		}
		if others == nil {
			others = &Test{}
		}
		others.add(Test{Waits: spent.Waits, Boots: spent.Boots})
	}
	return joined, others
}

// add takes what another test waited for and booted.
func (t *Test) add(other Test) {
	for cause, seconds := range other.Waits {
		if t.Waits == nil {
			t.Waits = map[string]float64{}
		}
		t.Waits[cause] += seconds
	}
	for guest, count := range other.Boots {
		if t.Boots == nil {
			t.Boots = map[string]int{}
		}
		t.Boots[guest] += count
	}
}

// Boots is how many guests a suite booted.
func (s Suite) Boots() int {
	boots := 0
	for _, test := range s.all() {
		for _, count := range test.Boots {
			boots += count
		}
	}
	return boots
}

// Waits is what the tests of a suite waited for, added up.
func (s Suite) Waits() map[string]float64 {
	var sum Test
	for _, test := range s.all() {
		sum.add(test)
	}
	return sum.Waits
}

func (s Suite) all() []Test {
	if s.Others == nil {
		return s.Tests
	}
	return append(append([]Test{}, s.Tests...), *s.Others)
}

// Top returns the tests that are no subtests, each with what its subtests waited for and booted.
func (s Suite) Top() []Test {
	var tops []Test
	index := map[string]int{}
	for _, test := range s.Tests {
		name := test.Top()
		if name == test.Name {
			index[name] = len(tops)
			top := Test{Test: test.Test}
			top.add(test)
			tops = append(tops, top)
		} else if position, exists := index[name]; exists {
			tops[position].add(test)
		}
	}
	return tops
}

// Save writes the report as JSON, with the folder it is in.
func (r *Report) Save(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Load reads a report that Save wrote.
func Load(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a report: %w; a run of the tests writes dist/test-times.json", err)
	}
	var one Report
	if err := json.Unmarshal(data, &one); err != nil {
		return nil, fmt.Errorf("%s is no report of a test run: %w", path, err)
	}
	return &one, nil
}
