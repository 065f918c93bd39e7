package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBlockList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		numbers string
		size    int64
		wanted  string
	}{
		"one piece":                      {"100 101 102\n", 3 * blockSize, "800+24"},
		"several":                        {"100 101 7 200", 4 * blockSize, "800+16,56+8,1600+8"},
		"the last block is not full":     {"100 101", blockSize + 513, "800+10"},
		"the last piece is less than it": {"100 300", blockSize + 1, "800+8,2400+1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := blockList(test.numbers, test.size)
			require.NoError(t, err)
			assert.Equal(t, test.wanted, list)
		})
	}
	_, err := blockList("100 101", 3*blockSize)
	assert.ErrorContains(t, err, "has 2 blocks, not 3", "a hole is nothing that a boot loader could read")
	_, err = blockList("100 x", 2*blockSize)
	assert.ErrorContains(t, err, "no number of a block")
}
