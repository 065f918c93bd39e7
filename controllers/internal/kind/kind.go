package kind

import (
	"context"
	"fmt"
	"reflect"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// Kind declares a kind and its controller.
type Kind struct {
	// Name is the name of the controller, of its folder and of its role.
	Name string
	// Object and List are empty objects of the kind. A controller that has no kind of its own, such as the one for the
	// bridges of nodes, has none.
	Object client.Object
	List   client.ObjectList
	// Umbrella is what an object of the kind is to the Wukong that it names in spec.wukongRef.
	Umbrella Membership
	// RoleOfItsOwn: users do not get the right to change objects of the kind by the built-in role edit, but by a
	// ClusterRole that an administrator binds.
	RoleOfItsOwn bool
	// Finalizer is the one that the controller puts on objects of the kind; empty for none.
	Finalizer string
	// FieldManager owns the fields that the controller applies.
	FieldManager string
	// ReportErrors: errors that last become the condition Ready of the object, by package lasting.
	ReportErrors bool
	// When accepts the changes of an object that start a pass over it. It is nil when one of the Reads watches the
	// objects of the kind.
	When predicate.Predicate
	// Reads are what the controller reads, its own objects apart.
	Reads []Read
	// Indexes are what the controller looks up by, the one by spec.wukongRef apart. An index makes the manager watch
	// its kind, so a manager gets only those that its controllers have the right to watch.
	Indexes []index.Entry
	// Start creates the reconciler.
	Start func(Env) (reconcile.Reconciler, error)
	// Sources are what else starts a pass; nil for nothing. See From.
	Sources func(reconcile.Reconciler) []source.Source
}

// Membership is what an object is to the Wukong that it names.
type Membership int

const (
	// Apart is an object that names no Wukong.
	Apart Membership = iota
	// Part is a part of an application, which counts in its health.
	Part
	// Operation is something that is done to the parts of an application, and no part of it.
	Operation
)

// Type is the name of the kind, such as WukongVM.
func (k Kind) Type() string { return reflect.TypeOf(k.Object).Elem().Name() }

// NewObject returns an empty object of the kind.
func (k Kind) NewObject() client.Object { return k.Object.DeepCopyObject().(client.Object) }

// NewList returns an empty list of the kind.
func (k Kind) NewList() client.ObjectList { return k.List.DeepCopyObject().(client.ObjectList) }

// Mover is the pods that move the bytes of disks.
type Mover struct {
	// Image of the pods: the manager's own. Without it there are no exports.
	Image string
	// PullSecrets are the names of Secrets with which kubelet pulls the image, in the namespace of each export.
	PullSecrets []string
}

// Settings are what controllers need to know that no object of the cluster contains.
type Settings struct {
	// Mover is the pods that move the bytes of disks.
	Mover Mover
	// NetworkPolicyEnforcement reports whether the cluster's network plugin enforces NetworkPolicies, as
	// wukongvm.Enforcements lists.
	NetworkPolicyEnforcement string
	// Namespaces that the release works in, the same as those of the manager's cache; none for all.
	Namespaces scope.Namespaces
}

// Env is what a controller gets from the manager that it runs in.
type Env struct {
	Manager      ctrl.Manager
	Dependencies *dependency.Registry
	Clock        clock.PassiveClock
	Settings     Settings

	fieldManager string
}

// Client reads from the cache, and writes to the API server.
func (e Env) Client() client.Client { return e.Manager.GetClient() }

// Applier writes as the field manager of the kind, and creates its events.
func (e Env) Applier() *apply.Applier {
	return &apply.Applier{
		Client: e.Manager.GetClient(), Live: e.Manager.GetAPIReader(),
		FieldManager: e.fieldManager, Recorder: e.Manager.GetEventRecorder(e.fieldManager),
	}
}

// Uncached returns a client that reads from the API server, for objects that no cache holds.
func (e Env) Uncached() (client.Client, error) {
	uncached, err := client.New(e.Manager.GetConfig(), client.Options{
		HTTPClient: e.Manager.GetHTTPClient(), Scheme: e.Manager.GetScheme(), Mapper: e.Manager.GetRESTMapper(),
	})
	if err != nil {
		return nil, fmt.Errorf("make a client without a cache: %w", err)
	}
	return uncached, nil
}

// RegisterIndexes adds what the controllers of some kinds look up by, each index once. An index costs a map entry per
// object.
func RegisterIndexes(ctx context.Context, indexer client.FieldIndexer, kinds []Kind) error {
	var entries []index.Entry
	for _, kind := range kinds {
		if kind.Umbrella != Apart {
			entries = append(entries, index.Entry{Of: kind.Object, Field: umbrella.IndexName, Keys: umbrella.Index})
		}
		entries = append(entries, kind.Indexes...)
	}
	return index.Register(ctx, indexer, entries)
}
