package runner

import (
	"io"
	"strings"
	"sync"
)

// locked lets the two outputs of a program be written to one place.
type locked struct {
	mutex sync.Mutex
	out   io.Writer
}

// Write implements io.Writer.
func (l *locked) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.out.Write(data)
}

// tailBytes is how much of a failed command is repeated in the end.
const tailBytes = 2000

// tail passes on what is written and keeps the end of it.
type tail struct {
	out  io.Writer
	last []byte
}

// Write implements io.Writer.
func (t *tail) Write(data []byte) (int, error) {
	t.last = append(t.last, data...)
	if len(t.last) > tailBytes {
		t.last = t.last[len(t.last)-tailBytes:]
	}
	return t.out.Write(data)
}

func (t *tail) lines() []string {
	text := strings.TrimSpace(string(t.last))
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
