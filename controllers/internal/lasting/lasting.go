// Package lasting reports errors that last. A controller retries after a transient error, and the object keeps its
// previous status. That is right for a moment, and misleading after a while.
package lasting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
)

const (
	// patience is how long passes over an object may fail before the object reports it.
	patience = 10 * time.Second
	// writePatience is how long the write of that report may take: the pass itself may have used up its time.
	writePatience = 10 * time.Second
)

// Kind is an object of our API that has conditions.
type Kind interface {
	client.Object
	v1alpha1.Object
}

// Telling returns a reconciler that reports in the condition Ready of an object why its passes fail, until one
// succeeds and writes the whole status. Empty returns an empty object of the kind.
func Telling[T Kind](
	inner reconcile.Reconciler, applier *apply.Applier, clock clock.PassiveClock, empty func() T,
) reconcile.Reconciler {
	return &reporter[T]{inner: inner, applier: applier, clock: clock, empty: empty,
		since: map[types.NamespacedName]time.Time{}}
}

type reporter[T Kind] struct {
	inner   reconcile.Reconciler
	applier *apply.Applier
	clock   clock.PassiveClock
	empty   func() T

	mutex sync.Mutex
	// since when consecutive passes over an object have failed.
	since map[types.NamespacedName]time.Time
}

// Reconcile implements reconcile.Reconciler.
func (t *reporter[T]) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	note := func(err error) {
		if t.lasts(request.NamespacedName, err) {
			t.report(ctx, request.NamespacedName, err)
		}
	}
	defer func() {
		if cause := recover(); cause != nil {
			note(fmt.Errorf("a fault of Wukong, see the manager's log: panic: %v", cause))
			panic(cause) // the controller counts it, logs it and continues
		}
	}()
	result, err := t.inner.Reconcile(ctx, request)
	note(err)
	return result, err
}

// message returns the text of the condition Ready with reason ReconcileError.
func message(err error) string {
	return "this object cannot be reconciled at the moment; it is retried: " +
		strings.ReplaceAll(err.Error(), "\n", "; ")
}

// lasts records how a pass ended, and reports whether its error has lasted.
func (t *reporter[T]) lasts(name types.NamespacedName, err error) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if err == nil || errors.Is(err, context.Canceled) { // the manager is stopping
		delete(t.since, name)
		return false
	}
	since, before := t.since[name]
	if !before {
		t.since[name] = t.clock.Now()
	}
	return before && t.clock.Since(since) >= patience
}

func (t *reporter[T]) report(ctx context.Context, name types.NamespacedName, cause error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writePatience)
	defer cancel()
	before := t.empty()
	if err := t.applier.Live.Get(ctx, name, before); err != nil {
		return
	}
	if operation, ok := any(before).(v1alpha1.Operation); ok && operation.Finished() {
		return // its conditions are the record of how it ended
	}
	after := before.DeepCopyObject().(T)
	set := conditions.For(before, t.clock)
	set.False(v1alpha1.ConditionReady, v1alpha1.ReasonReconcileError, message(cause))
	list := after.GetConditions()
	meta.SetStatusCondition(&list, *set.Get(v1alpha1.ConditionReady))
	after.SetConditions(list)
	if err := t.applier.Status(ctx, before, after); err != nil {
		log.FromContext(ctx).Error(err, "Cannot tell of an error that lasts", "cause", cause.Error())
	}
}
