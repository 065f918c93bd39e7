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

// quiet is how long no controller may do anything before it is called idle: longer than any of them gathers changes, and
// than a change takes to come back through a watch.
const quiet = 2500 * time.Millisecond

// WaitIdle waits until the test's managers, the simulator's too, have nothing left to do, and have had nothing to do since
// it was called for as long as a change may need to come to them. Only then does a count of writes mean something.
func (f *Fixture) WaitIdle() {
	f.Helper()
	f.WaitPasses(0)
}

// WaitPasses is WaitIdle, and waits until the manager that was started last has looked at so many objects or more.
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

// crew are the managers of a test that run.
type crew struct {
	mutex   sync.Mutex
	members []*work
	// latest is the operator that began last.
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

// String says what each does.
func (c *crew) String() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var lines []string
	for _, member := range c.members {
		lines = append(lines, member.String())
	}
	return strings.Join(lines, "\n")
}

// work is what the controllers of one manager do. It is known by what they log: the metrics are the process's, in which
// other managers run. The words are those of controller-runtime v0.25.2, pkg/internal/controller/controller.go,
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
	wordsOfBegin = "Reconciling"
	wordsOfError = "Reconciler error"
	wordsOfEnd   = "Reconcile "
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

// idleFor reports whether nothing was done for some time. A manager that has done nothing yet reads its caches: it is idle
// only when that time has passed since it began.
func (w *work) idleFor(quiet time.Duration) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.last.IsZero() {
		w.last = time.Now()
	}
	return w.active == 0 && time.Since(w.last) >= quiet
}

// String says what was done last.
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

// listener is a sink of logs that counts the passes of controllers, and hands everything on if a person wants to see it.
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
	case level == verbosity && message == wordsOfBegin:
		l.work.begins(l.object)
	case level == verbosity && strings.HasPrefix(message, wordsOfEnd):
		l.work.ends(nil)
	}
	if l.next != nil && l.next.Enabled(level) {
		l.next.Info(level, message, values...)
	}
}

// Error implements logr.LogSink.
func (l *listener) Error(err error, message string, values ...any) {
	if message == wordsOfError {
		l.work.ends(err)
	}
	if l.next != nil {
		l.next.Error(err, message, values...)
	}
}

// WithValues implements logr.LogSink. Among the values is the object that a controller looks at.
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
