package pass

import (
	"context"
	"errors"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/controllers/internal/apply"
)

// RefusedRetry is how long a refused step waits for the next attempt: no watch reports that a quota, an admission policy or an object of someone
// else is gone.
const RefusedRetry = time.Minute

// Outcome is how the steps of a pass ended. The nil Outcome is one in which every step succeeded.
type Outcome struct {
	results []result
}

type result struct {
	step string
	err  error
}

// Refusal makes the outcome of a step that was refused or failed, for tests.
func Refusal(step string, err error) *Outcome {
	return &Outcome{results: []result{{step: step, err: err}}}
}

// Of returns the error of a step: nil when it succeeded, and ErrSkipped when it did not run.
func (o *Outcome) Of(step string) error {
	if o == nil {
		return nil
	}
	for i := range o.results {
		if o.results[i].step == step {
			return o.results[i].err
		}
	}
	return nil
}

func (o *Outcome) succeeded(steps []string) bool {
	for _, step := range steps {
		if o.Of(step) != nil {
			return false
		}
	}
	return true
}

// Refused returns the first refusal, which becomes a condition; nil without one. Steps whose refusals have a condition of their own are left out.
func (o *Outcome) Refused(but ...string) error {
	for _, err := range o.errors(but...) {
		if apply.Permanent(err) {
			return err
		}
	}
	return nil
}

// Failed returns the errors that a retry may resolve, joined; nil without any.
func (o *Outcome) Failed() error {
	var failed []error
	for _, err := range o.errors() {
		if !errors.Is(err, ErrSkipped) && !apply.Permanent(err) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// errors are those of all steps. A step that goes on after an error, because it writes several objects, joins its errors.
func (o *Outcome) errors(but ...string) []error {
	if o == nil {
		return nil
	}
	var all []error
	for i := range o.results {
		if slices.Contains(but, o.results[i].step) {
			continue
		}
		if joined, ok := o.results[i].err.(interface{ Unwrap() []error }); ok {
			all = append(all, joined.Unwrap()...)
		} else if o.results[i].err != nil {
			all = append(all, o.results[i].err)
		}
	}
	return all
}

// CleanUp returns when to try again what failed after the status was written, such as the deletion of what the object does not need any more: the object is as
// its status says, so that the error is logged only.
func CleanUp(ctx context.Context, err error, after time.Duration) reconcile.Result {
	if err != nil {
		log.FromContext(ctx).Error(err, "Cannot clean up; it is tried again", "after", RefusedRetry.String())
		after = RefusedRetry
	}
	return reconcile.Result{RequeueAfter: after}
}

// Result is what the reconciler returns: a retry with backoff after a failure, one after RefusedRetry after a refusal, and else one after the given
// time, zero for none.
func (o *Outcome) Result(after time.Duration) (reconcile.Result, error) {
	if err := o.Failed(); err != nil {
		return reconcile.Result{}, err
	}
	if o.Refused() != nil {
		after = RefusedRetry
	}
	return reconcile.Result{RequeueAfter: after}, nil
}
