package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBootFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		numbers string
		size    int64
		wanted  string
	}{
		"one piece":                  {"100 101 102\n", 3 * blockSize, "800+24"},
		"the last block is not full": {"100 101", blockSize + 513, "800+10"},
		"two pieces":                 {"100 300", 2 * blockSize, "/vmlinuz"},
		"pieces in another order":    {"100 101 7", 3 * blockSize, "/vmlinuz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, err := bootFile("vmlinuz", test.numbers, test.size)
			require.NoError(t, err)
			assert.Equal(t, test.wanted, location)
		})
	}
	_, err := bootFile("vmlinuz", "100 101", 3*blockSize)
	assert.ErrorContains(t, err, "has 2 blocks, not 3", "a hole is nothing that a boot loader could read")
	_, err = bootFile("vmlinuz", "100 x", 2*blockSize)
	assert.ErrorContains(t, err, "no number of a block")
}
