package steprows

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// failures is how often a step fails at least before it is looked at.
const failures = 3

// lasting is how long an error lasts, by the managers' clock, until an object reports it: longer than package lasting
// waits.
const lasting = 11 * time.Second

// Table are the rows of a kind.
type Table[K testkit.Kind] struct {
	// Steps are all steps of the kind.
	Steps []string
	// Rows by their steps.
	Rows map[string]Row[K]
	// WriteNothing are the steps without a row, and why none of their writes can be refused.
	WriteNothing map[string]string
	// Wake changes an object in any way that starts a pass, because a refused step waits for a minute.
	Wake func(f *testkit.Fixture, object K)
	// Later moves the clock of the kind's fixture. By default the rows have a clock of their own.
	Later func(time.Duration)
}

// Row is how the write of one step is disturbed, and what becomes of it.
type Row[K testkit.Kind] struct {
	// Resource that the step writes.
	Resource string
	// Begin makes the object of a name, and does not wait for it.
	Begin func(f *testkit.Fixture, name string) K
	// Settles plays what comes before the step. Without Act there is nothing before it: the fault begins before the
	// object exists.
	Settles func(f *testkit.Fixture, object K)
	// Act makes the step write. The fault begins before it.
	Act func(f *testkit.Fixture, object K)
	// Condition reports a refusal; Ready by default.
	Condition string
	// Reason of the report of a refusal; ApplyRefused by default.
	Reason string
	// Names is how the report names the object that is not written; by default its name begins with that of the row.
	Names string
	// GoesOn checks what is done, and what is not, while the step is refused or fails.
	GoesOn func(f *testkit.Fixture, object K)
	// Heals plays what comes after the fault, until the object is as the user asked.
	Heals func(f *testkit.Fixture, object K)
}

// fault is one of the two for each step.
type fault struct {
	name  string
	begin func(faults *testenv.Faults, resource, prefix string)
}

var bothFaults = []fault{
	{"refused", (*testenv.Faults).Refuse},
	{"failed", (*testenv.Faults).Fail},
}

// Run runs the rows of a table, and returns the faults, none of which lasts. The fixture has no manager yet. The object
// of a row is named for its step and fault, such as "metadata-refused".
func Run[K testkit.Kind](t *testing.T, f *testkit.Fixture, table Table[K]) *testenv.Faults {
	t.Helper()
	table.requireEveryStep(t)
	faults := testenv.NewFaults()
	f = f.Meeting(faults)
	if table.Later == nil {
		clock := &hurried{}
		f, table.Later = f.ByClock(clock), clock.hurry
	}
	f.StartManager()
	var runs []*run[K]
	for _, step := range slices.Sorted(maps.Keys(table.Rows)) {
		for _, fault := range bothFaults {
			one := &run[K]{Row: table.Rows[step], name: step + "-" + fault.name, fault: fault, faults: faults, wake: table.Wake}
			runs = append(runs, one)
		}
	}
	// What fails is retried less and less often: so the faults begin when everything else is done.
	for _, do := range []func(*run[K], *testkit.Fixture){(*run[K]).prepare, (*run[K]).settle, (*run[K]).disturb} {
		for _, one := range runs {
			do(one, f)
		}
	}
	f.Until(func() bool {
		return !slices.ContainsFunc(runs, func(one *run[K]) bool { return one.answered() < one.enough() })
	}, "not each step has met its fault: %v", describe[K]{runs})
	table.Later(lasting)
	for _, one := range runs {
		t.Run(one.name, func(t *testing.T) { one.goesOn(one.patient(f.In(t))) })
	}
	for _, one := range runs {
		t.Run(one.name+" heals", func(t *testing.T) { one.Heals(one.patient(f.In(t)), one.object) })
	}
	return faults
}

func (table *Table[K]) requireEveryStep(t *testing.T) {
	t.Helper()
	known := slices.Concat(slices.Collect(maps.Keys(table.Rows)), slices.Collect(maps.Keys(table.WriteNothing)))
	require.ElementsMatch(t, table.Steps, known, "each step has a row, or a reason why it writes nothing")
}

// run is a row with one of the faults.
type run[K testkit.Kind] struct {
	Row[K]
	name   string
	fault  fault
	faults *testenv.Faults
	wake   func(f *testkit.Fixture, object K)
	object K
	// began is when the fault began.
	began time.Time
}

// patient waits for a whole interval between two retries longer than usual. The work queue doubles the interval each
// time, so it is at most as long as the fault has lasted.
func (r *run[K]) patient(f *testkit.Fixture) *testkit.Fixture {
	return f.Within(time.Minute + time.Since(r.began))
}

// prepare makes the object of a step that writes later.
func (r *run[K]) prepare(f *testkit.Fixture) {
	f.Helper()
	if r.Act != nil {
		r.object = r.Begin(f, r.name)
	}
}

func (r *run[K]) settle(f *testkit.Fixture) {
	f.Helper()
	if r.Act != nil && r.Settles != nil {
		r.Settles(f, r.object)
	}
}

// disturb begins the fault, and makes the step write.
func (r *run[K]) disturb(f *testkit.Fixture) {
	f.Helper()
	r.began = time.Now()
	r.fault.begin(r.faults, r.Resource, r.name)
	if r.Act == nil {
		r.object = r.Begin(f, r.name)
	} else {
		r.Act(f, r.object)
	}
}

func (r *run[K]) refused() bool { return r.fault.name == "refused" }

func (r *run[K]) answered() int { return r.faults.Answered(r.Resource, r.name) }

// enough is how often the fault has to be met. A refusal is not retried for a minute.
func (r *run[K]) enough() int {
	if r.refused() {
		return 1
	}
	return failures
}

// goesOn checks the report and what does not need the step, and ends the fault.
func (r *run[K]) goesOn(f *testkit.Fixture) {
	condition, reason := v1alpha1.ConditionReady, v1alpha1.ReasonReconcileError
	if r.refused() {
		condition, reason = cmp.Or(r.Condition, condition), cmp.Or(r.Reason, v1alpha1.ReasonApplyRefused)
	}
	defer r.faults.Heal(r.name)
	reported := testkit.WaitCondition(f, r.object, condition, metav1.ConditionFalse, reason, "by a test: "+r.Resource)
	for _, one := range reported.GetConditions() {
		if one.Type == condition {
			assert.Contains(f, one.Message, cmp.Or(r.Names, r.name), "it names the object")
			assert.NotContains(f, one.Message, "*v", "it names the kind as users know it")
		}
	}
	r.GoesOn(f, r.object)
	assert.GreaterOrEqual(f, r.answered(), r.enough())
	r.faults.Heal(r.name)
	if r.refused() {
		r.wake(f, r.object)
	}
}

// describe lists the runs whose fault was not met often enough, when it is printed.
type describe[K testkit.Kind] struct{ runs []*run[K] }

// String implements fmt.Stringer.
func (d describe[K]) String() string {
	text := ""
	for _, one := range d.runs {
		if one.answered() < one.enough() {
			text += " " + one.name
		}
	}
	return text
}

// hurried is the time, or later.
type hurried struct {
	mutex sync.Mutex
	ahead time.Duration
}

// Now implements clock.PassiveClock.
func (c *hurried) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return time.Now().Add(c.ahead)
}

// Since implements clock.PassiveClock.
func (c *hurried) Since(from time.Time) time.Duration { return c.Now().Sub(from) }

func (c *hurried) hurry(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.ahead += by
}
