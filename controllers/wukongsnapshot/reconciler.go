package wukongsnapshot

import (
	"context"
	"fmt"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// delete of WukongSnapshots is for those whose ttlSecondsAfterFinished is over. Clusters with the admission plugin
// OwnerReferencesPermissionEnforcement also require it of whoever puts an owner reference on an object.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongdisks,verbs=get;list;watch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongSnapshots to what their spec says.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
}

// Reconcile looks at one WukongSnapshot.
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
	return operation.End(ctx, r.client, r.applier.Recorder, snapshot, result, observed.now, func(ctx context.Context) error {
		return r.giveUp(ctx, snapshot, observed)
	}), nil
}

// steps are the writes of a pass over a snapshot that is not being deleted. Nothing is made before the finalizer is there that deletes or keeps it.
var steps = pass.New("wukongsnapshot",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("volume-snapshot", (*Reconciler).take, "metadata"),
)

// applyMetadata puts the finalizer on the snapshot, and makes it a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	return r.applier.Metadata(ctx, snapshot.DeepCopy(), apply.Metadata{Finalizer: v1alpha1.FinalizerSnapshot, Umbrella: observed.umbrella.OwnerReference()})
}

// take makes the VolumeSnapshot, once.
func (r *Reconciler) take(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	if snapshot.Finished() || observed.taken != nil || obstacle(snapshot, observed) != nil {
		return nil
	}
	applied, err := apply.Child(ctx, r.applier, snapshot, desiredVolumeSnapshot(snapshot, observed))
	if err != nil {
		return err
	}
	observed.taken = applied
	return nil
}

func desiredVolumeSnapshot(snapshot *v1alpha1.WukongSnapshot, observed *observation) *snapshotv1.VolumeSnapshot {
	desired := &snapshotv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Name: snapshot.Name, Namespace: snapshot.Namespace,
			Annotations: map[string]string{v1alpha1.AnnotationSnapshotBegun: string(consistency(observed.writers))},
		},
		Spec: snapshotv1.VolumeSnapshotSpec{Source: snapshotv1.VolumeSnapshotSource{PersistentVolumeClaimName: &observed.disk.Status.ClaimName}},
	}
	if class := snapshot.Spec.VolumeSnapshotClassName; class != "" {
		desired.Spec.VolumeSnapshotClassName = &class
	}
	return desired
}

// settleOwnership keeps a complete VolumeSnapshot that shall be retained out of the garbage collector's reach.
func (r *Reconciler) settleOwnership(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	if observed.taken == nil || !observed.taken.DeletionTimestamp.IsZero() {
		return nil
	}
	retained := snapshot.Spec.ReclaimPolicy == v1alpha1.ReclaimRetain && ready(observed.taken) &&
		snapshot.Status.Phase != v1alpha1.OperationFailed && !insufficient(snapshot, observed)
	return r.applier.SettleOwnership(ctx, snapshot, observed.taken, retained, nil)
}

// giveUp deletes the VolumeSnapshot of a snapshot that failed: it could become ready later, of which nobody would know.
func (r *Reconciler) giveUp(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation) error {
	taken := observed.taken
	if snapshot.Status.Phase != v1alpha1.OperationFailed || taken == nil || !taken.DeletionTimestamp.IsZero() {
		return nil
	}
	uid := taken.UID
	if err := r.client.Delete(ctx, taken, client.Preconditions{UID: &uid}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete VolumeSnapshot %s, which is given up: %w", taken.Name, err)
	}
	return nil
}
