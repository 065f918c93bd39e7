package kind

import (
	"context"
	"errors"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/lasting"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// build is a controller while its watches are added.
type build struct {
	kind       Kind
	env        Env
	reconciler reconcile.Reconciler
}

// Setup registers the controller with its watches.
func (k Kind) Setup(env Env) error {
	env.fieldManager = k.FieldManager
	reconciler, err := k.Start(env)
	if err != nil {
		return err
	}
	return build{kind: k, env: env, reconciler: reconciler}.setup()
}

func (b build) setup() error {
	made := ctrl.NewControllerManagedBy(b.env.Manager).Named(b.kind.Name)
	if b.kind.When != nil {
		made = made.For(b.kind.Object, builder.WithPredicates(b.kind.When))
	}
	for _, read := range b.kind.Reads {
		if read.API == nil {
			b.watch(made, read)
		}
	}
	if b.kind.Umbrella != Apart {
		links := umbrella.Handler(b.env.Client(), b.kind.NewList)
		made = made.Watches(&v1alpha1.Wukong{}, links, builder.WithPredicates(umbrella.Predicate()))
	}
	if b.kind.Sources != nil {
		for _, more := range b.kind.Sources(b.reconciler) {
			made = made.WatchesRawSource(more)
		}
	}
	target, err := made.Build(b.guarded())
	if err != nil {
		return err
	}
	for _, read := range b.kind.Reads {
		if read.API != nil {
			err = errors.Join(err, b.watchOptional(target, read))
		}
	}
	return err
}

// watch adds the watches of a type that the cluster serves.
func (b build) watch(made *builder.Builder, read Read) {
	for _, watch := range read.Watches {
		options := []builder.WatchesOption{builder.WithPredicates(watch.when...)}
		if read.OnlyMetadata {
			options = append(options, builder.OnlyMetadata)
		}
		made.Watches(read.Of, watch.handler(b), options...)
	}
}

// watchOptional adds the watches of a type from the moment at which the cluster serves it.
func (b build) watchOptional(target controller.Controller, read Read) error {
	affected := b.everything
	if read.Affected != nil {
		affected = read.Affected(b.reconciler)
	}
	for _, watch := range read.Watches {
		changes := source.Kind(b.env.Manager.GetCache(), read.Of, watch.handler(b), watch.when...)
		if err := b.env.Dependencies.Watch(target, *read.API, changes, affected); err != nil {
			return err
		}
	}
	return nil
}

// everything lists all objects of the kind.
func (b build) everything(ctx context.Context) []reconcile.Request {
	return watches.Requests(ctx, b.env.Client(), b.kind.NewList())
}

// guarded returns the reconciler, with a report of errors that last.
func (b build) guarded() reconcile.Reconciler {
	if !b.kind.ReportErrors {
		return b.reconciler
	}
	empty := func() lasting.Kind { return b.kind.NewObject().(lasting.Kind) }
	return lasting.Telling(b.reconciler, b.env.Applier(), b.env.Clock, empty)
}
