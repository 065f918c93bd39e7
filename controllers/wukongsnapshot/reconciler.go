package wukongsnapshot

import (
	"context"
	"errors"
	"sync"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-snapshot-controller"

// The right to delete WukongSnapshots is for those whose ttlSecondsAfterFinished is over. Clusters with the admission
// plugin OwnerReferencesPermissionEnforcement also require it from a program that adds an owner reference to an object.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongdisks,verbs=get;list;watch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshotclasses,verbs=list
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachineinstances,verbs=get;list;watch
// +kubebuilder:rbac:groups=subresources.kubevirt.io,resources=virtualmachineinstances/freeze;virtualmachineinstances/unfreeze,verbs=update
// +kubebuilder:rbac:groups=apps,resources=controllerrevisions,verbs=get;create
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongSnapshots to the desired state.
type Reconciler struct {
	client client.Client
	// uncached creates what no cache holds, or what is only rehearsed: the client that reads its own writes would wait
	// for it.
	uncached     client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	agents       Agents
	// calls are the times when this process last called a guest agent for a snapshot, by the UID of the snapshot.
	// Another process finds the call in status, by a clock that may differ.
	calls sync.Map
}

// Reconcile is one pass over a WukongSnapshot.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	snapshot := &v1alpha1.WukongSnapshot{}
	if err := r.client.Get(ctx, request.NamespacedName, snapshot); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	observed, err := r.observe(ctx, snapshot)
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := r.settleOwnership(ctx, snapshot, observed); err != nil {
		return reconcile.Result{}, err
	}
	if !snapshot.DeletionTimestamp.IsZero() {
		if again := r.thawBeforeTheEnd(ctx, snapshot, observed); again > 0 {
			return reconcile.Result{RequeueAfter: again}, nil
		}
		r.calls.Delete(snapshot.UID)
		return reconcile.Result{}, r.applier.RemoveFinalizer(ctx, snapshot.DeepCopy(), v1alpha1.FinalizerSnapshot)
	}
	observed.outcome = steps.Run(ctx, r, snapshot, observed)
	state := evaluate(snapshot, observed, observed.outcome.Refused())
	result, err := observed.outcome.Conclude(state.After, func() (err error) {
		snapshot, err = r.writeStatus(ctx, snapshot, observed, state)
		return err
	})
	if err != nil {
		return result, err
	}
	cleanUp := func(ctx context.Context) error {
		r.calls.Delete(snapshot.UID)
		if snapshot.Status.Phase != v1alpha1.OperationFailed {
			return nil
		}
		return r.discard(ctx, observed)
	}
	return operation.End(ctx, r.client, r.applier.Recorder, snapshot, result, observed.now, cleanUp), nil
}

// steps are the writes of a pass over a snapshot that is not being deleted. Nothing is made before the snapshot has the
// finalizer that deletes or keeps it.
var steps = pass.New("wukongsnapshot",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("manifest", (*Reconciler).keepManifest, "metadata"),
	pass.Do("volume-snapshots", (*Reconciler).take, "manifest"),
)

// applyMetadata puts the finalizer on the snapshot, and makes it a dependent of its Wukong.
func (r *Reconciler) applyMetadata(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation,
) error {
	return r.applier.Metadata(ctx, snapshot.DeepCopy(), apply.Metadata{
		Finalizer: v1alpha1.FinalizerSnapshot, Umbrella: observed.umbrella.OwnerReference(),
	})
}

// take makes the VolumeSnapshots, once. The guest is frozen meanwhile if its agent can freeze it.
func (r *Reconciler) take(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	switch {
	case snapshot.Finished():
		return nil
	case snapshot.Status.Quiesce != nil:
		return r.takeFrozen(ctx, snapshot, observed)
	case !observed.parts.Begun() && observed.obstacle(snapshot) != nil:
		return nil
	case !observed.parts.Begun() && observed.consistency(snapshot).Freezable():
		return r.takeFrozen(ctx, snapshot, observed)
	}
	err := r.cut(ctx, snapshot, observed)
	if apply.Permanent(err) && len(observed.parts) > 1 {
		// The others would be of a later time. The snapshot begins again as a whole.
		err = errors.Join(err, r.discard(ctx, observed))
	}
	return err
}

// settleOwnership removes the owner of complete VolumeSnapshots that have to be retained, so that the garbage collector
// keeps them.
func (r *Reconciler) settleOwnership(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation,
) error {
	retained := snapshot.Spec.ReclaimPolicy == v1alpha1.ReclaimRetain && observed.parts.Ready() &&
		snapshot.Status.Phase != v1alpha1.OperationFailed && !observed.consistency(snapshot).Insufficient()
	for i := range observed.parts {
		one := &observed.parts[i]
		if one.Taken == nil || one.Deleting() {
			continue
		}
		if err := r.applier.SettleOwnership(ctx, snapshot, one.Taken, retained, nil); err != nil {
			return err
		}
	}
	return nil
}
