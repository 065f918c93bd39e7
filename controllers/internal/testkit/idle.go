package testkit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// quiet is how long no controller may do anything before all count as idle: longer than any of them gathers changes,
// and than a change takes to return through a watch.
const quiet = 2500 * time.Millisecond

// WaitIdle waits until the test's managers, also the simulator's, have nothing left to do, and have had nothing to do
// since the call for as long as a change may take to reach them. Only then is a count of writes meaningful.
func (f *Fixture) WaitIdle() {
	f.Helper()
	f.WaitPasses(0)
}

// WaitPasses is WaitIdle, and also waits until the latest manager has done at least so many passes.
func (f *Fixture) WaitPasses(passes int) {
	f.Helper()
	began := time.Now()
	for time.Since(began) < scaled(quiet) || !f.crew.idle(passes, scaled(quiet)) {
		if time.Since(began) > scaled(f.patience) {
			require.Failf(f, "the controllers do not become idle", "%s, and %d passes were waited for\n%s",
				f.lasted(), passes, f.crew)
		}
		time.Sleep(interval)
	}
}

// role of a manager in a test.
type role string

const (
	operator  role = "operator"
	bystander role = "simulator"
)

// crew are the running managers of a test.
type crew struct {
	mutex   sync.Mutex
	members []*work
	// latest is the operator that was started last.
	latest *work
}

func (c *crew) join(member *work) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.members = append(c.members, member)
	if member.role == operator {
		c.latest = member
	}
}

func (c *crew) leave(member *work) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.members = slices.DeleteFunc(c.members, func(other *work) bool { return other == member })
}

func (c *crew) idle(passes int, quiet time.Duration) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.latest != nil && c.latest.passes() < passes {
		return false
	}
	return !slices.ContainsFunc(c.members, func(member *work) bool { return !member.idleFor(quiet) })
}

// String describes the work of each member.
func (c *crew) String() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var lines []string
	for _, member := range c.members {
		lines = append(lines, member.String())
	}
	return strings.Join(lines, "\n")
}

// work is what the controllers of one manager do. It is known from their logs: the metrics belong to the process, in
// which other managers run. The texts are those of controller-runtime v0.25.2, pkg/internal/controller/controller.go,
// reconcileHandler; a test of this package fails when they change.
type work struct {
	role role

	mutex  sync.Mutex
	active int
	ended  int
	last   time.Time
	object string
	failed string
}

const (
	beginMessage = "Reconciling"
	errorMessage = "Reconciler error"
	endMessage   = "Reconcile "
	verbosity    = 5
)

func (w *work) begins(object string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.active, w.last, w.object = w.active+1, time.Now(), object
}

func (w *work) ends(err error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.active, w.ended, w.last = w.active-1, w.ended+1, time.Now()
	if err != nil {
		w.failed = err.Error()
	}
}

func (w *work) passes() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.ended
}

// idleFor reports whether nothing was done for some time. A manager that has done nothing yet is reading its caches:
// it is idle only when that time has passed since the first call.
func (w *work) idleFor(quiet time.Duration) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.last.IsZero() {
		w.last = time.Now()
	}
	return w.active == 0 && time.Since(w.last) >= quiet
}

// String describes what was done last.
func (w *work) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	text := fmt.Sprintf("%s: %d passes, %d under way", w.role, w.ended, w.active)
	if w.object != "" {
		text += fmt.Sprintf(", the last began %s ago with %s", time.Since(w.last).Round(time.Millisecond), w.object)
	}
	if w.failed != "" {
		text += ", last error: " + w.failed
	}
	return text
}

func (w *work) logger() logr.Logger {
	return logr.New(&listener{work: w, next: testenv.Logger().GetSink()})
}

// listener is a log sink that counts the passes of controllers, and forwards everything to the next sink.
type listener struct {
	work   *work
	next   logr.LogSink
	object string
}

// Init implements logr.LogSink.
func (l *listener) Init(info logr.RuntimeInfo) {
	if l.next != nil {
		l.next.Init(info)
	}
}

// Enabled implements logr.LogSink.
func (l *listener) Enabled(level int) bool { return level <= verbosity }

// Info implements logr.LogSink.
func (l *listener) Info(level int, message string, values ...any) {
	switch {
	case level == verbosity && message == beginMessage:
		l.work.begins(l.object)
	case level == verbosity && strings.HasPrefix(message, endMessage):
		l.work.ends(nil)
	}
	if l.next != nil && l.next.Enabled(level) {
		l.next.Info(level, message, values...)
	}
}

// Error implements logr.LogSink.
func (l *listener) Error(err error, message string, values ...any) {
	if message == errorMessage {
		l.work.ends(err)
	}
	if l.next != nil {
		l.next.Error(err, message, values...)
	}
}

// WithValues implements logr.LogSink. The values include the object of the pass.
func (l *listener) WithValues(values ...any) logr.LogSink {
	next := *l
	for i := 0; i+1 < len(values); i += 2 {
		switch values[i] {
		case "controller":
			next.object = fmt.Sprint(values[i+1])
		case "namespace", "name":
			next.object += fmt.Sprintf("/%v", values[i+1])
		}
	}
	if l.next != nil {
		next.next = l.next.WithValues(values...)
	}
	return &next
}

// WithName implements logr.LogSink.
func (l *listener) WithName(name string) logr.LogSink {
	next := *l
	if l.next != nil {
		next.next = l.next.WithName(name)
	}
	return &next
}
