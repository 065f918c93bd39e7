package wukongvm

import (
	"context"
	"fmt"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	kubevirtv1 "kubevirt.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/lasting"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/guest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/waiting"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-vm-controller"

// secretRetry is how often a missing or unusable Secret of a person is read again. A watch would tell, but needs the right to list every
// Secret of the cluster, which this operator does not want to have.
const secretRetry = 10 * time.Second

// delete of wukongvms is never used: clusters with the admission plugin OwnerReferencesPermissionEnforcement ask it of whoever puts an owner
// reference on an object, as the umbrella's is put on this one.
//
// bypass lets it make the networks of templates that an administrator wrote: who wrote them was asked when they were written
// (config/crd/wukongnetwork-host-access.yaml).
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukonghostnetworkpolicies,resourceNames=cluster,verbs=bypass
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks;wukongnetworks,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongaddresses,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachines,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=kubevirts,verbs=get;list;watch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstances,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstancemigrations,verbs=list
// +kubebuilder:rbac:groups=k8s.cni.cncf.io,resources=network-attachment-definitions,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=events;nodes,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongVMs to what their spec says.
type Reconciler struct {
	client client.Client
	// applier writes the VirtualMachine, stamper WukongDisks and WukongNetworks, secrets the Secret.
	applier, stamper, secrets *apply.Applier
	// uncached reads and writes Secrets, one by one: a cache of them would need the right to list all Secrets of the cluster.
	uncached client.Client
	// guests asks what runs inside.
	guests       *guest.Reader
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	// addresses are the locks of addresses, waiting the machines that wait for one.
	addresses *addresslock.ClientStore
	waiting   *waiting.Room
	// enforcement of NetworkPolicies by the cluster's network plugin.
	enforcement policy.Enforcement
}

// Reconcile looks at one WukongVM.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	vm := &v1alpha1.WukongVM{}
	if err := r.client.Get(ctx, request.NamespacedName, vm); err != nil {
		if apierrors.IsNotFound(err) {
			r.waiting.Leave(request.NamespacedName)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	observed, err := r.observe(ctx, vm)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !vm.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.writeStatus(ctx, vm, observed)
	}
	observed.outcome = steps.Run(ctx, r, vm, observed)
	if observed.stamped && observed.outcome.Refused() == nil {
		return observed.outcome.Conclude(gather, func() error { return nil }) // what the disks report in a moment is one write with this pass's
	}
	return observed.outcome.Conclude(observed.retryAfter(vm, r.clock.Now()), func() error { return r.writeStatus(ctx, vm, observed) })
}

// retryAfter is when to look again at what no watch tells of; zero for never. An object of someone else under a name that we need is not
// in the caches, which hold only ours.
func (o *observation) retryAfter(vm *v1alpha1.WukongVM, now time.Time) time.Duration {
	switch {
	case o.serviceRefused, o.locks.Unseen:
		return pass.RefusedRetry
	case o.cloudInit.problem != nil:
		return secretRetry
	case o.stall.RetryAfter > 0:
		return o.stall.RetryAfter
	case o.moves.AwaitsNode():
		return pass.RefusedRetry
	case o.told.again > 0:
		return o.told.again
	default:
		return o.fileSystemsAfter(vm, now)
	}
}

// SetupWithManager returns what registers the controller with its watches. What it is told of the enforcement of NetworkPolicies is one of
// Enforcements, or "".
func SetupWithManager(policyEnforcement string) func(ctrl.Manager, *dependency.Registry, clock.PassiveClock) error {
	return func(manager ctrl.Manager, dependencies *dependency.Registry, clock clock.PassiveClock) error {
		told, err := policy.Parse(policyEnforcement)
		if err != nil {
			return err
		}
		return setup(manager, dependencies, clock, told)
	}
}

func setup(manager ctrl.Manager, dependencies *dependency.Registry, clock clock.PassiveClock, told policy.Enforcement) error {
	uncached, err := client.New(manager.GetConfig(), client.Options{
		HTTPClient: manager.GetHTTPClient(), Scheme: manager.GetScheme(), Mapper: manager.GetRESTMapper(),
	})
	if err != nil {
		return fmt.Errorf("make the client for Secrets: %w", err)
	}
	guests, err := guest.NewReader(manager.GetConfig(), manager.GetHTTPClient())
	if err != nil {
		return err
	}
	reconciler := &Reconciler{
		client:       manager.GetClient(),
		uncached:     uncached,
		guests:       guests,
		applier:      &apply.Applier{Client: manager.GetClient(), Live: manager.GetAPIReader(), FieldManager: fieldManager, Recorder: manager.GetEventRecorder(fieldManager)},
		stamper:      &apply.Applier{Client: manager.GetClient(), FieldManager: fieldManager},
		secrets:      &apply.Applier{Client: uncached, FieldManager: fieldManager},
		dependencies: dependencies,
		clock:        clock,
		addresses:    &addresslock.ClientStore{Client: manager.GetClient(), Reader: manager.GetAPIReader(), FieldManager: fieldManager},
		waiting:      waiting.NewRoom(),
		enforcement:  told,
	}
	controller, err := ctrl.NewControllerManagedBy(manager).
		Named("wukongvm").
		For(&v1alpha1.WukongVM{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, ownerReferencesChanged()))).
		Watches(&v1alpha1.WukongDisk{}, reconciler.vmsUsing(byDisk), builder.WithPredicates(childChanged())).
		Watches(&v1alpha1.WukongNetwork{}, reconciler.vmsUsing(byNetwork), builder.WithPredicates(childChanged())).
		Watches(&corev1.Service{}, ofMachine(), builder.WithPredicates(serviceChanged())).
		Watches(&discoveryv1.EndpointSlice{}, reconciler.ofService(), builder.WithPredicates(endpointsChanged())).
		Watches(&networkingv1.NetworkPolicy{}, ofMachine(), builder.WithPredicates(changedByOthers())).
		Watches(&v1alpha1.WukongAddress{}, reconciler.addressFreed(), builder.WithPredicates(onlyDeletions())).
		Watches(&v1alpha1.WukongAddress{}, reconciler.addressTaken(), builder.WithPredicates(onlyCreations())).
		Watches(&v1alpha1.Wukong{}, umbrella.Handler(reconciler.client, newList), builder.WithPredicates(umbrella.Predicate())).
		Build(lasting.Telling(reconciler, reconciler.applier, reconciler.clock, func() *v1alpha1.WukongVM { return &v1alpha1.WukongVM{} }))
	if err != nil {
		return err
	}
	return reconciler.watchOptional(manager, controller)
}

