// Package disk reads the bytes of a disk from a PersistentVolumeClaim: a block device, or the file disk.img in a file
// system, as CDI stores it (pkg/common, DiskImageName).
package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FileName is the disk in the root of a file system volume.
const FileName = "disk.img"

// Image is a file whose bytes can be read at any offset: the disk itself, or a file that is computed from it and never
// stored.
type Image interface {
	io.ReaderAt
	// Size of the file, in bytes.
	Size() int64
}

// Disk is an open disk.
type Disk struct {
	*os.File
	size int64
}

// Open opens a block device, or disk.img in a folder.
func Open(path string) (*Disk, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		path = filepath.Join(path, FileName)
	}
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the claim contains no %s, so it is not a disk: %w", FileName, err)
	}
	if err != nil {
		return nil, err
	}
	// Devices have no size in their inode; the offset of their end is their size.
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find the size of %s: %w", path, err), file.Close())
	}
	if size == 0 {
		return nil, errors.Join(fmt.Errorf("%s is empty", path), file.Close())
	}
	return &Disk{File: file, size: size}, nil
}

// Size implements Image.
func (d *Disk) Size() int64 { return d.size }

// Extent is a range of bytes that may be other than zero.
type Extent struct{ Begin, End int64 }

// Extents returns the ranges that the file system, or the device, has stored. The bytes between them are zero. If this
// is not supported, it returns the whole disk.
func (d *Disk) Extents() ([]Extent, error) {
	var extents []Extent
	for at := int64(0); at < d.size; {
		begin, err := unix.Seek(int(d.Fd()), at, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO):
			return extents, nil
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOTSUP):
			return append(extents, Extent{at, d.size}), nil
		case err != nil:
			return nil, fmt.Errorf("find the data of %s: %w", d.Name(), err)
		}
		end, err := unix.Seek(int(d.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return nil, fmt.Errorf("find the holes of %s: %w", d.Name(), err)
		}
		extents = append(extents, Extent{begin, min(end, d.size)})
		at = end
	}
	return extents, nil
}

// Reader reads an image from its beginning to its end, until the context ends, and calls observe with the number of
// bytes of each read.
func Reader(ctx context.Context, image Image, observe func(bytes int64)) io.Reader {
	return &reader{ctx: ctx, source: io.NewSectionReader(image, 0, image.Size()), observe: observe}
}

type reader struct {
	ctx     context.Context
	source  io.Reader
	observe func(int64)
}

// Read implements io.Reader.
func (r *reader) Read(buffer []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.source.Read(buffer)
	if r.observe != nil {
		r.observe(int64(n))
	}
	return n, err
}

// Joined is a concatenation of files.
type Joined []Image

// Size implements Image.
func (j Joined) Size() int64 {
	var size int64
	for _, part := range j {
		size += part.Size()
	}
	return size
}

// ReadAt implements io.ReaderAt.
func (j Joined) ReadAt(buffer []byte, offset int64) (int, error) {
	done := 0
	for _, part := range j {
		if offset >= part.Size() {
			offset -= part.Size()
			continue
		}
		wanted := min(int64(len(buffer)-done), part.Size()-offset)
		n, err := part.ReadAt(buffer[done:done+int(wanted)], offset)
		done += n
		if err != nil && (!errors.Is(err, io.EOF) || int64(n) < wanted) {
			return done, err
		}
		offset = 0
		if done == len(buffer) {
			return done, nil
		}
	}
	return done, io.EOF
}
