package qcow2

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// QEMU reads the disk from the file, and finds no error in the file.
func TestQEMUReadsTheDiskBack(t *testing.T) {
	qemu, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	tests := map[string]struct {
		size   int64
		writes map[int64]int // bytes of noise by their offset
	}{
		"all zero":                    {size: 1 << 20},
		"one sector":                  {size: 512, writes: map[int64]int{0: 512}},
		"half a sector too much":      {size: 3*clusterSize + 700, writes: map[int64]int{3 * clusterSize: 700}},
		"first and last cluster":      {size: 64 << 20, writes: map[int64]int{0: 1, 64<<20 - 1: 1}},
		"data across clusters":        {size: 8 << 20, writes: map[int64]int{clusterSize - 3: 200000, 5 << 20: 70000}},
		"three L2 tables, one unused": {size: 1536 << 20, writes: map[int64]int{100: 100, 1300 << 20: 1 << 20}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			raw := makeDisk(t, folder, test.size, test.writes)
			source, err := disk.Open(folder)
			require.NoError(t, err)
			defer source.Close()
			var scanned int64
			image, err := New(t.Context(), source, func(n int64) { scanned += n })
			require.NoError(t, err)
			assert.Equal(t, test.size, scanned, "progress ends at the size")

			file := filepath.Join(folder, "disk.qcow2")
			out, err := os.Create(file)
			require.NoError(t, err)
			written, err := io.Copy(out, disk.Reader(t.Context(), image, nil))
			require.NoError(t, err)
			require.NoError(t, out.Close())
			assert.Equal(t, image.Size(), written)

			output, err := exec.Command(qemu, "check", "-f", "qcow2", file).CombinedOutput()
			require.NoError(t, err, string(output))
			back := filepath.Join(folder, "back.img")
			output, err = exec.Command(qemu, "convert", "-f", "qcow2", "-O", "raw", file, back).CombinedOutput()
			require.NoError(t, err, string(output))
			// QEMU supports only whole sectors.
			require.NoError(t, os.Truncate(raw, divideUp(test.size, sectorSize)*sectorSize))
			assert.Equal(t, sum(t, raw), sum(t, back))
		})
	}
}

// A file of more than two gigabytes has more than one refcount block. QEMU checks it by its tables, so the data may be
// a hole.
func TestQEMUAcceptsTheTablesOfALargeDisk(t *testing.T) {
	qemu, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	folder := t.TempDir()
	makeDisk(t, folder, 5<<30, nil)
	source, err := disk.Open(folder)
	require.NoError(t, err)
	defer source.Close()
	image, err := New(t.Context(), source, func(int64) {})
	require.NoError(t, err)
	for word := range image.allocated.words {
		image.allocated.words[word] = ^uint64(0)
	}
	image.allocated.count()
	for table := range int64(len(image.allocated.before) - 1) {
		image.tables = append(image.tables, table)
	}
	image.layOut()
	require.Equal(t, int64(3), image.l1Table-image.refcountBlocks, "refcount blocks")

	file := filepath.Join(folder, "disk.qcow2")
	out, err := os.Create(file)
	require.NoError(t, err)
	_, err = io.CopyN(out, disk.Reader(t.Context(), image, nil), image.data*clusterSize)
	require.NoError(t, err)
	require.NoError(t, out.Truncate(image.Size()))
	require.NoError(t, out.Close())
	output, err := exec.Command(qemu, "check", "-f", "qcow2", file).CombinedOutput()
	require.NoError(t, err, string(output))
}

// A reader at any offset reads the same bytes as one from the beginning.
func TestReadAtAnyPlace(t *testing.T) {
	folder := t.TempDir()
	makeDisk(t, folder, 3<<20, map[int64]int{70000: 200000, 2 << 20: 100})
	source, err := disk.Open(folder)
	require.NoError(t, err)
	defer source.Close()
	image, err := New(t.Context(), source, func(int64) {})
	require.NoError(t, err)
	whole, err := io.ReadAll(disk.Reader(t.Context(), image, nil))
	require.NoError(t, err)
	for range 200 {
		offset := rand.Int64N(image.Size())
		buffer := make([]byte, rand.IntN(200000))
		n, err := image.ReadAt(buffer, offset)
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			assert.Equal(t, image.Size(), offset+int64(n))
		}
		assert.Equal(t, whole[offset:offset+int64(n)], buffer[:n])
	}
}

func TestAScanEndsWithItsContext(t *testing.T) {
	folder := t.TempDir()
	makeDisk(t, folder, 3<<20, map[int64]int{0: 100})
	source, err := disk.Open(folder)
	require.NoError(t, err)
	defer source.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = New(ctx, source, func(int64) {})
	assert.ErrorIs(t, err, context.Canceled)
}

func makeDisk(t *testing.T, folder string, size int64, writes map[int64]int) string {
	t.Helper()
	path := filepath.Join(folder, disk.FileName)
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, file.Truncate(size))
	seed := rand.NewChaCha8([32]byte{1})
	for offset, length := range writes {
		_, err := io.CopyN(io.NewOffsetWriter(file, offset), seed, int64(length))
		require.NoError(t, err)
	}
	require.NoError(t, file.Close())
	return path
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	require.NoError(t, err)
	return [32]byte(hash.Sum(nil))
}
