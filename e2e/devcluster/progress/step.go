package progress

import (
	"strings"
	"time"
)

// Step is one piece of work that is shown with its elapsed time.
type Step struct {
	reporter  *Reporter
	name      string
	start     time.Time
	lastShown time.Time
	detail    string
	quiet     bool
}

// Detail says what the step is doing now; it is shown beside the name while the step runs.
func (s *Step) Detail(text string) {
	s.reporter.mutex.Lock()
	defer s.reporter.mutex.Unlock()
	s.detail = clip(strings.TrimSpace(text), 80)
}

// Quiet makes the step print no line when it ends well: it was shown only in case it takes long.
func (s *Step) Quiet() *Step {
	s.quiet = true
	return s
}

// Done ends the step, and prints its line with a tick when err is nil and a cross otherwise. The error itself is for
// the caller to show.
func (s *Step) Done(err error) { s.reporter.finish(s, err) }

// Write takes output of a tool and shows its last line as the detail, so that a Step can be one end of a MultiWriter.
func (s *Step) Write(data []byte) (int, error) {
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		s.Detail(last)
	}
	return len(data), nil
}
