package imageserver

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// content is what http.ServeContent reads.
type content interface {
	io.ReadSeeker
	io.ReaderAt
	Size() int64
}

type fileContent struct {
	*os.File
	size int64
}

func (f fileContent) Size() int64 { return f.size }

// errTruncated ends a read. http.ServeContent has promised a length by then, so net/http drops the connection.
var errTruncated = errors.New("this file is served truncated")

// truncatedContent has only the first half of what it says it has.
type truncatedContent struct {
	content
	position int64
}

// Seek implements io.Seeker.
func (t *truncatedContent) Seek(offset int64, whence int) (int64, error) {
	position, err := t.content.Seek(offset, whence)
	t.position = position
	return position, err
}

// Read implements io.Reader.
func (t *truncatedContent) Read(buffer []byte) (int, error) {
	rest := t.Size()/2 - t.position
	if rest <= 0 {
		return 0, errTruncated
	}
	count, err := t.content.Read(buffer[:min(int64(len(buffer)), rest)])
	t.position += int64(count)
	return count, err
}

// What corruptContent leaves of a header, enough for the format to be recognized, and how long that is.
const (
	magicLength  = 4
	headerLength = 104 // of qcow2, version 3
)

// corruptContent has a header whose magic is right and whose rest is not.
type corruptContent struct {
	content
	position int64
}

// Seek implements io.Seeker.
func (c *corruptContent) Seek(offset int64, whence int) (int64, error) {
	position, err := c.content.Seek(offset, whence)
	c.position = position
	return position, err
}

// Read implements io.Reader.
func (c *corruptContent) Read(buffer []byte) (int, error) {
	count, err := c.content.Read(buffer)
	for i := range buffer[:count] {
		if at := c.position + int64(i); at >= magicLength && at < headerLength {
			buffer[i] ^= 0xff
		}
	}
	c.position += int64(count)
	return count, err
}

// slowContent lets a number of bytes pass in each second.
type slowContent struct {
	content
	context context.Context
	rate    int64
}

// steps are how often in a second a slow file goes on, so that a client with a short patience sees that it does.
const steps = 10

// Read implements io.Reader.
func (s *slowContent) Read(buffer []byte) (int, error) {
	limit := max(s.rate/steps, 1)
	count, err := s.content.Read(buffer[:min(int64(len(buffer)), limit)])
	timer := time.NewTimer(time.Duration(float64(count) / float64(s.rate) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-s.context.Done():
		return count, s.context.Err()
	case <-timer.C:
		return count, err
	}
}
