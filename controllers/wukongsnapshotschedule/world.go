package wukongsnapshotschedule

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/schedule"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
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
	// used are the names of the snapshots that would be deleted, but from which something is being restored or cloned.
	used map[string]bool
	// foreign are the names of the WukongSnapshots of the namespace that do not belong to the schedule.
	foreign map[string]bool
	// clone is the object that has the name of the WukongClone of the trial, guest that of its result; nil for none.
	clone *v1alpha1.WukongClone
	guest *v1alpha1.WukongVM
	// busy is another schedule whose trial is running, as namespace/name; empty for none.
	busy string
}

func (r *Reconciler) observe(ctx context.Context, object *v1alpha1.WukongSnapshotSchedule) (*World, error) {
	world := &World{now: r.clock.Now(), used: map[string]bool{}, foreign: map[string]bool{}}
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

// observeSnapshots lists the WukongSnapshots of the namespace: those of the schedule, and names that are taken.
func (r *Reconciler) observeSnapshots(
	ctx context.Context, object *v1alpha1.WukongSnapshotSchedule, world *World,
) error {
	list := &v1alpha1.WukongSnapshotList{}
	if err := r.client.List(ctx, list, client.InNamespace(object.Namespace)); err != nil {
		return fmt.Errorf("list the WukongSnapshots of namespace %s: %w", object.Namespace, err)
	}
	for i := range list.Items {
		snapshot := &list.Items[i]
		if snapshot.Labels[v1alpha1.LabelSchedule] != object.Name {
			world.foreign[snapshot.Name] = true
			continue
		}
		world.snapshots = append(world.snapshots, snapshot)
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

// retain decides which snapshots are deleted.
func (w *World) retain(object *v1alpha1.WukongSnapshotSchedule) retention.Decision {
	return retention.Inputs{
		Spec: object.Spec.Retention, Snapshots: w.snapshots, Used: w.used, Now: w.now,
	}.Decide()
}

// isUsed reports whether something is being restored or cloned from a snapshot.
func (r *Reconciler) isUsed(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (bool, error) {
	key := model.Origin{Kind: model.KindWukongSnapshot, Namespace: snapshot.Namespace, Name: snapshot.Name}.Key()
	clones := &v1alpha1.WukongCloneList{}
	if err := r.client.List(ctx, clones, client.MatchingFields{index.CloneBySource: key}); err != nil {
		return false, fmt.Errorf("list the WukongClones of WukongSnapshot %s: %w", snapshot.Name, err)
	}
	for i := range clones.Items {
		if !clones.Items[i].Finished() {
			return true, nil
		}
	}
	disks := &v1alpha1.WukongDiskList{}
	if err := r.client.List(ctx, disks, client.MatchingFields{index.DiskByOrigin: key}); err != nil {
		return false, fmt.Errorf("list the WukongDisks from WukongSnapshot %s: %w", snapshot.Name, err)
	}
	for i := range disks.Items {
		if !disks.Items[i].Complete() {
			return true, nil
		}
	}
	vms := &v1alpha1.WukongVMList{}
	if err := r.client.List(ctx, vms, client.InNamespace(snapshot.Namespace),
		client.MatchingFields{index.VMBySnapshot: snapshot.Name}); err != nil {
		return false, fmt.Errorf("list the WukongVMs that are restored from WukongSnapshot %s: %w", snapshot.Name, err)
	}
	for i := range vms.Items {
		if model.ReadsSnapshot(&vms.Items[i]) {
			return true, nil
		}
	}
	return false, nil
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
	world.busy, err = r.otherTrial(ctx)
	return err
}

// otherTrial returns the schedule whose trial is running, as namespace/name; empty for none.
func (r *Reconciler) otherTrial(ctx context.Context) (string, error) {
	clones := &v1alpha1.WukongCloneList{}
	if err := r.client.List(ctx, clones, client.HasLabels{v1alpha1.LabelSchedule}); err != nil {
		return "", fmt.Errorf("list the trials: %w", err)
	}
	for i := range clones.Items {
		// Without the owner it is not a trial: a user has set the label.
		owner := metav1.GetControllerOf(&clones.Items[i])
		if owner != nil && owner.Kind == "WukongSnapshotSchedule" {
			return clones.Items[i].Namespace + "/" + owner.Name, nil
		}
	}
	return "", nil
}
