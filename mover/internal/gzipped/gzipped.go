// Package gzipped presents a file as a gzip file that is never stored.
//
// The file is cut into blocks, and each is a gzip member of its own: together they are one gzip file (RFC 1952, 2.2),
// which every gunzip reads. The same block always gives the same bytes. So once the length of each member is known, a
// reader may begin anywhere, and an interrupted transfer can be resumed.
package gzipped

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"sort"
	"sync"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// blockSize is the part of the file in one member: large enough that the header of 20 bytes does not matter, and small
// enough to be compressed again for each reader that begins within it.
const blockSize = int64(4) << 20

// Bound returns an upper bound of the size of the gzip file for a file of a size.
func Bound(size int64) int64 { return size + size/1000 + (size/blockSize+1)*64 }

// compressor creates members. It is not safe for use by several goroutines.
type compressor struct {
	member, zeroMember bytes.Buffer
	writer             *gzip.Writer
}

// compress returns the member of one block. It is valid until the next call.
func (c *compressor) compress(block []byte) ([]byte, error) {
	empty := int64(len(block)) == blockSize && bytes.Count(block, []byte{0}) == len(block)
	if empty && c.zeroMember.Len() > 0 {
		return c.zeroMember.Bytes(), nil
	}
	c.member.Reset()
	if c.writer == nil {
		// The fastest level: a disk is large, and the network is seldom slower than the processor.
		writer, err := gzip.NewWriterLevel(&c.member, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		c.writer = writer
	}
	c.writer.Reset(&c.member)
	if _, err := c.writer.Write(block); err != nil {
		return nil, err
	}
	if err := c.writer.Close(); err != nil {
		return nil, err
	}
	if empty {
		c.zeroMember.Write(c.member.Bytes())
	}
	return c.member.Bytes(), nil
}

// Compress writes the gzip file of a reader's content, and returns the offsets of all members, and of the end.
func Compress(ctx context.Context, source io.Reader, target io.Writer) ([]int64, error) {
	var c compressor
	offsets, block := []int64{0}, make([]byte, blockSize)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := io.ReadFull(source, block)
		if n > 0 {
			member, err := c.compress(block[:n])
			if err != nil {
				return nil, err
			}
			if _, err := target.Write(member); err != nil {
				return nil, err
			}
			offsets = append(offsets, offsets[len(offsets)-1]+int64(len(member)))
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return offsets, nil
		case err != nil:
			return nil, err
		}
	}
}

// Image is a gzip file that can be read at any offset.
type Image struct {
	source  disk.Image
	offsets []int64

	mutex      sync.Mutex
	compressor compressor
	block      []byte
	cached     int
	member     []byte
}

// NewImage returns the gzip file of an image from the offsets that Compress returned for it.
func NewImage(source disk.Image, offsets []int64) *Image {
	return &Image{source: source, offsets: offsets, block: make([]byte, blockSize), cached: -1}
}

// Size implements disk.Image.
func (i *Image) Size() int64 { return i.offsets[len(i.offsets)-1] }

// ReadAt implements io.ReaderAt.
func (i *Image) ReadAt(buffer []byte, offset int64) (int, error) {
	done := 0
	for done < len(buffer) {
		at := offset + int64(done)
		if at >= i.Size() {
			return done, io.EOF
		}
		n, err := i.copyMember(buffer[done:], at)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (i *Image) copyMember(buffer []byte, at int64) (int, error) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	number := sort.Search(len(i.offsets)-1, func(m int) bool { return i.offsets[m+1] > at })
	if i.cached != number {
		i.cached = -1
		begin := int64(number) * blockSize
		length := min(blockSize, i.source.Size()-begin)
		if n, err := i.source.ReadAt(i.block[:length], begin); err != nil &&
			(!errors.Is(err, io.EOF) || int64(n) < length) {
			return 0, err
		}
		member, err := i.compressor.compress(i.block[:length])
		if err != nil {
			return 0, err
		}
		if int64(len(member)) != i.offsets[number+1]-i.offsets[number] {
			return 0, errors.New("the disk changed while it was read: something writes to it")
		}
		i.member, i.cached = member, number
	}
	return copy(buffer, i.member[at-i.offsets[number]:]), nil
}
