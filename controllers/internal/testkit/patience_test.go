package testkit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPatienceIsReadAsPeopleMeanIt(t *testing.T) {
	for text, wanted := range map[string]float64{"": 1, "1": 1, "1.5": 1.5, "10": 10, "0.5": 1, "0": 1, "-3": 1} {
		found, err := parseFactor(text)
		require.NoError(t, err, text)
		assert.InDelta(t, wanted, found, 0, text)
	}
	for _, text := range []string{"much", "1,5", "2x", "NaN", "Inf", "-inf", " 2"} {
		_, err := parseFactor(text)
		assert.ErrorContains(t, err, `WUKONG_PATIENCE is "`+text+`"`, text)
	}
}
