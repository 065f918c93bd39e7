package pass

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/controllers/internal/apply"
)

var errTaken = &apply.NameConflictError{Kind: "Secret", Name: "web"}

// run runs steps that end with errors, by their names in order.
func run(t *testing.T, errs ...error) *Outcome {
	t.Helper()
	var list []Step[*trace, string, int]
	for i, err := range errs {
		list = append(list, recorded(fmt.Sprint("step", i), err))
	}
	return New("test", list...).Run(t.Context(), &trace{}, "", 0)
}

// What becomes a condition, and what is retried. A step may hide one behind the other.
func TestWhatAnOutcomeReports(t *testing.T) {
	wrapped := fmt.Errorf("write the login: %w", errQuota)
	for name, row := range map[string]struct {
		errs    []error
		but     []string
		refused error
		failed  string
	}{
		"nothing":                      {[]error{nil, nil}, nil, nil, ""},
		"a refusal":                    {[]error{nil, errQuota}, nil, errQuota, ""},
		"the first of two refusals":    {[]error{errTaken, errQuota}, nil, errTaken, ""},
		"a wrapped refusal":            {[]error{wrapped}, nil, wrapped, ""},
		"a refusal with its condition": {[]error{errTaken, errQuota}, []string{"step0"}, errQuota, ""},
		"all with their conditions":    {[]error{errTaken, errQuota}, []string{"step0", "step1"}, nil, ""},
		"a failure":                    {[]error{errDown}, nil, nil, "connection refused"},
		"two failures": {[]error{errDown, nil, context.DeadlineExceeded}, nil, nil,
			"connection refused\ncontext deadline exceeded"},
		"a failure behind a refusal": {[]error{errQuota, errDown}, nil, errQuota, "connection refused"},
		"joined": {[]error{errors.Join(errDown, errTaken, errQuota)}, nil, errTaken,
			"connection refused"},
		"joined refusals":              {[]error{errors.Join(errTaken, errQuota)}, nil, errTaken, ""},
		"a failure with its condition": {[]error{errDown}, []string{"step0"}, nil, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := run(t, row.errs...)
			assert.Equal(t, row.refused, outcome.Refused(row.but...))
			if row.failed == "" {
				require.NoError(t, outcome.Failed())
				return
			}
			require.EqualError(t, outcome.Failed(), row.failed)
		})
	}
}

// A step that does not exist has no error: a controller that asks for one reads a condition of nothing.
func TestTheErrorOfAStep(t *testing.T) {
	outcome := run(t, errDown, nil)
	require.ErrorIs(t, outcome.Of("step0"), errDown)
	require.NoError(t, outcome.Of("step1"))
	require.NoError(t, outcome.Of("another"))
	var none *Outcome
	result, err := none.Conclude(time.Minute, func() error { return nil })
	require.NoError(t, err)
	assert.Equal(t, reconcile.Result{RequeueAfter: time.Minute}, result)
}

// Steps that were skipped say so until the one that they need succeeds, over several of them.
func TestAChainOfNeeds(t *testing.T) {
	for name, row := range map[string]struct {
		first error
		ran   []string
	}{
		"it succeeds": {nil, []string{"a", "b", "c", "d"}}, "it fails": {errDown, []string{"a", "d"}},
		"it is refused": {errQuota, []string{"a", "d"}},
	} {
		trace := &trace{}
		outcome := New("test", recorded("a", row.first), recorded("b", nil, "a"), recorded("c", nil, "b"),
			recorded("d", nil)).Run(t.Context(), trace, "", 0)
		assert.Equal(t, row.ran, trace.ran, name)
		assert.Equal(t, row.first != nil, errors.Is(outcome.Of("c"), ErrSkipped), name)
		assert.False(t, apply.Permanent(ErrSkipped), "what was skipped is no refusal of its own")
	}
}

// The time of the next pass is that of the refusal, whatever else was planned.
func TestTheTimeOfTheNextPass(t *testing.T) {
	report := func() error { return nil }
	for _, after := range []time.Duration{0, time.Second, time.Hour} {
		result, err := run(t, errQuota).Conclude(after, report)
		require.NoError(t, err)
		assert.Equal(t, RefusedRetry, result.RequeueAfter)
		result, err = run(t, nil).Conclude(after, report)
		require.NoError(t, err)
		assert.Equal(t, after, result.RequeueAfter)
	}
	result, err := run(t, errDown, errQuota).Conclude(time.Hour, func() error {
		t.Error("others act on a status")
		return nil
	})
	require.ErrorIs(t, err, errDown)
	assert.Zero(t, result)
}
