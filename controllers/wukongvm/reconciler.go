package wukongvm

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
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
	case o.events.RetryAfter > 0:
		return o.events.RetryAfter
	default:
		return o.fileSystemsAfter(vm, now)
	}
}
