package wukongnetwork

import (
	"context"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	kubevirtv1 "kubevirt.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/lasting"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongnetwork/internal/hostbridge"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-network-controller"

// delete is never used: clusters with the admission plugin OwnerReferencesPermissionEnforcement ask it of whoever puts an owner
// reference on an object, as the umbrella's is put on this one.
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

// Reconciler brings WukongNetworks to what their spec says.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	namespaces   scope.Namespaces
	counted      *tally
}

// Reconcile looks at one WukongNetwork.
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

// applyMetadata makes the network a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation) error {
	return r.applier.Metadata(ctx, network.DeepCopy(), apply.Metadata{Umbrella: observed.umbrella.OwnerReference()})
}

// KeepNodeState is what the cache keeps of a NodeNetworkState.
func KeepNodeState(obj any) (any, error) { return hostbridge.Keep(obj) }

// SetupWithManager registers the controller with its watches.
func SetupWithManager(namespaces scope.Namespaces) func(ctrl.Manager, *dependency.Registry, clock.PassiveClock) error {
	return func(manager ctrl.Manager, dependencies *dependency.Registry, clock clock.PassiveClock) error {
		reconciler := &Reconciler{
			client:       manager.GetClient(),
			applier:      &apply.Applier{Client: manager.GetClient(), Live: manager.GetAPIReader(), FieldManager: fieldManager, Recorder: manager.GetEventRecorder(fieldManager)},
			dependencies: dependencies,
			clock:        clock,
			namespaces:   namespaces,
			counted:      &tally{written: map[types.NamespacedName]time.Time{}},
		}
		return reconciler.setup(manager)
	}
}

func (r *Reconciler) setup(manager ctrl.Manager) error {
	controller, err := ctrl.NewControllerManagedBy(manager).
		Named("wukongnetwork").
		For(&v1alpha1.WukongNetwork{}, builder.WithPredicates(watches.OwnChange())).
		Watches(&v1alpha1.WukongVM{}, networksOfMachine(), builder.WithPredicates(machineNetworksChanged())).
		Watches(&v1alpha1.WukongAddress{}, r.networksOfAddress(), builder.WithPredicates(comesOrGoes())).
		Watches(&v1alpha1.Wukong{}, umbrella.Handler(r.client, newList), builder.WithPredicates(umbrella.Predicate())).
		Watches(&v1alpha1.WukongHostNetworkPolicy{}, r.networksOfHostPolicy(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Namespace{}, r.networksOfNamespace(), builder.OnlyMetadata, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.Node{}, r.networksOfNodes(), builder.WithPredicates(nodeChange())).
		Watches(&v1alpha1.WukongNetwork{}, r.networksOfBridge(), builder.WithPredicates(hostbridge.WishChange())).
		Build(lasting.Telling(r, r.applier, r.clock, func() *v1alpha1.WukongNetwork { return &v1alpha1.WukongNetwork{} }))
	if err != nil {
		return err
	}
	// Who does not see all networks cannot know whether a bridge of the nodes is still wanted.
	if !r.namespaces.Limited() {
		if err := hostbridge.SetupWithManager(manager, r.dependencies); err != nil {
			return err
		}
	}
	if err := hostbridge.Watch(manager, r.dependencies, controller, r.networksOn, r.networksOnManaged); err != nil {
		return err
	}
	err = r.dependencies.Watch(controller, dependency.KubeVirts,
		source.Kind(manager.GetCache(), client.Object(&kubevirtv1.KubeVirt{}), r.networksOfBindings(), binding.Changed()),
		r.networksThatNeedBindings)
	if err != nil {
		return err
	}
	return r.dependencies.Watch(controller, dependency.NetworkAttachments,
		source.Kind(manager.GetCache(), client.Object(&networkv1.NetworkAttachmentDefinition{}), r.networksOf(), attachmentChange()),
		r.networksThatNeedMultus)
}

func newList() client.ObjectList { return &v1alpha1.WukongNetworkList{} }
