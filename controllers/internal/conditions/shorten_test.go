package conditions

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestShorten(t *testing.T) {
	assert.Equal(t, "short", Shorten("short", 5))
	assert.Equal(t, "lo...", Shorten("longer", 5))
	assert.Equal(t, "é...", Shorten("ééé", 5), "no character is cut in two")
}
