package pass

import (
	"errors"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// RefusedRetry is how long a refused step waits for the next attempt: no watch reports that a quota, an admission
// policy or an unmanaged object is gone.
const RefusedRetry = time.Minute

// Outcome is how the steps of a pass ended. The nil Outcome is one in which every step succeeded.
type Outcome struct {
	results []result
}

type result struct {
	step string
	err  error
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

// Refused returns the first refusal, which becomes a condition, or nil. Steps whose refusals have their own condition
// are left out.
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

// errors returns those of all steps. A step that continues after an error, because it writes several objects, joins
// its errors.
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

// Conclude ends a pass and returns the reconciler's result: a retry with backoff after a failure, one after
// RefusedRetry after a refusal, and else one after the given time, zero for none. It calls report, which writes the
// status, unless a step failed.
func (o *Outcome) Conclude(after time.Duration, report func() error) (reconcile.Result, error) {
	if err := o.Failed(); err != nil {
		return reconcile.Result{}, err
	}
	if err := report(); err != nil {
		return reconcile.Result{}, err
	}
	if o.Refused() != nil {
		after = RefusedRetry
	}
	return reconcile.Result{RequeueAfter: after}, nil
}

// CleanUp reports, in an event, what failed after the status was written, such as the deletion of an object that is no
// longer needed: the status is right nevertheless. It returns the result of the pass, or a retry after RefusedRetry.
func CleanUp(
	recorder events.EventRecorder, object runtime.Object, result reconcile.Result, err error,
) reconcile.Result {
	if err == nil {
		return result
	}
	recorder.Eventf(object, nil, corev1.EventTypeWarning, v1alpha1.ReasonCleanUpFailed, "CleanUp",
		"%s; it is retried", err)
	return reconcile.Result{RequeueAfter: RefusedRetry}
}
