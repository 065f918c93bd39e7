package disk

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	folder := t.TempDir()
	_, err := Open(folder)
	assert.ErrorContains(t, err, "contains no disk.img")
	path := filepath.Join(folder, FileName)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = Open(folder)
	assert.ErrorContains(t, err, "is empty")
	require.NoError(t, os.WriteFile(path, make([]byte, 700), 0o600))
	for _, place := range []string{folder, path} {
		disk, err := Open(place)
		require.NoError(t, err)
		assert.Equal(t, int64(700), disk.Size())
		require.NoError(t, disk.Close())
	}
}

// Every byte outside of the extents is zero, whatever the file system stores.
func TestExtentsHoldAllData(t *testing.T) {
	folder := t.TempDir()
	file, err := os.Create(filepath.Join(folder, FileName))
	require.NoError(t, err)
	require.NoError(t, file.Truncate(64<<20))
	for _, offset := range []int64{5 << 20, 6<<20 + 123, 50 << 20} {
		_, err := file.WriteAt([]byte("data"), offset)
		require.NoError(t, err)
	}
	require.NoError(t, file.Close())
	disk, err := Open(folder)
	require.NoError(t, err)
	defer disk.Close()
	extents, err := disk.Extents()
	require.NoError(t, err)
	content, err := os.ReadFile(disk.Name())
	require.NoError(t, err)
	for _, extent := range extents {
		clear(content[extent.Begin:extent.End])
	}
	assert.True(t, bytes.Equal(content, make([]byte, 64<<20)))
	var stored int64
	for _, extent := range extents {
		stored += extent.End - extent.Begin
	}
	assert.LessOrEqual(t, stored, int64(64<<20))
}

func TestJoined(t *testing.T) {
	parts := Joined{section("abc"), section(""), section("defgh"), section("i")}
	assert.Equal(t, int64(9), parts.Size())
	for range 100 {
		offset := rand.Int64N(9)
		buffer := make([]byte, rand.IntN(12))
		n, err := parts.ReadAt(buffer, offset)
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
		}
		assert.Equal(t, "abcdefghi"[offset:min(9, int(offset)+len(buffer))], string(buffer[:n]))
	}
}

func section(text string) Image {
	return io.NewSectionReader(bytes.NewReader([]byte(text)), 0, int64(len(text)))
}
