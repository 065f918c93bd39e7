package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	liveInterval  = 200 * time.Millisecond
	plainInterval = 15 * time.Second
)

// Reporter prints steps. The zero value is not usable; call New.
type Reporter struct {
	out   io.Writer
	live  bool
	width int
	start time.Time

	mutex   sync.Mutex
	running []*Step
	frame   int
	stop    chan struct{}
}

// New returns a Reporter that writes to out. If out is a terminal it shows a live line.
func New(out io.Writer) *Reporter {
	reporter := &Reporter{out: out, start: time.Now(), width: 100}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		reporter.live = true
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 20 {
			reporter.width = width
		}
	}
	return reporter
}

// Discard returns a Reporter that prints nothing.
func Discard() *Reporter { return New(io.Discard) }

// Printf prints one line of its own, whose end it adds. It is safe while steps run.
func (r *Reporter) Printf(format string, arguments ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.println(fmt.Sprintf(format, arguments...))
}

// Step starts a step; the caller ends it with Done, whatever happens. The format gives its name.
func (r *Reporter) Step(format string, arguments ...any) *Step {
	step := &Step{reporter: r, name: fmt.Sprintf(format, arguments...), start: time.Now()}
	step.lastShown = step.start
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.running = append(r.running, step)
	if r.stop == nil {
		r.stop = make(chan struct{})
		go r.tick(r.stop)
	}
	return step
}

// Run runs work as one step, and returns its error.
func (r *Reporter) Run(name string, work func(step *Step) error) error {
	step := r.Step("%s", name)
	err := work(step)
	step.Done(err)
	return err
}

func (r *Reporter) tick(stop chan struct{}) {
	ticker := time.NewTicker(liveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			r.mutex.Lock()
			r.showRunning()
			r.mutex.Unlock()
		}
	}
}

func (r *Reporter) showRunning() {
	if r.live {
		r.drawLive()
		return
	}
	for _, step := range r.running {
		if time.Since(step.lastShown) < plainInterval {
			continue
		}
		step.lastShown = time.Now()
		r.println(fmt.Sprintf("  … %s %s %s", step.name, elapsed(step.start), step.detail))
	}
}

var frames = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

func (r *Reporter) drawLive() {
	if len(r.running) == 0 {
		return
	}
	r.frame++
	parts := make([]string, 0, len(r.running))
	for _, step := range r.running {
		text := step.name + " " + elapsed(step.start)
		if step.detail != "" && len(r.running) == 1 {
			text += " " + step.detail
		}
		parts = append(parts, text)
	}
	line := frames[r.frame%len(frames)] + " " + strings.Join(parts, " | ")
	fmt.Fprint(r.out, "\r\033[K"+clip(line, r.width-1))
}

func (r *Reporter) println(line string) {
	if r.live {
		fmt.Fprint(r.out, "\r\033[K")
	}
	fmt.Fprintln(r.out, line)
}

func (r *Reporter) finish(step *Step, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for index, candidate := range r.running {
		if candidate == step {
			r.running = append(r.running[:index], r.running[index+1:]...)
			break
		}
	}
	if len(r.running) == 0 && r.stop != nil {
		close(r.stop)
		r.stop = nil
	}
	if step.quiet && err == nil {
		if r.live {
			fmt.Fprint(r.out, "\r\033[K")
		}
		return
	}
	mark := "✓"
	if err != nil {
		mark = "✗"
	}
	r.println(fmt.Sprintf("%s %-60s %8s  (total %s)", mark, step.name, elapsed(step.start), elapsed(r.start)))
}

func elapsed(since time.Time) string {
	passed := time.Since(since)
	if passed < time.Minute {
		return fmt.Sprintf("%.1fs", passed.Seconds())
	}
	return passed.Round(time.Second).String()
}

func clip(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}
