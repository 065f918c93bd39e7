package mover

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover/internal/disk"
	"github.com/novasphere/wukong/mover/internal/gzipped"
	"github.com/novasphere/wukong/mover/internal/qcow2"
)

// openImage opens the disk in the desired format.
func openImage(ctx context.Context, path, format string, track *tracker) (disk.Image, io.Closer, error) {
	source, err := disk.Open(path)
	if err != nil {
		return nil, nil, &failure{v1alpha1.ReasonSourceUnreadable, "the disk cannot be read", err}
	}
	if format == string(v1alpha1.ExportRaw) {
		return source, source, nil
	}
	track.plan(source.Size())
	image, err := qcow2.New(ctx, source, track.advance)
	if err != nil {
		_ = source.Close()
		return nil, nil, &failure{v1alpha1.ReasonSourceUnreadable, "the disk cannot be read", err}
	}
	return image, source, nil
}

// stream returns the file from its beginning to its end.
func stream(ctx context.Context, image disk.Image, compressed bool, observe func(int64)) io.ReadCloser {
	source := disk.Reader(ctx, image, observe)
	if !compressed {
		return io.NopCloser(source)
	}
	reader, writer := io.Pipe()
	go func() {
		_, err := gzipped.Compress(ctx, source, writer)
		_ = writer.CloseWithError(err)
	}()
	return reader
}

// measured is a file whose checksums were computed while it was read once.
type measured struct {
	disk.Image
	// sum of the file itself, and plain of its content before compression.
	sum, plain string
}

// measure reads an image once, and computes the compressed file. Either can then be read from any offset.
func measure(ctx context.Context, image disk.Image, compressed bool, observe func(int64)) (*measured, error) {
	plain, sum := sha256.New(), sha256.New()
	source := io.TeeReader(disk.Reader(ctx, image, observe), plain)
	if !compressed {
		if _, err := io.CopyBuffer(onlyWriter{io.Discard}, source, make([]byte, copyBuffer)); err != nil {
			return nil, unreadable(err)
		}
		return &measured{Image: image, sum: digest(plain), plain: digest(plain)}, nil
	}
	offsets, err := gzipped.Compress(ctx, source, sum)
	if err != nil {
		return nil, unreadable(err)
	}
	return &measured{Image: gzipped.NewImage(image, offsets), sum: digest(sum), plain: digest(plain)}, nil
}

// copyBuffer is how much is read at a time, in bytes: many clusters, for few requests to the storage.
const copyBuffer = 1 << 20

// onlyWriter hides ReadFrom, which would choose a buffer of its own.
type onlyWriter struct{ io.Writer }

func unreadable(err error) error {
	return &failure{v1alpha1.ReasonSourceUnreadable, "the disk cannot be read", err}
}

func digest(sum hash.Hash) string { return fmt.Sprintf("sha256:%s", hex.EncodeToString(sum.Sum(nil))) }
