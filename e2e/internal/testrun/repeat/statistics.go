package repeat

import (
	"fmt"
	"io"
	"slices"
)

// Round is one time that the tests ran.
type Round struct {
	Number  int
	Passed  bool
	Seconds float64
	Log     string
	// Failed are the tests that failed.
	Failed []string
}

// Summary is what all rounds together say.
type Summary struct {
	Passed, Failed           int
	Minimum, Median, Maximum float64
}

// Summarise counts rounds. The times are those of rounds that passed, or of all when none did.
func Summarise(rounds []Round) Summary {
	var summary Summary
	var passed, all []float64
	for _, round := range rounds {
		all = append(all, round.Seconds)
		if round.Passed {
			summary.Passed++
			passed = append(passed, round.Seconds)
		} else {
			summary.Failed++
		}
	}
	times := passed
	if len(times) == 0 {
		times = all
	}
	if len(times) == 0 {
		return summary
	}
	slices.Sort(times)
	summary.Minimum, summary.Maximum = times[0], times[len(times)-1]
	middle := len(times) / 2
	summary.Median = times[middle]
	if len(times)%2 == 0 {
		summary.Median = (times[middle-1] + times[middle]) / 2
	}
	return summary
}

// print writes the end of a repetition.
func (s Summary) print(out io.Writer, rounds []Round) {
	fmt.Fprintf(out,
		"\n=== %d rounds: %d passed, %d failed; a round took %.1f s at least, %.1f s in the median, %.1f s at most\n",
		len(rounds), s.Passed, s.Failed, s.Minimum, s.Median, s.Maximum)
	for _, round := range rounds {
		if !round.Passed {
			fmt.Fprintf(out, "round %d failed after %.1f s: %v, see %s\n", round.Number, round.Seconds,
				round.Failed, round.Log)
		}
	}
	fmt.Fprintf(out, "%d passed, %d failed, 0 skipped\n", s.Passed, s.Failed)
}
