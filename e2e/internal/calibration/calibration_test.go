package calibration

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWorkIsTheSameEachTime(t *testing.T) {
	assert.Equal(t, work(7), work(7))
	assert.NotEqual(t, work(7), work(8))
}

func TestFactorIsNeverBelowOne(t *testing.T) {
	assert.InDelta(t, 1, resultOf(referenceSeconds/2).Factor, 0.001)
	assert.InDelta(t, 1, resultOf(referenceSeconds).Factor, 0.001)
	assert.InDelta(t, 2.5, resultOf(referenceSeconds*2.5).Factor, 0.001)
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Measure(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func BenchmarkWork(b *testing.B) {
	for b.Loop() {
		result, err := Measure(b.Context())
		require.NoError(b, err)
		b.ReportMetric(result.Factor, "factor")
	}
}
