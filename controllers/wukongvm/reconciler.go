package wukongvm

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addresses"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/guest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-vm-controller"

// secretRetry is how often a missing or unusable Secret of a user is read again. A watch would need the right to list
// every Secret of the cluster, which this operator must not have.
const secretRetry = 10 * time.Second

// The controller never deletes a WukongVM. It needs the right because the admission plugin
// OwnerReferencesPermissionEnforcement asks for it when an owner reference, such as the one to a Wukong, is added.
//
// The verb bypass allows it to create the networks of templates that an administrator wrote: the right of the author
// was checked when the template was written (config/crd/wukongnetwork-host-access.yaml).
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukonghostnetworkpolicies,resourceNames=cluster,verbs=bypass
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongnetworks,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots,verbs=get;list;watch;create
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongaddresses,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachines,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=kubevirts,verbs=get;list;watch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstances,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstancemigrations,verbs=list
// +kubebuilder:rbac:groups=subresources.kubevirt.io,resources=virtualmachineinstances/filesystemlist,verbs=get
// +kubebuilder:rbac:groups=k8s.cni.cncf.io,resources=network-attachment-definitions,verbs=get;list;watch
// +kubebuilder:rbac:groups=k8s.cni.cncf.io,resources=network-attachment-definitions,verbs=create;patch;delete
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=events;nodes,verbs=list
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongVMs to the state that their specs ask for.
type Reconciler struct {
	client client.Client
	// applier writes the VirtualMachine, childApplier WukongDisks and WukongNetworks, secrets the Secret.
	applier, childApplier, secrets *apply.Applier
	// uncached reads from the API server: a cache of Secrets would need the right to list all Secrets of the cluster.
	uncached client.Client
	// guests reads from the agents in the guests.
	guests       *guest.Reader
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	addresses    addresses.Assigner
	// enforcement of NetworkPolicies by the cluster's network plugin.
	enforcement policy.Enforcement
}

// Reconcile makes one pass over a WukongVM: it reads, decides, writes and reports.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	vm := &v1alpha1.WukongVM{}
	if err := r.client.Get(ctx, request.NamespacedName, vm); err != nil {
		if apierrors.IsNotFound(err) {
			r.addresses.Room.Leave(request.NamespacedName)
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
	if observed.madeDisk && observed.outcome.Refused() == nil {
		// The disks report in a moment. The next pass writes the status once for both.
		return observed.outcome.Conclude(gather, func() error { return nil })
	}
	report := func() error { return r.writeStatus(ctx, vm, observed) }
	return observed.outcome.Conclude(observed.retryAfter(vm, r.clock.Now()), report)
}

// retryAfter is when to read again what no watch reports; zero for never. The caches have only objects that Wukong
// manages: an unmanaged object that has a name that Wukong needs is not in them.
func (o *observation) retryAfter(vm *v1alpha1.WukongVM, now time.Time) time.Duration {
	waits := []time.Duration{
		o.restore.After, o.moveFacts.stall.RetryAfter, o.events.RetryAfter,
		guest.RetryAfter(vm, o.View, o.fileSystems, now),
	}
	if o.serviceRefused || o.networks.locks.Unseen || o.moves.AwaitsNode() {
		waits = append(waits, pass.RefusedRetry)
	}
	if o.cloudInit.Cause != nil {
		waits = append(waits, secretRetry)
	}
	waits = slices.DeleteFunc(waits, func(wait time.Duration) bool { return wait <= 0 })
	if len(waits) == 0 {
		return 0
	}
	return slices.Min(waits)
}
