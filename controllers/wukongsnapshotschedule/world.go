package wukongsnapshotschedule

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/schedule"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule/internal/due"
	"github.com/novasphere/wukong/controllers/wukongsnapshotschedule/internal/retention"
)

// World is what a pass has read.
type World struct {
	now      time.Time
	umbrella umbrella.Link
	// times and trialTimes are the parsed schedules; trialTimes is nil without a trial. invalid is why there are none.
	times, trialTimes *schedule.Schedule
	invalid           error
	// hasSource: the WukongVM or WukongDisk exists.
	hasSource bool
	snapshots []*v1alpha1.WukongSnapshot
	// strangers is how many snapshots of another source carry the label of the schedule.
	strangers int
	// used are the names of the snapshots that would be deleted, but from which something is being made.
	used map[string]bool
	// named is the WukongSnapshot with the name that one for the last scheduled time has; nil for none.
	named *v1alpha1.WukongSnapshot
	// clone is the object that has the name of the WukongClone of the trial, guest that of its result; nil for none.
	clone *v1alpha1.WukongClone
	guest *v1alpha1.WukongVM
	// backups are those of the schedule. namesake has the name of the backup of the newest snapshot; nil for none.
	backups  []*v1alpha1.WukongBackup
	namesake *v1alpha1.WukongBackup
	// busy is another trial that is running; empty for none.
	busy string
}

func (r *Reconciler) observe(ctx context.Context, object *v1alpha1.WukongSnapshotSchedule) (*World, error) {
	world := &World{now: r.clock.Now(), used: map[string]bool{}}
	var err error
	if world.umbrella, err = umbrella.Observe(ctx, r.client, object); err != nil {
		return nil, err
	}
	world.parse(object)
	if err := r.observeSource(ctx, object, world); err != nil {
		return nil, err
	}
	if err := r.observeSnapshots(ctx, object, world); err != nil {
		return nil, err
	}
	if err := r.observeBackups(ctx, object, world); err != nil {
		return nil, err
	}
	return world, r.observeTrial(ctx, object, world)
}

// parse reads the schedules of the spec.
func (w *World) parse(object *v1alpha1.WukongSnapshotSchedule) {
	zone, err := schedule.Zone(object.Spec.TimeZone)
	if err != nil {
		w.invalid = fmt.Errorf("spec.timeZone: %w", err)
		return
	}
	if w.times, err = schedule.Parse(object.Spec.Schedule, zone); err != nil {
		w.invalid = fmt.Errorf("spec.schedule %w", err)
		return
	}
	if object.Spec.Trial == nil {
		return
	}
	if w.trialTimes, err = schedule.Parse(object.Spec.Trial.Schedule, zone); err != nil {
		w.invalid = fmt.Errorf("spec.trial.schedule %w", err)
	}
}

func (r *Reconciler) observeSource(
	ctx context.Context, object *v1alpha1.WukongSnapshotSchedule, world *World,
) error {
	source := object.Spec.Template.Spec.Source
	if source.VMRef != nil {
		vm, err := read.Get(ctx, r.client, object.Namespace, source.VMRef.Name, &v1alpha1.WukongVM{})
		world.hasSource = vm != nil && vm.DeletionTimestamp.IsZero()
		return err
	}
	disk, err := read.Get(ctx, r.client, object.Namespace, source.DiskRef.Name, &v1alpha1.WukongDisk{})
	world.hasSource = disk != nil && disk.DeletionTimestamp.IsZero()
	return err
}

// observeSnapshots lists the snapshots of the schedule: those with its label and its source.
func (r *Reconciler) observeSnapshots(
	ctx context.Context, object *v1alpha1.WukongSnapshotSchedule, world *World,
) error {
	list := &v1alpha1.WukongSnapshotList{}
	if err := r.client.List(ctx, list, client.InNamespace(object.Namespace),
		client.MatchingLabels{v1alpha1.LabelSchedule: object.Name}); err != nil {
		return fmt.Errorf("list the WukongSnapshots of WukongSnapshotSchedule %s: %w", object.Name, err)
	}
	for i := range list.Items {
		if isOf(object, &list.Items[i]) {
			world.snapshots = append(world.snapshots, &list.Items[i])
		} else {
			world.strangers++
		}
	}
	if world.times != nil {
		var err error
		name := due.Name(object.Name, world.times.Last(world.now))
		world.named, err = read.Get(ctx, r.client, object.Namespace, name, &v1alpha1.WukongSnapshot{})
		if err != nil {
			return err
		}
	}
	for _, snapshot := range world.retain(object).Delete {
		used, err := r.isUsed(ctx, snapshot)
		if err != nil {
			return err
		}
		world.used[snapshot.Name] = used
	}
	return nil
}

// isOf reports whether a snapshot is of the source of a schedule. One of another source stays what it is: an earlier
// schedule of the same name took it, or a user has set the label.
func isOf(object *v1alpha1.WukongSnapshotSchedule, snapshot *v1alpha1.WukongSnapshot) bool {
	asked, taken := object.Spec.Template.Spec.Source, snapshot.Spec.Source
	return snapshot.Labels[v1alpha1.LabelSchedule] == object.Name &&
		equality.Semantic.DeepEqual(asked.VMRef, taken.VMRef) && equality.Semantic.DeepEqual(asked.DiskRef, taken.DiskRef)
}

// retain decides which snapshots are deleted.
func (w *World) retain(object *v1alpha1.WukongSnapshotSchedule) retention.Decision {
	return retention.Inputs{
		Spec: object.Spec.Retention, Snapshots: w.snapshots, Used: w.used, Now: w.now,
	}.Decide()
}

// observeTrial reads the trial, and whether another one runs.
func (r *Reconciler) observeTrial(
	ctx context.Context, object *v1alpha1.WukongSnapshotSchedule, world *World,
) error {
	name := trialName(object)
	var err error
	if world.clone, err = read.Get(ctx, r.client, object.Namespace, name, &v1alpha1.WukongClone{}); err != nil {
		return err
	}
	if world.guest, err = read.Get(ctx, r.client, object.Namespace, name, &v1alpha1.WukongVM{}); err != nil {
		return err
	}
	if object.Spec.Trial == nil || world.clone != nil || ptr.Deref(object.Spec.Suspend, false) {
		return nil
	}
	world.busy, err = r.otherTrial(ctx, object.Namespace)
	return err
}

// otherTrial returns the trial that is running in the cluster; empty for none. One that takes long blocks only those of
// its own namespace, so that no tenant keeps the others from theirs.
func (r *Reconciler) otherTrial(ctx context.Context, namespace string) (string, error) {
	clones := &v1alpha1.WukongCloneList{}
	if err := r.client.List(ctx, clones, client.HasLabels{v1alpha1.LabelSchedule}); err != nil {
		return "", fmt.Errorf("list the trials: %w", err)
	}
	for i := range clones.Items {
		clone := &clones.Items[i]
		owner := metav1.GetControllerOf(clone)
		if owner == nil || owner.Kind != "WukongSnapshotSchedule" || clone.Name != owner.Name+trialSuffix ||
			!clone.DeletionTimestamp.IsZero() {
			continue // a user has set the label, or the trial has ended
		}
		switch {
		case clone.Namespace == namespace:
			return "that of WukongSnapshotSchedule " + owner.Name, nil
		case r.clock.Since(clone.CreationTimestamp.Time) < longTrial:
			return "one in another namespace", nil
		}
	}
	return "", nil
}
