package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSlownessLengthensAndNeverShortens(t *testing.T) {
	t.Parallel()
	for text, wanted := range map[string]float64{"0.5": 1, "1": 1, "1.75": 1.75} {
		factor, err := parseSlowness(text)
		assert.NoError(t, err, text)
		assert.InDelta(t, wanted, factor, 1e-9, text)
	}
	for _, text := range []string{"", "fast", "-1", "0", "NaN", "1e9"} {
		_, err := parseSlowness(text)
		assert.ErrorContains(t, err, "WUKONG_PATIENCE", text)
	}
}
