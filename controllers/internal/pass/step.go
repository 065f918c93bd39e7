package pass

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// ErrSkipped is the error of a step that did not run because a step that it needs did not succeed.
var ErrSkipped = errors.New("skipped: a step that this one needs did not succeed")

// Step is one write of a pass, or a few that belong together. It is a method of the reconciler R, for an object O and
// the observations W of the pass.
type Step[R, O, W any] struct {
	name  string
	needs []string
	run   func(R, context.Context, O, W) error
}

// Do returns a step. Its name appears in needs, metrics and logs; needs are the names of earlier steps that must have
// succeeded.
func Do[R, O, W any](name string, run func(R, context.Context, O, W) error, needs ...string) Step[R, O, W] {
	return Step[R, O, W]{name: name, needs: needs, run: run}
}

// Steps is a list of steps whose needs are known to exist.
type Steps[R, O, W any] struct {
	controller string
	list       []Step[R, O, W]
}

// New returns the list of a controller. It panics on a duplicate name, and on a need that is not an earlier step.
func New[R, O, W any](controller string, list ...Step[R, O, W]) Steps[R, O, W] {
	earlier := map[string]bool{}
	for _, step := range list {
		for _, need := range step.needs {
			if !earlier[need] {
				panic(fmt.Sprintf("controller %s: step %q needs %q, which is not an earlier step", controller,
					step.name, need))
			}
		}
		if earlier[step.name] || step.name == "" {
			panic(fmt.Sprintf("controller %s: step %q has no name of its own", controller, step.name))
		}
		earlier[step.name] = true
	}
	return Steps[R, O, W]{controller: controller, list: list}
}

// Names returns the names of the steps, in their order.
func (s Steps[R, O, W]) Names() []string {
	names := make([]string, 0, len(s.list))
	for _, step := range s.list {
		names = append(names, step.name)
	}
	return names
}

// withOwners adds the owners of an object to the log, so that a search for a WukongVM finds what was done to its
// disks.
func withOwners(ctx context.Context, object any) context.Context {
	owned, ok := object.(metav1.Object)
	if !ok || len(owned.GetOwnerReferences()) == 0 {
		return ctx
	}
	logger := log.FromContext(ctx)
	for _, owner := range owned.GetOwnerReferences() {
		logger = logger.WithValues(owner.Kind, types.NamespacedName{Namespace: owned.GetNamespace(), Name: owner.Name})
	}
	return log.IntoContext(ctx, logger)
}

// Run runs the steps in their order.
func (s Steps[R, O, W]) Run(ctx context.Context, reconciler R, object O, observed W) *Outcome {
	ctx = withOwners(ctx, object)
	outcome := &Outcome{}
	for _, step := range s.list {
		var err error
		if outcome.succeeded(step.needs) {
			timer := prometheus.NewTimer(duration.WithLabelValues(s.controller, step.name))
			err = step.run(reconciler, ctx, object, observed)
			took := timer.ObserveDuration()
			log.FromContext(ctx).V(1).Info("Step done", "step", step.name, "duration", took.String(), "error", err)
		} else {
			err = ErrSkipped
		}
		outcome.results = append(outcome.results, result{step: step.name, err: err})
	}
	return outcome
}
