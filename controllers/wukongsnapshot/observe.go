package wukongsnapshot

import (
	"context"
	"fmt"
	"slices"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/contents"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// observation is all that is read in one pass, and what was done in it.
type observation struct {
	umbrella umbrella.Link
	now      time.Time
	// served: the cluster serves VolumeSnapshots.
	served bool
	// source is what the snapshot is taken of. It is not read for a snapshot that is finished.
	source source
	// parts are the VolumeSnapshots, those that are to be made included.
	parts []part
	// done is what the steps of this pass did.
	done done
	// outcome is how this pass's writes ended; nil before them.
	outcome *pass.Outcome
}

// source is a WukongVM with its disks, or one disk.
type source struct {
	// vm is nil when it does not exist, or the source is a disk.
	vm *v1alpha1.WukongVM
	// disks by their names, without those that do not exist.
	disks map[string]*v1alpha1.WukongDisk
	// excluded are the disks of the WukongVM that the snapshot does not hold.
	excluded []v1alpha1.SnapshotExcludedDisk
	// problem is why it cannot be decided what the snapshot holds, or why that cannot be cut; nil when it can.
	problem *operation.State
	// writers are the machines that may write to the disks.
	writers []string
	// guest of the WukongVM; nil when none runs.
	guest *guest
	// rival is another snapshot that has the guest frozen, or is about to; empty for none.
	rival string
}

// part is the snapshot of one disk.
type part struct {
	v1alpha1.SnapshotDiskStatus
	// taken is our VolumeSnapshot; nil when it does not exist.
	taken *snapshotv1.VolumeSnapshot
	// conflict: a VolumeSnapshot of this name exists that is not ours.
	conflict bool
}

// done is what the steps of a pass did.
type done struct {
	// refused is why a VolumeSnapshot was not accepted; empty when all were.
	refused string
	// gaveUp: the guest could not be frozen as it must be.
	gaveUp bool
	// after is when to go on; zero for never.
	after time.Duration
}

func (r *Reconciler) observe(ctx context.Context, snapshot *v1alpha1.WukongSnapshot) (*observation, error) {
	observed := &observation{now: r.clock.Now()}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, snapshot); err != nil {
		return nil, err
	}
	if observed.served, err = r.dependencies.Served(ctx, dependency.VolumeSnapshots); err != nil {
		return nil, err
	}
	parts := snapshot.Status.Disks
	switch ref := snapshot.Spec.Source.DiskRef; {
	case ref != nil && len(parts) == 0:
		parts = []v1alpha1.SnapshotDiskStatus{{Name: ref.Name, DiskName: ref.Name, VolumeSnapshotName: snapshot.Name}}
		fallthrough
	case ref != nil:
		err = r.observeDisk(ctx, snapshot, ref.Name, &observed.source)
		if disk := observed.source.disks[ref.Name]; disk != nil && len(snapshot.Status.Disks) == 0 {
			parts[0].ClaimName, parts[0].Size, parts[0].StorageClassName = disk.Status.ClaimName, disk.Spec.Size, disk.Status.StorageClassName
		}
	default:
		parts, err = r.observeMachine(ctx, snapshot, observed)
	}
	if err != nil {
		return nil, err
	}
	return observed, r.observeParts(ctx, snapshot, observed, parts)
}

// observeParts reads the VolumeSnapshots.
func (r *Reconciler) observeParts(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, parts []v1alpha1.SnapshotDiskStatus,
) error {
	for _, one := range parts {
		found := part{SnapshotDiskStatus: one}
		if observed.served {
			existing, err := read.Get(ctx, r.client, snapshot.Namespace, one.VolumeSnapshotName, &snapshotv1.VolumeSnapshot{})
			if err != nil {
				return err
			}
			if existing != nil && model.Belongs(existing, snapshot) {
				found.taken = existing
			} else {
				found.conflict = existing != nil
			}
		}
		observed.parts = append(observed.parts, found)
	}
	return nil
}

func (r *Reconciler) observeDisk(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, name string, source *source) error {
	if snapshot.Finished() {
		return nil
	}
	disk, err := read.Get(ctx, r.client, snapshot.Namespace, name, &v1alpha1.WukongDisk{})
	if err != nil || disk == nil {
		return err
	}
	source.disks = map[string]*v1alpha1.WukongDisk{name: disk}
	source.writers, err = usage.Writers(ctx, r.client, disk)
	return err
}

