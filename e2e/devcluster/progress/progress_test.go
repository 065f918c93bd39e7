package progress

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStepEndsWithOneLine(t *testing.T) {
	var out bytes.Buffer
	report := New(&out)
	require.NoError(t, report.Run("make tea", func(step *Step) error { step.Detail("water boils"); return nil }))
	require.Regexp(t, `^✓ make tea +\d+\.\ds  \(total \d+\.\ds\)\n$`, out.String())
}

func TestFailedStepIsMarkedAndItsErrorReturned(t *testing.T) {
	var out bytes.Buffer
	broken := errors.New("no water")
	require.ErrorIs(t, New(&out).Run("make tea", func(*Step) error { return broken }), broken)
	require.Contains(t, out.String(), "✗ make tea")
}

func TestQuietStepShowsOnlyItsFailure(t *testing.T) {
	var out bytes.Buffer
	report := New(&out)
	report.Step("look").Quiet().Done(nil)
	require.Empty(t, out.String())
	report.Step("look").Quiet().Done(errors.New("nothing to see"))
	require.Contains(t, out.String(), "✗ look")
}

func TestLastLineOfAToolIsTheDetail(t *testing.T) {
	step := Discard().Step("build")
	_, err := step.Write([]byte("first\nsecond\n\n"))
	require.NoError(t, err)
	require.Equal(t, "second", step.detail)
	step.Done(nil)
}
