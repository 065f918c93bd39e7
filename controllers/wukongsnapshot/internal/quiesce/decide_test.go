package quiesce

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const timeout = 30 * time.Second

func micro(at time.Time) *metav1.MicroTime {
	converted := metav1.NewMicroTime(at)
	return &converted
}

// at is a status whose freeze was called some time ago.
func at(step v1alpha1.QuiesceStep, ago time.Duration) *v1alpha1.SnapshotQuiesce {
	status := &v1alpha1.SnapshotQuiesce{
		Step: step, InstanceUID: "guest-1", NodeName: "node-1", CalledAt: micro(now.Add(-ago)), Attempts: 1,
	}
	if step != v1alpha1.QuiesceFreezing {
		status.FrozenAt = micro(now.Add(-ago + time.Second))
	}
	return status
}

func inputs(status *v1alpha1.SnapshotQuiesce, cuts Cuts) Inputs {
	in := Inputs{
		Status: status, Guest: &Guest{InstanceUID: "guest-1", NodeName: "node-1"}, Cuts: cuts,
		Timeout: timeout, Now: now,
	}
	if status != nil {
		in.Called = status.CalledAt.Time
	}
	return in
}

func with(change func(*Inputs), in Inputs) Inputs {
	change(&in)
	return in
}

func TestDecide(t *testing.T) {
	none, some, all := Cuts{Wanted: 2}, Cuts{Wanted: 2, Made: 2, Cut: 1}, Cuts{Wanted: 2, Made: 2, Cut: 2}
	required := func(in *Inputs) { in.Required = true }
	unproven := at(v1alpha1.QuiesceThawed, 20*time.Second)
	neverFrozen := at(v1alpha1.QuiesceThawed, 20*time.Second)
	neverFrozen.FrozenAt = nil
	proven := at(v1alpha1.QuiesceThawed, 20*time.Second)
	proven.Proven = true
	exhausted := at(v1alpha1.QuiesceThawed, 20*time.Second)
	exhausted.Attempts = attempts
	for name, row := range map[string]struct {
		in      Inputs
		act     Act
		step    v1alpha1.QuiesceStep
		failure string
	}{
		"nothing done": {inputs(nil, none), Freeze, v1alpha1.QuiesceFreezing, ""},
		"no guest":     {with(func(in *Inputs) { in.Guest = nil }, inputs(nil, none)), Wait, "", ""},
		"the guest migrates": {with(func(in *Inputs) { in.Guest.Migrating = true }, inputs(nil, none)),
			Wait, "", ""},
		"another one froze it": {with(func(in *Inputs) { in.Guest.Frozen = true }, inputs(nil, none)),
			Wait, "", ""},
		"the manager ended, calling": {inputs(at(v1alpha1.QuiesceFreezing, time.Second), none), Thaw,
			v1alpha1.QuiesceThawing, "manager ended"},

		"frozen, nothing made": {inputs(at(v1alpha1.QuiesceFrozen, time.Second), none), Cut,
			v1alpha1.QuiesceFrozen, ""},
		"frozen, one is cut": {inputs(at(v1alpha1.QuiesceFrozen, time.Second), some), Wait,
			v1alpha1.QuiesceFrozen, ""},
		"frozen, all are cut": {inputs(at(v1alpha1.QuiesceFrozen, time.Second), all), Thaw,
			v1alpha1.QuiesceThawing, ""},
		"frozen too long": {inputs(at(v1alpha1.QuiesceFrozen, timeout-margin), some), Thaw,
			v1alpha1.QuiesceThawing, "not all disks were cut"},
		"frozen too long, all": {inputs(at(v1alpha1.QuiesceFrozen, timeout-margin), all), Thaw, v1alpha1.QuiesceThawing,
			"not all disks were cut"},
		"frozen, the guest ended": {with(func(in *Inputs) { in.Guest = nil },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), all)), Thaw, v1alpha1.QuiesceThawing, "guest ended"},
		"frozen, another guest": {with(func(in *Inputs) { in.Guest.InstanceUID = "guest-2" },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), all)), Thaw, v1alpha1.QuiesceThawing, "guest ended"},
		"frozen, moved": {with(func(in *Inputs) { in.Guest.NodeName = "node-2" },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), all)), Thaw, v1alpha1.QuiesceThawing, "migrate"},
		"frozen, moving": {with(func(in *Inputs) { in.Guest.Migrating = true },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), all)), Thaw, v1alpha1.QuiesceThawing, "migrate"},
		"frozen by another manager": {with(func(in *Inputs) { in.Called = time.Time{} },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), all)), Thaw, v1alpha1.QuiesceThawing, "manager that froze"},
		"frozen, a quota": {with(func(in *Inputs) { in.Cuts.Refused = "exceeded quota" },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), some)), Thaw, v1alpha1.QuiesceThawing, "exceeded quota"},
		"frozen, the storage fails": {with(func(in *Inputs) { in.Cuts.Failing = "pool is full" },
			inputs(at(v1alpha1.QuiesceFrozen, time.Second), some)), Thaw, v1alpha1.QuiesceThawing, "pool is full"},

		"thawing": {inputs(at(v1alpha1.QuiesceThawing, time.Second), all), Thaw, v1alpha1.QuiesceThawing, ""},
		"thawing, the guest ended": {with(func(in *Inputs) { in.Guest = nil },
			inputs(at(v1alpha1.QuiesceThawing, time.Second), all)), Wait, v1alpha1.QuiesceThawed,
			"the guest ended, or thawed"},
		"thawing, its own timer is over": {inputs(at(v1alpha1.QuiesceThawing, timeout+lateness), all), Wait,
			v1alpha1.QuiesceThawed, "the guest ended, or thawed"},

		"proven": {inputs(proven, all), Wait, v1alpha1.QuiesceThawed, ""},
		"thawed, a late freeze": {with(func(in *Inputs) { in.Guest.Frozen = true }, inputs(neverFrozen, none)),
			Thaw, v1alpha1.QuiesceThawed, ""},
		"frozen by another one, later": {
			with(func(in *Inputs) { in.Guest.Frozen = true },
				inputs(at(v1alpha1.QuiesceThawed, timeout+lateness), all)), Wait, v1alpha1.QuiesceThawed, "",
		},
		"could not be frozen":      {inputs(neverFrozen, none), Cut, v1alpha1.QuiesceThawed, ""},
		"could not be frozen, cut": {inputs(neverFrozen, some), Wait, v1alpha1.QuiesceThawed, ""},
		"could not, and required":  {with(required, inputs(neverFrozen, none)), Freeze, v1alpha1.QuiesceFreezing, ""},
		"ran out":                  {inputs(unproven, some), Wait, v1alpha1.QuiesceThawed, ""},
		"ran out, and required":    {with(required, inputs(unproven, some)), Discard, v1alpha1.QuiesceThawed, ""},
		"refused": {with(func(in *Inputs) { in.Cuts.Refused = "exceeded quota" }, inputs(unproven, some)), Discard,
			v1alpha1.QuiesceThawed, ""},
		"discarded": {inputs(unproven, none), Freeze, v1alpha1.QuiesceFreezing, ""},
		"discarded, too soon": {with(required, inputs(at(v1alpha1.QuiesceThawed, time.Second), none)), Wait,
			v1alpha1.QuiesceThawed, ""},
		"for the last time":           {with(required, inputs(exhausted, some)), Discard, v1alpha1.QuiesceThawed, ""},
		"for the last time, required": {with(required, inputs(exhausted, none)), GiveUp, v1alpha1.QuiesceThawed, ""},
		"for the last time, refused":  {inputs(exhausted, none), GiveUp, v1alpha1.QuiesceThawed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := row.in.Status.DeepCopy()
			decision := row.in.Decide()
			assert.Equal(t, row.act, decision.Act)
			assert.Equal(t, before, row.in.Status, "what was read is not changed")
			if row.step == "" {
				assert.Nil(t, decision.Status)
				return
			}
			require.NotNil(t, decision.Status)
			assert.Equal(t, row.step, decision.Status.Step)
			assert.Contains(t, decision.Status.Failure, row.failure)
		})
	}
}

