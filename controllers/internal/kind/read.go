package kind

import (
	"context"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
)

// Read is a type of object that a controller reads.
type Read struct {
	// Of is an empty object of the type.
	Of client.Object
	// Why is what the controller needs it for.
	Why string
	// API is set for a type that the cluster may not serve. Its watches begin when it does.
	API *dependency.API
	// Live: objects are read one by one, or listed, from the API server, and not cached or watched.
	Live bool
	// OnlyMetadata: the cache holds the metadata of the objects, and nothing else.
	OnlyMetadata bool
	// Everywhere: objects are read in all namespaces, also when the release works in some only.
	Everywhere bool
	// Labels and Fields select the objects that are read; nil for all.
	Labels labels.Selector
	Fields fields.Selector
	// Keep is how much of an object is read, as Kept describes it; nil for all of it. The manager caches nothing else.
	Keep Keep
	// Watches are the changes that start a pass; none for a type that is only looked up.
	Watches []Watch
	// Affected are the objects to reconcile when the API appears or disappears; nil for all of the kind. See Affects.
	Affected func(reconcile.Reconciler) func(context.Context) []reconcile.Request
}

// Managed selects the objects that Wukong created.
func Managed() labels.Selector {
	return labels.SelectorFromSet(labels.Set{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue})
}

// Watch starts passes when objects change.
type Watch struct {
	handler func(build) handler.EventHandler
	when    []predicate.Predicate
}

// On returns a watch whose handler is a method of the reconciler, for the changes that all predicates accept.
func On[R reconcile.Reconciler](method func(R) handler.EventHandler, when ...predicate.Predicate) Watch {
	return Watch{handler: func(b build) handler.EventHandler { return method(b.reconciler.(R)) }, when: when}
}

// Map returns a watch whose map function is a method of the reconciler.
func Map[R reconcile.Reconciler](
	method func(R, context.Context, client.Object) []reconcile.Request, when ...predicate.Predicate,
) Watch {
	return On(func(reconciler R) handler.EventHandler {
		return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
			return method(reconciler, ctx, obj)
		})
	}, when...)
}

// By returns a watch whose handler needs no reconciler.
func By(events handler.EventHandler, when ...predicate.Predicate) Watch {
	return Watch{handler: func(build) handler.EventHandler { return events }, when: when}
}

// Owned returns a watch that starts a pass over the controller owner, when that is of the kind.
func Owned(when ...predicate.Predicate) Watch {
	return Watch{handler: func(b build) handler.EventHandler {
		scheme, mapper := b.env.Manager.GetScheme(), b.env.Manager.GetRESTMapper()
		return handler.EnqueueRequestForOwner(scheme, mapper, b.kind.Object, handler.OnlyControllerOwner())
	}, when: when}
}

// Affects names the objects to reconcile when an API appears or disappears, by a method of the reconciler.
func Affects[R reconcile.Reconciler](
	method func(R, context.Context) []reconcile.Request,
) func(reconcile.Reconciler) func(context.Context) []reconcile.Request {
	return func(reconciler reconcile.Reconciler) func(context.Context) []reconcile.Request {
		return func(ctx context.Context) []reconcile.Request { return method(reconciler.(R), ctx) }
	}
}

// From gives the sources that a method of the reconciler lists.
func From[R reconcile.Reconciler](method func(R) []source.Source) func(reconcile.Reconciler) []source.Source {
	return func(reconciler reconcile.Reconciler) []source.Source { return method(reconciler.(R)) }
}