// observeMachine reads the WukongVM with its guest and disks, and returns what the snapshot holds: once it has begun, what
// its status says.
func (r *Reconciler) observeMachine(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation,
) ([]v1alpha1.SnapshotDiskStatus, error) {
	begun := snapshot.Status.Disks
	if snapshot.Finished() || !observed.served {
		return begun, nil
	}
	source, name := &observed.source, snapshot.Spec.Source.VMRef.Name
	var err error
	if source.vm, err = read.Get(ctx, r.client, snapshot.Namespace, name, &v1alpha1.WukongVM{}); err != nil {
		return nil, err
	}
	if source.guest, err = r.observeGuest(ctx, snapshot.Namespace, name); err != nil {
		return nil, err
	}
	if source.rival, err = r.rival(ctx, r.client, snapshot); err != nil {
		return nil, err
	}
	if source.vm != nil {
		if source.disks, err = r.disksOf(ctx, source.vm); err != nil {
			return nil, err
		}
		if len(begun) == 0 {
			if begun, err = r.decideContents(ctx, snapshot, source); err != nil {
				return nil, err
			}
		}
	}
	for _, part := range begun {
		disk := source.disks[part.DiskName]
		if disk == nil {
			continue
		}
		writers, err := usage.Writers(ctx, r.client, disk)
		if err != nil {
			return nil, err
		}
		source.writers = append(source.writers, writers...)
	}
	if source.guest != nil {
		source.writers = append(source.writers, name) // whatever the WukongVM reports: its status is later than its guest
	}
	slices.Sort(source.writers)
	source.writers = slices.Compact(source.writers)
	return begun, nil
}

func (r *Reconciler) disksOf(ctx context.Context, vm *v1alpha1.WukongVM) (map[string]*v1alpha1.WukongDisk, error) {
	disks := map[string]*v1alpha1.WukongDisk{}
	for _, name := range model.DiskNames(vm) {
		disk, err := read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongDisk{})
		if err != nil {
			return nil, err
		}
		if disk != nil {
			disks[name] = disk
		}
	}
	return disks, nil
}

// decideContents decides what a snapshot that has not begun is to hold.
func (r *Reconciler) decideContents(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, source *source,
) ([]v1alpha1.SnapshotDiskStatus, error) {
	in := contents.Inputs{
		Snapshot: snapshot.Name, Selected: snapshot.Spec.Source.Disks, VM: source.vm, Disks: source.disks,
		ClassName: snapshot.Spec.VolumeSnapshotClassName, StorageClasses: map[string]*storagev1.StorageClass{},
	}
	for _, disk := range source.disks {
		name := disk.Status.StorageClassName
		if name == "" || in.StorageClasses[name] != nil {
			continue
		}
		class, err := read.Get(ctx, r.client, "", name, &storagev1.StorageClass{})
		if err != nil {
			return nil, err
		}
		if class != nil {
			in.StorageClasses[name] = class
		}
	}
	classes := &snapshotv1.VolumeSnapshotClassList{}
	if err := r.applier.Live.List(ctx, classes); err != nil {
		return nil, fmt.Errorf("list the VolumeSnapshotClasses: %w", err)
	}
	in.Classes = classes.Items
	decided, problem := in.Decide()
	if problem != nil && problem.Reason == v1alpha1.ReasonSnapshotUnsupported {
		problem.After = pass.RefusedRetry // no watch reports a new class
	}
	source.excluded, source.problem = decided.Excluded, problem
	return decided.Disks, nil
}

// ready reports whether the storage has taken a VolumeSnapshot for good. One that is being deleted is not.
func ready(taken *snapshotv1.VolumeSnapshot) bool {
	return taken != nil && taken.DeletionTimestamp.IsZero() && taken.Status != nil && ptr.Deref(taken.Status.ReadyToUse, false)
}

// isCut reports whether the content of a VolumeSnapshot is fixed: its time is that of the answer of CSI's CreateSnapshot, after
// which the guest may write again.
func isCut(taken *snapshotv1.VolumeSnapshot) bool {
	return ready(taken) ||
		taken != nil && taken.DeletionTimestamp.IsZero() && taken.Status != nil && taken.Status.CreationTime != nil
}

// begun reports whether a VolumeSnapshot of this snapshot exists.
func (o *observation) begun() bool {
	return slices.ContainsFunc(o.parts, func(one part) bool { return one.taken != nil })
}

func (o *observation) all(holds func(*snapshotv1.VolumeSnapshot) bool) bool {
	return len(o.parts) > 0 && !slices.ContainsFunc(o.parts, func(one part) bool { return !holds(one.taken) })
}

// cuts counts the VolumeSnapshots.
func (o *observation) cuts() quiesce.Cuts {
	counted := quiesce.Cuts{Wanted: len(o.parts), Refused: o.done.refused}
	for _, one := range o.parts {
		if one.taken == nil {
			continue
		}
		counted.Made++
		if isCut(one.taken) {
			counted.Cut++
		} else if status := one.taken.Status; status != nil && status.Error != nil {
			counted.Failing = fmt.Sprintf("VolumeSnapshot %s: %s", one.taken.Name, ptr.Deref(status.Error.Message, "it failed without a message"))
		}
	}
	return counted
}