func TestAWaitHasAnEnd(t *testing.T) {
	in := inputs(at(v1alpha1.QuiesceFrozen, 10*time.Second), Cuts{Wanted: 1, Made: 1})
	assert.Equal(t, timeout-margin-10*time.Second, in.Decide().After, "before the guest thaws itself")
	in = inputs(at(v1alpha1.QuiesceThawed, 2*time.Second), Cuts{Wanted: 1})
	in.Required = true
	assert.Equal(t, retry-2*time.Second, in.Decide().After)
}

func TestEachAttemptIsCounted(t *testing.T) {
	in := inputs(at(v1alpha1.QuiesceThawed, 20*time.Second), Cuts{Wanted: 1})
	in.Required = true
	decision := in.Decide()
	assert.EqualValues(t, 2, decision.Status.Attempts)
	assert.Equal(t, micro(now), decision.Status.CalledAt)
	assert.Nil(t, decision.Status.FrozenAt)
	assert.Empty(t, decision.Status.Failure)
}

func TestFreezeReturned(t *testing.T) {
	in := inputs(at(v1alpha1.QuiesceFreezing, time.Second), Cuts{Wanted: 1})
	status := in.FreezeReturned(nil)
	assert.Equal(t, v1alpha1.QuiesceFrozen, status.Step)
	assert.Equal(t, micro(now), status.FrozenAt)

	status = in.FreezeReturned(errors.New("no agent"))
	assert.Equal(t, v1alpha1.QuiesceThawing, status.Step, "it may be frozen all the same")
	assert.Nil(t, status.FrozenAt)
	assert.Contains(t, status.Failure, "no agent")

	status = in.FreezeReturned(errors.New(strings.Repeat("ä", 2000)))
	assert.Len(t, []rune(status.Failure), maxFailure)
}

