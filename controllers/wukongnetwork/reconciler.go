package wukongnetwork

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/scope"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-network-controller"

// delete is never used: clusters with the admission plugin OwnerReferencesPermissionEnforcement ask it of whoever puts
// an owner reference on an object, as the umbrella's is put on this one.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongnetworks,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongnetworks/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms;wukongaddresses,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukonghostnetworkpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch
// +kubebuilder:rbac:groups=k8s.cni.cncf.io,resources=network-attachment-definitions,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=kubevirt.io,resources=kubevirts,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler applies the desired state of WukongNetworks.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	namespaces   scope.Namespaces
	counted      *tally
}

// Reconcile runs a pass over one WukongNetwork.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	network := &v1alpha1.WukongNetwork{}
	if err := r.client.Get(ctx, request.NamespacedName, network); err != nil {
		if apierrors.IsNotFound(err) {
			r.counted.forget(request.NamespacedName)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	observed, err := r.observe(ctx, network)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !network.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.writeStatus(ctx, network, observed)
	}
	observed.outcome = steps.Run(ctx, r, network, observed)
	return observed.outcome.Conclude(observed.countAfter, func() error { return r.writeStatus(ctx, network, observed) })
}

// steps are the writes of a pass over a network that is not being deleted.
var steps = pass.New("wukongnetwork",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("attachment", (*Reconciler).applyAttachment),
)

// applyMetadata sets the owner reference of the network to its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation) error {
	return r.applier.Metadata(ctx, network.DeepCopy(), apply.Metadata{Umbrella: observed.umbrella.OwnerReference()})
}
