package wukongdisk

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/relay"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-disk-controller"

// The verb delete is never used. Clusters with the admission plugin OwnerReferencesPermissionEnforcement require it of
// an account that sets an owner reference on an object, as this controller sets that of the Wukong.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongimages,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongclones;wukongexports;wukongsnapshots,verbs=get;list;watch
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=datavolumes,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=datavolumes/source,verbs=create
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=cdiconfigs,verbs=get
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachines;virtualmachineinstances,verbs=get;list;watch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=secrets;configmaps;services,verbs=get;create;patch
// +kubebuilder:rbac:groups="",resources=events,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler makes WukongDisks what their spec asks for.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	relays       relay.Runner
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	namespaces   scope.Namespaces
}

// Reconcile is one pass over one WukongDisk.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	disk := &v1alpha1.WukongDisk{}
	if err := r.client.Get(ctx, request.NamespacedName, disk); err != nil {
		if apierrors.IsNotFound(err) {
			err = r.clearLeftover(ctx, request.NamespacedName)
		}
		return reconcile.Result{}, err
	}
	observed, err := r.observe(ctx, disk)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !disk.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.finalize(ctx, disk, observed)
	}
	if observed.DataVolume != nil && observed.OwnDataVolume() == nil {
		if err := r.clearLeftover(ctx, request.NamespacedName); err != nil { // of an earlier disk of this name
			return reconcile.Result{}, err
		}
	}
	if len(observed.lostOwners) > 0 {
		return reconcile.Result{}, r.removeOwners(ctx, disk, observed.lostOwners) // and the watch starts another pass
	}
	return r.carryOut(ctx, disk, observed)
}

// carryOut writes what a disk needs that is not being deleted, and its status.
func (r *Reconciler) carryOut(
	ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation,
) (reconcile.Result, error) {
	observed.outcome = steps.Run(ctx, r, disk, observed)
	result, err := observed.outcome.Conclude(observed.retryAfter(), func() error {
		return r.writeStatus(ctx, disk, observed)
	})
	if err != nil {
		return result, err
	}
	return pass.CleanUp(r.applier.Recorder, disk, result, r.deleteStale(ctx, observed)), nil
}

// retryAfter is when another pass has to read what no watch reports; zero for never.
func (o *observation) retryAfter() time.Duration {
	switch {
	case o.attachment.OutsideUser != "", o.sourceInputs().WaitsForOrigin(), o.restoreOrigin.Waits != "":
		return pass.RefusedRetry
	case o.relayInputs().IsNeeded() && !o.relayInputs().IsReady():
		return relay.Look
	case o.move.Again:
		return time.Millisecond
	default:
		return o.importer.Again
	}
}
