package wukongclone

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/scope"
)

// fieldManager owns the fields that this controller writes.
const fieldManager = "wukong-clone-controller"

// delete of WukongClones is for those whose ttlSecondsAfterFinished is over, and delete of WukongVMs and WukongDisks is
// for results of clones that failed. Clusters with the admission plugin OwnerReferencesPermissionEnforcement require
// finalizers of whoever puts an owner reference on an object.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongclones,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongclones/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongclones/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongnetworks;wukongaddresses,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms;wukongdisks;wukongsnapshots,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler makes what WukongClones ask for.
type Reconciler struct {
	client client.Client
	// uncached creates what is only rehearsed: the client that reads its own writes would wait for it.
	uncached client.Client
	// live reads what no cache holds.
	live    client.Reader
	applier *apply.Applier
	clock   clock.PassiveClock
	// namespaces are those of the release of Wukong.
	namespaces scope.Namespaces
}

// Reconcile is one pass over a WukongClone.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	clone := &v1alpha1.WukongClone{}
	if err := r.client.Get(ctx, request.NamespacedName, clone); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !clone.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.end(ctx, clone)
	}
	world, err := r.observe(ctx, clone)
	if err != nil {
		return reconcile.Result{}, err
	}
	plan := decide(clone, world)
	if plan.asksFor != nil {
		if world.references, err = r.observeReferences(ctx, clone.Namespace, *plan.asksFor); err != nil {
			return reconcile.Result{}, err
		}
		plan = decide(clone, world)
	}
	outcome := steps.Run(ctx, r, clone, &work{World: world, Plan: plan})
	if err := outcome.Refused(); err != nil {
		plan.state = plan.refused(clone, world, err)
	}
	result, err := outcome.Conclude(plan.state.After, func() (err error) {
		clone, err = r.writeStatus(ctx, clone, world, plan)
		return err
	})
	if err != nil {
		return result, err
	}
	if clone.Status.Phase == v1alpha1.OperationFailed && world.fills(clone) {
		return reconcile.Result{RequeueAfter: look}, nil // the snapshot would be deleted with the clone
	}
	return operation.End(ctx, r.client, r.applier.Recorder, clone, result, world.now,
		func(ctx context.Context) error { return r.cleanUp(ctx, clone, world) }), nil
}

// work is what the steps of a pass work on.
type work struct {
	*World
	*Plan
}

// steps are the writes of a pass. A pass makes or deletes one object at most. No snapshot is made before the clone has
// the finalizer that deletes it.
var steps = pass.New("wukongclone",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("snapshot", (*Reconciler).makeSnapshot, "metadata"),
	pass.Do("target", (*Reconciler).makeTarget),
	pass.Do("removal", (*Reconciler).removeTarget),
)

// applyMetadata puts the finalizer on the clone if it needs one, and makes it a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, clone *v1alpha1.WukongClone, work *work) error {
	return r.applier.Metadata(ctx, clone.DeepCopy(), apply.Metadata{
		Finalizer: finalizer(clone), Umbrella: work.umbrella.OwnerReference(),
	})
}

// makeSnapshot creates the temporary snapshot, which may freeze a guest. Before that it asks the API server whether it
// would accept the result: admission or a quota may refuse it.
func (r *Reconciler) makeSnapshot(ctx context.Context, _ *v1alpha1.WukongClone, work *work) error {
	if work.snapshot == nil {
		return nil
	}
	err := r.uncached.Create(ctx, work.rehearsed, client.FieldOwner(fieldManager), client.DryRunAll)
	if err != nil {
		return apply.Classify("WukongVM", work.rehearsed.GetName(), err)
	}
	return r.create(ctx, "WukongSnapshot", work.snapshot)
}

// makeTarget creates the result.
func (r *Reconciler) makeTarget(ctx context.Context, _ *v1alpha1.WukongClone, work *work) error {
	if work.target == nil {
		return nil
	}
	if err := r.create(ctx, work.record.Target.Kind, work.target); err != nil {
		return err
	}
	work.record.Target.UID = string(work.target.GetUID())
	return nil
}

// create creates an object that the cache did not show. If it exists, the next pass sees it.
func (r *Reconciler) create(ctx context.Context, kind string, obj client.Object) error {
	if err := r.client.Create(ctx, obj, client.FieldOwner(fieldManager)); err != nil {
		return apply.Classify(kind, obj.GetName(), err)
	}
	return nil
}

// removeTarget deletes the result of a clone that failed before any disk was complete.
func (r *Reconciler) removeTarget(ctx context.Context, _ *v1alpha1.WukongClone, work *work) error {
	if work.removes == nil {
		return nil
	}
	if err := r.remove(ctx, work.record.Target.Kind, work.removes); err != nil {
		return err
	}
	work.vm, work.disk = nil, nil
	return nil
}

// cleanUp deletes the temporary snapshot of a clone that is finished, and from which no disk is filled any more.
func (r *Reconciler) cleanUp(ctx context.Context, clone *v1alpha1.WukongClone, world *World) error {
	snapshot := world.temporary
	if snapshot == nil || !isTemporaryOf(snapshot, clone) || !snapshot.DeletionTimestamp.IsZero() {
		return nil
	}
	return r.remove(ctx, "WukongSnapshot", snapshot)
}

// remove deletes an object that was read, and no other of its name. A permanent refusal of the API server is a
// *apply.RefusedError.
func (r *Reconciler) remove(ctx context.Context, kind string, obj client.Object) error {
	uid := obj.GetUID()
	err := r.client.Delete(ctx, obj, client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		return apply.Classify(kind, obj.GetName(), err)
	}
	return nil
}
