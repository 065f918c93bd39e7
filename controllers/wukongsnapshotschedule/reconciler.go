package wukongsnapshotschedule

import (
	"context"
	"errors"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// fieldManager owns the fields that this controller writes.
const fieldManager = "wukong-snapshot-schedule-controller"

// patch of WukongSnapshots is for their owner references, which follow onDelete. Clusters with the admission plugin
// OwnerReferencesPermissionEnforcement require the rights to delete an object, and to change the finalizers of its
// owner, of whoever puts an owner reference on it.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshotschedules,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshotschedules/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshotschedules/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongdisks;wukongexports,verbs=get;list;watch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongsnapshots,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongclones,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongbackups,verbs=get;list;watch;create;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler carries out WukongSnapshotSchedules.
type Reconciler struct {
	client  client.Client
	applier *apply.Applier
	clock   clock.PassiveClock
	// beginning is held while a trial begins: passes over several schedules run at the same time.
	beginning sync.Mutex
}

// Reconcile is one pass over a WukongSnapshotSchedule.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	schedule := &v1alpha1.WukongSnapshotSchedule{}
	if err := r.client.Get(ctx, request.NamespacedName, schedule); err != nil {
		if apierrors.IsNotFound(err) {
			forget(request.NamespacedName)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !schedule.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil // the garbage collector deletes the trial, and with onDelete Delete the snapshots
	}
	world, err := r.observe(ctx, schedule)
	if err != nil {
		return reconcile.Result{}, err
	}
	plan := decide(schedule, world)
	outcome := steps.Run(ctx, r, schedule, &work{World: world, Plan: plan})
	plan.conclude(schedule, outcome)
	return outcome.Conclude(plan.after, func() error { return r.writeStatus(ctx, schedule, world, plan) })
}

// work is what the steps of a pass work on.
type work struct {
	*World
	*Plan
}

// steps are the writes of a pass.
var steps = pass.New("wukongsnapshotschedule",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("snapshot", (*Reconciler).takeSnapshot),
	pass.Do("ownership", (*Reconciler).settleOwnership),
	pass.Do("retention", (*Reconciler).deleteSnapshots),
	pass.Do("backup", (*Reconciler).beginBackup),
	pass.Do("trial", (*Reconciler).runTrial),
)

// applyMetadata makes the schedule a dependent of its Wukong.
func (r *Reconciler) applyMetadata(
	ctx context.Context, schedule *v1alpha1.WukongSnapshotSchedule, work *work,
) error {
	return r.applier.Metadata(ctx, schedule.DeepCopy(), apply.Metadata{Umbrella: work.umbrella.OwnerReference()})
}

// takeSnapshot creates the snapshot that is due.
func (r *Reconciler) takeSnapshot(
	ctx context.Context, schedule *v1alpha1.WukongSnapshotSchedule, work *work,
) error {
	if work.take == nil {
		return nil
	}
	if schedule.Spec.OnDelete == v1alpha1.ScheduleDeletionDelete {
		if err := r.own(schedule, work.take); err != nil {
			return err
		}
	}
	return r.create(ctx, "WukongSnapshot", work.take)
}

// settleOwnership makes the snapshots dependents of the schedule, or not, as onDelete is now.
func (r *Reconciler) settleOwnership(
	ctx context.Context, schedule *v1alpha1.WukongSnapshotSchedule, work *work,
) error {
	owned := schedule.Spec.OnDelete == v1alpha1.ScheduleDeletionDelete
	var refused []error
	for _, before := range work.snapshots {
		owner := metav1.GetControllerOf(before)
		if owned == metav1.IsControlledBy(before, schedule) || owned && owner != nil || !before.DeletionTimestamp.IsZero() {
			continue
		}
		after := before.DeepCopy()
		if owned {
			if err := r.own(schedule, after); err != nil {
				return err
			}
		} else {
			after.OwnerReferences = slices.DeleteFunc(after.OwnerReferences,
				func(reference metav1.OwnerReference) bool { return reference.UID == schedule.UID })
		}
		// The version is a lock: a merge patch replaces the whole list.
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager))
		if client.IgnoreNotFound(err) != nil {
			refused = append(refused, apply.Classify("WukongSnapshot", after.Name, err))
		}
	}
	return errors.Join(refused...)
}

func (r *Reconciler) own(schedule *v1alpha1.WukongSnapshotSchedule, child client.Object) error {
	return controllerutil.SetControllerReference(schedule, child, r.client.Scheme(),
		controllerutil.WithBlockOwnerDeletion(false))
}

// deleteSnapshots deletes the snapshots that are no longer kept. One that must not be deleted does not keep the others.
func (r *Reconciler) deleteSnapshots(
	ctx context.Context, _ *v1alpha1.WukongSnapshotSchedule, work *work,
) error {
	var refused []error
	for _, snapshot := range work.retention.Delete {
		if err := r.remove(ctx, "WukongSnapshot", snapshot); err != nil {
			refused = append(refused, err)
		}
	}
	return errors.Join(refused...)
}

// runTrial creates the WukongClone of a trial, or deletes it.
func (r *Reconciler) runTrial(ctx context.Context, schedule *v1alpha1.WukongSnapshotSchedule, work *work) error {
	switch {
	case work.trial.remove != nil:
		return r.remove(ctx, "WukongClone", work.trial.remove)
	case work.trial.begin != nil:
		return r.beginTrial(ctx, schedule, work)
	default:
		return nil
	}
}

// beginTrial creates the WukongClone of a trial, unless another trial has begun since this pass looked.
func (r *Reconciler) beginTrial(ctx context.Context, schedule *v1alpha1.WukongSnapshotSchedule, work *work) error {
	r.beginning.Lock()
	defer r.beginning.Unlock()
	busy, err := r.otherTrial(ctx, schedule.Namespace)
	if err != nil {
		return err
	}
	if busy != "" {
		work.trial = waitsFor(busy)
		work.trialHandled = schedule.Status.LastTrialScheduleTime
		work.lookAfter(work.trial.after)
		return nil
	}
	if err := r.own(schedule, work.trial.begin); err != nil {
		return err
	}
	return r.create(ctx, "WukongClone", work.trial.begin)
}

// create creates an object that the cache did not show. If it exists, the next pass sees whose it is.
func (r *Reconciler) create(ctx context.Context, kind string, obj client.Object) error {
	if err := r.client.Create(ctx, obj, client.FieldOwner(fieldManager)); err != nil {
		return apply.Classify(kind, obj.GetName(), err)
	}
	return nil
}

// remove deletes an object that was read, and no other of its name. The version as well: a user who pins a snapshot at
// the last moment keeps it.
func (r *Reconciler) remove(ctx context.Context, kind string, obj client.Object) error {
	uid, version := obj.GetUID(), obj.GetResourceVersion()
	err := r.client.Delete(ctx, obj, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify(kind, obj.GetName(), err)
	}
	return nil
}
