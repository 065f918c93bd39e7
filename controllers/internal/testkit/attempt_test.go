package testkit

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnAttemptFailsAsItsAssertionsDo(t *testing.T) {
	good := &Attempt{}
	assert.True(t, good.make(func(now *Attempt) { assert.True(now, true) }))

	soft := &Attempt{}
	reached := false
	assert.False(t, soft.make(func(now *Attempt) {
		assert.Equal(now, "wanted", "found")
		reached = true
	}))
	assert.True(t, reached, "an assertion that fails is not the end of the look")
	assert.Contains(t, soft.String(), "wanted")

	hard := &Attempt{}
	assert.False(t, hard.make(func(now *Attempt) {
		require.NoError(now, errors.New("no answer"))
		t.Error("a requirement that fails is the end of the look")
	}))
	assert.Contains(t, hard.String(), "no answer")

	assert.False(t, (&Attempt{}).make(func(now *Attempt) { now.FailNow() }))
	assert.Panics(t, func() { (&Attempt{}).make(func(*Attempt) { panic("a mistake in the test") }) })
}

// Passes are counted by what controllers log. Each test that waits for idle controllers also checks that these are the
// texts of controller-runtime.
func TestWorkIsCountedByWhatControllersLog(t *testing.T) {
	work := &work{role: operator}
	log := work.logger().WithValues("controller", "wukongdisk", "namespace", "shop", "name", "root")
	assert.False(t, work.idleFor(time.Hour), "it has only begun")

	log.V(5).Info("Reconciling")
	assert.False(t, work.idleFor(0))
	assert.Contains(t, work.String(), "0 passes, 1 under way")
	assert.Contains(t, work.String(), "wukongdisk/shop/root")
	log.V(5).Info("Reconcile successful")
	assert.True(t, work.idleFor(0))
	assert.Equal(t, 1, work.passes())

	log.V(5).Info("Reconciling")
	log.Error(errors.New("a step failed"), "said by the reconciler itself")
	assert.False(t, work.idleFor(0))
	log.Error(errors.New("no route to host"), "Reconciler error")
	assert.Equal(t, 2, work.passes())
	assert.Contains(t, work.String(), "no route to host")
}
