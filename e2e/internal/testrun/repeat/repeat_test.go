package repeat

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSummarise(t *testing.T) {
	rounds := []Round{
		{Number: 1, Passed: true, Seconds: 30}, {Number: 2, Seconds: 900, Failed: []string{"TestA"}, Log: "two.log"},
		{Number: 3, Passed: true, Seconds: 10}, {Number: 4, Passed: true, Seconds: 20},
		{Number: 5, Passed: true, Seconds: 25},
	}
	summary := Summarise(rounds)
	assert.Equal(t, Summary{Passed: 4, Failed: 1, Minimum: 10, Median: 22.5, Maximum: 30}, summary,
		"a round that failed says nothing about time")
	assert.Equal(t, Summary{Failed: 1, Minimum: 900, Median: 900, Maximum: 900}, Summarise(rounds[1:2]))
	assert.Zero(t, Summarise(nil))
	var out strings.Builder
	summary.print(&out, rounds)
	assert.Contains(t, out.String(), "round 2 failed after 900.0 s: [TestA], see two.log\n")
	assert.True(t, strings.HasSuffix(out.String(), "\n4 passed, 1 failed, 0 skipped\n"), out.String())
}

func TestSpinEndsWithItsInput(t *testing.T) {
	input, other := io.Pipe()
	ended := make(chan struct{})
	go func() {
		Spin(input)
		close(ended)
	}()
	select {
	case <-ended:
		require.Fail(t, "it ended before its input")
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, other.Close())
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.Fail(t, "it did not end with its input")
	}
}

func TestOptions(t *testing.T) {
	good := Options{Tests: "TestA", Count: 1}
	require.NoError(t, good.Check())
	for complaint, bad := range map[string]Options{
		"which tests?": {Count: 1}, "N is at least 1": {Tests: "TestA"},
		"BUSY is at least 0": {Tests: "TestA", Count: 1, Busy: -1},
	} {
		assert.ErrorContains(t, bad.Check(), complaint)
	}
	_, err := find(Options{Root: "../../../..", Suite: "disk"})
	assert.ErrorContains(t, err, `no suite "disk"`)
}