// watchOptional adds the watches on what may be installed after Wukong.
func (r *Reconciler) watchOptional(manager ctrl.Manager, target controller.Controller) error {
	everything := func(ctx context.Context) []reconcile.Request { return watches.Requests(ctx, r.client, newList()) }
	all := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request { return everything(ctx) })
	kinds := manager.GetCache()
	kubevirt := func(handler handler.EventHandler, news predicate.Predicate) source.Source {
		return source.Kind(kinds, client.Object(&kubevirtv1.KubeVirt{}), handler, news)
	}
	for _, watch := range []struct {
		api      dependency.API
		watch    source.Source
		affected func(context.Context) []reconcile.Request
	}{
		{dependency.KubeVirts, kubevirt(r.vmsOfBindings(), binding.Changed()), r.vmsThatNeedBindings},
		{dependency.KubeVirts, kubevirt(all, gatesChanged()), everything},
		{dependency.NetworkAttachments, source.Kind(kinds, client.Object(&networkv1.NetworkAttachmentDefinition{}), ofMachine(), changedByOthers()), everything},
		{dependency.VirtualMachines, source.Kind(kinds, client.Object(&kubevirtv1.VirtualMachine{}), sameName()), everything},
		{dependency.VirtualMachineInstances, source.Kind(kinds, client.Object(&kubevirtv1.VirtualMachineInstance{}), sameName()), everything},
	} {
		if err := r.dependencies.Watch(target, watch.api, watch.watch, watch.affected); err != nil {
			return err
		}
	}
	return nil
}

func newList() client.ObjectList { return &v1alpha1.WukongVMList{} }
