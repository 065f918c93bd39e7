package gzipped

import (
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// content returns blocks of zeros, of noise and of text, and an end within a block.
func content() []byte {
	data := make([]byte, 5*blockSize+12345)
	_, _ = io.ReadFull(rand.NewChaCha8([32]byte{2}), data[2*blockSize:3*blockSize])
	copy(data[4*blockSize:], bytes.Repeat([]byte("wukong "), 1000))
	data[len(data)-1] = 1
	return data
}

func TestGunzipReadsTheFileBack(t *testing.T) {
	tests := map[string][]byte{"mixed": content(), "one byte": {7}, "exactly one block": make([]byte, blockSize)}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			offsets, err := Compress(t.Context(), bytes.NewReader(data), &file)
			require.NoError(t, err)
			assert.Equal(t, int64(file.Len()), offsets[len(offsets)-1])
			assert.Less(t, int64(file.Len()), Bound(int64(len(data))))
			reader, err := gzip.NewReader(&file)
			require.NoError(t, err)
			back, err := io.ReadAll(reader)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(data, back))
		})
	}
}

func TestReadAtAnyPlace(t *testing.T) {
	data := content()
	source := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
	var file bytes.Buffer
	offsets, err := Compress(t.Context(), source, &file)
	require.NoError(t, err)
	image := NewImage(source, offsets)
	whole, err := io.ReadAll(disk.Reader(t.Context(), image, nil))
	require.NoError(t, err)
	require.True(t, bytes.Equal(file.Bytes(), whole))
	for range 30 {
		offset := rand.Int64N(image.Size())
		buffer := make([]byte, rand.IntN(1<<20))
		n, err := image.ReadAt(buffer, offset)
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
		}
		assert.True(t, bytes.Equal(whole[offset:offset+int64(n)], buffer[:n]))
	}
}

// The file has a published checksum: a disk that changes meanwhile must not be sent under it.
func TestAChangedDiskIsNoticed(t *testing.T) {
	data := content()
	source := io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data)))
	offsets, err := Compress(t.Context(), source, io.Discard)
	require.NoError(t, err)
	copy(data, "something else")
	_, err = NewImage(source, offsets).ReadAt(make([]byte, 10), 0)
	assert.ErrorContains(t, err, "changed")
}
