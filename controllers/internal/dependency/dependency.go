// Package dependency knows which optional APIs the cluster serves, and watches each from the moment it is served.
//
// KubeVirt, CDI, Multus and NMState may be installed after Wukong, or be removed later. A plain watch on a kind that
// is not served prevents a manager from starting. So each such watch begins when its CustomResourceDefinition is
// established, and reconcilers call Served before they read. An API that is removed keeps its watch: the reflector
// retries, and Served returns false meanwhile.
package dependency

import (
	"context"
	"fmt"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// API is an optional API of the cluster.
type API struct {
	// Resource is the name of the CustomResourceDefinition.
	Resource string
	// Product is what a user installs to get it.
	Product string
	// OfCluster: its objects are cluster-scoped.
	OfCluster bool
}

// Scope returns the scope of its objects, for a REST mapper.
func (a API) Scope() meta.RESTScope {
	if a.OfCluster {
		return meta.RESTScopeRoot
	}
	return meta.RESTScopeNamespace
}

// The optional APIs that Wukong builds on.
var (
	DataVolumes     = API{Resource: "datavolumes.cdi.kubevirt.io", Product: "CDI (Containerized Data Importer)"}
	DataSources     = API{Resource: "datasources.cdi.kubevirt.io", Product: "CDI (Containerized Data Importer)"}
	DataImportCrons = API{Resource: "dataimportcrons.cdi.kubevirt.io",
		Product: "CDI (Containerized Data Importer)"}
	VirtualMachines         = API{Resource: "virtualmachines.kubevirt.io", Product: "KubeVirt"}
	VirtualMachineInstances = API{Resource: "virtualmachineinstances.kubevirt.io", Product: "KubeVirt"}
	Migrations              = API{Resource: "virtualmachineinstancemigrations.kubevirt.io", Product: "KubeVirt"}
	VolumeSnapshots         = API{Resource: "volumesnapshots.snapshot.storage.k8s.io",
		Product: "The CSI external-snapshotter"}
	KubeVirts      = API{Resource: "kubevirts.kubevirt.io", Product: "KubeVirt"}
	NodePolicies   = nmstate("nodenetworkconfigurationpolicies")
	NodeEnactments = nmstate("nodenetworkconfigurationenactments")
	NodeStates     = nmstate("nodenetworkstates")
	// SecurityContextConstraints belong to OpenShift, where pods get the user IDs of their namespace. Nothing requires
	// them.
	SecurityContextConstraints = API{
		Resource: "securitycontextconstraints.security.openshift.io", Product: "OpenShift", OfCluster: true,
	}
	NetworkAttachments = API{Resource: "network-attachment-definitions.k8s.cni.cncf.io", Product: "Multus"}
)

func nmstate(plural string) API {
	return API{Resource: plural + ".nmstate.io", Product: "NMState (kubernetes-nmstate)", OfCluster: true}
}

// Missing returns the message of a condition with reason DependencyMissing.
func (a API) Missing() string {
	return fmt.Sprintf("%s is not installed: the cluster does not serve %s; install it, and the object "+
		"continues automatically", a.Product, a.Resource)
}

// Registry starts watches when APIs appear. All controllers of a manager share one.
type Registry struct {
	reader client.Reader
	cache  cache.Cache

	mutex   sync.Mutex
	pending map[string][]func() error
}

// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,verbs=get;list;watch

// NewRegistry returns a registry and adds its controller to the manager.
func NewRegistry(manager ctrl.Manager) (*Registry, error) {
	registry := &Registry{
		reader:  manager.GetClient(),
		cache:   manager.GetCache(),
		pending: map[string][]func() error{},
	}
	err := ctrl.NewControllerManagedBy(manager).
		Named("dependency").
		For(&apiextensionsv1.CustomResourceDefinition{}).
		WithEventFilter(servedChanged()).
		Complete(reconcile.Func(registry.reconcile))
	if err != nil {
		return nil, fmt.Errorf("set up the dependency controller: %w", err)
	}
	return registry, nil
}

// Served reports whether the cluster serves the API now.
func (r *Registry) Served(ctx context.Context, api API) (bool, error) {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := r.reader.Get(ctx, client.ObjectKey{Name: api.Resource}, definition); err != nil {
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		return false, fmt.Errorf("get CustomResourceDefinition %s: %w", api.Resource, err)
	}
	return established(definition), nil
}

// Watch adds a watch to a controller that starts when the API is served. When the API appears or disappears, it
// enqueues the requests that affected returns.
func (r *Registry) Watch(
	target controller.Controller, api API, watch source.Source, affected func(context.Context) []reconcile.Request,
) error {
	r.mutex.Lock()
	r.pending[api.Resource] = append(r.pending[api.Resource], func() error { return target.Watch(watch) })
	r.mutex.Unlock()

	return target.Watch(source.Kind(r.cache, client.Object(&apiextensionsv1.CustomResourceDefinition{}),
		handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
			return affected(ctx)
		}),
		servedChanged(),
		predicate.NewPredicateFuncs(func(obj client.Object) bool { return obj.GetName() == api.Resource })))
}

func (r *Registry) reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	served, err := r.Served(ctx, API{Resource: request.Name})
	if err != nil || !served {
		return reconcile.Result{}, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for len(r.pending[request.Name]) > 0 {
		if err := r.pending[request.Name][0](); err != nil {
			return reconcile.Result{}, fmt.Errorf("watch %s: %w", request.Name, err)
		}
		r.pending[request.Name] = r.pending[request.Name][1:]
	}
	return reconcile.Result{}, nil
}

// servedChanged accepts a definition that becomes established, is no longer established, or is deleted.
func servedChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, ok := e.ObjectOld.(*apiextensionsv1.CustomResourceDefinition)
			after, ok2 := e.ObjectNew.(*apiextensionsv1.CustomResourceDefinition)
			return ok && ok2 && established(before) != established(after)
		},
	}
}

// KeepDefinition copies what is read of a CustomResourceDefinition. The omitted schema is large.
func KeepDefinition(full, kept *apiextensionsv1.CustomResourceDefinition) {
	kept.Status.Conditions = full.Status.Conditions
}

func established(definition *apiextensionsv1.CustomResourceDefinition) bool {
	if !definition.DeletionTimestamp.IsZero() {
		return false
	}
	for _, condition := range definition.Status.Conditions {
		if condition.Type == apiextensionsv1.Established {
			return condition.Status == apiextensionsv1.ConditionTrue
		}
	}
	return false
}