// The proof: the call returned, all disks were seen cut, and the thaw was answered before the guest's own timer.
func TestProof(t *testing.T) {
	all, some := Cuts{Wanted: 2, Made: 2, Cut: 2}, Cuts{Wanted: 2, Made: 2, Cut: 1}
	for name, row := range map[string]struct {
		in     Inputs
		err    error
		proven bool
	}{
		"in time":        {inputs(at(v1alpha1.QuiesceThawing, timeout-margin-1), all), nil, true},
		"too late":       {inputs(at(v1alpha1.QuiesceThawing, timeout-margin), all), nil, false},
		"one is not cut": {inputs(at(v1alpha1.QuiesceThawing, time.Second), some), nil, false},
		"by another manager": {
			with(func(in *Inputs) { in.Called = time.Time{} }, inputs(at(v1alpha1.QuiesceThawing, time.Second), all)),
			nil, false,
		},
		"the thaw failed": {inputs(at(v1alpha1.QuiesceThawing, time.Second), all),
			errors.New("fsfreeze is limited up to 10 seconds"), false},
		"never frozen": {
			with(func(in *Inputs) { in.Status.FrozenAt = nil }, inputs(at(v1alpha1.QuiesceThawing, time.Second), all)),
			nil, false,
		},
		"something went wrong": {
			with(func(in *Inputs) { in.Status.Failure = "the guest ended" },
				inputs(at(v1alpha1.QuiesceThawing, time.Second), all)), nil, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, again := row.in.ThawReturned(row.err)
			assert.Equal(t, row.proven, status.Proven)
			assert.Equal(t, row.err != nil, again > 0)
			if !row.proven {
				assert.NotEmpty(t, status.Failure, "and it says why")
			}
			if row.err == nil {
				assert.Equal(t, v1alpha1.QuiesceThawed, status.Step)
			}
		})
	}
	// A thaw that failed once is no proof when it succeeds later: the guest may have thawed itself in between.
	in := inputs(at(v1alpha1.QuiesceThawing, time.Second), all)
	in.Status, _ = in.ThawReturned(errors.New("timeout"))
	status, _ := in.ThawReturned(nil)
	assert.False(t, status.Proven)
}

func TestOpen(t *testing.T) {
	assert.False(t, inputs(nil, Cuts{}).Open())
	for _, step := range []v1alpha1.QuiesceStep{
		v1alpha1.QuiesceFreezing, v1alpha1.QuiesceFrozen, v1alpha1.QuiesceThawing,
	} {
		assert.True(t, inputs(at(step, time.Second), Cuts{}).Open(), step)
		assert.False(t, inputs(at(step, timeout+lateness), Cuts{}).Open(), "the guest has thawed itself")
		assert.False(t, with(func(in *Inputs) { in.Guest = nil }, inputs(at(step, time.Second), Cuts{})).Open())
	}
	assert.False(t, inputs(at(v1alpha1.QuiesceThawed, time.Second), Cuts{}).Open())
}
