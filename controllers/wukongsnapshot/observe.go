package wukongsnapshot

import (
	"context"
	"fmt"
	"slices"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	storagev1 "k8s.io/api/storage/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/contents"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/guest"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/parts"
)

// observation is all that is read in a pass, and what its steps did.
type observation struct {
	umbrella umbrella.Link
	now      time.Time
	// served reports that the cluster serves VolumeSnapshots.
	served bool
	// source is what the snapshot is taken of. It is not read for a snapshot that is finished.
	source source
	// parts are the VolumeSnapshots, including those that have to be made.
	parts parts.Parts
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
	// problem is why the contents of the snapshot cannot be decided or cut; nil when they can.
	problem *operation.State
	// writers are the names of the WukongVMs that may write to the disks.
	writers []string
	// guest of the WukongVM; nil when none runs.
	guest *guest.Guest
	// competitor is another snapshot that has the guest frozen, or is about to; empty for none.
	competitor string
}

// done is what the steps of a pass did.
type done struct {
	// refused is why a VolumeSnapshot was not accepted; empty when all were.
	refused string
	// gaveUp reports that the guest could not be frozen as it must be.
	gaveUp bool
	// after is when to continue; zero for never.
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
	held := snapshot.Status.Disks
	switch ref := snapshot.Spec.Source.DiskRef; {
	case ref != nil && len(held) == 0:
		held = []v1alpha1.SnapshotDiskStatus{{Name: ref.Name, DiskName: ref.Name, VolumeSnapshotName: snapshot.Name}}
		fallthrough
	case ref != nil:
		err = r.observeDisk(ctx, snapshot, ref.Name, &observed.source)
		if disk := observed.source.disks[ref.Name]; disk != nil && len(snapshot.Status.Disks) == 0 {
			held[0].ClaimName, held[0].Size = disk.Status.ClaimName, disk.Spec.Size
			held[0].StorageClassName = disk.Status.StorageClassName
		}
	default:
		held, err = r.observeVM(ctx, snapshot, observed)
	}
	if err != nil {
		return nil, err
	}
	return observed, r.observeParts(ctx, snapshot, observed, held)
}

// observeParts reads the VolumeSnapshots of the disks that the snapshot holds.
func (r *Reconciler) observeParts(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, observed *observation, held []v1alpha1.SnapshotDiskStatus,
) error {
	for _, one := range held {
		found := parts.Part{SnapshotDiskStatus: one}
		if observed.served {
			existing, err := read.Get(ctx, r.client, snapshot.Namespace, one.VolumeSnapshotName, &snapshotv1.VolumeSnapshot{})
			if err != nil {
				return err
			}
			if existing != nil && model.Belongs(existing, snapshot) {
				found.Taken = existing
			} else {
				found.Conflict = existing != nil
			}
		}
		observed.parts = append(observed.parts, found)
	}
	return nil
}

// observeDisk reads the disk that the snapshot is taken of, and which WukongVMs may write to it.
func (r *Reconciler) observeDisk(
	ctx context.Context, snapshot *v1alpha1.WukongSnapshot, name string, source *source,
) error {
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

// observeVM reads the WukongVM with its guest and disks, and returns the disks that the snapshot holds. After the
// snapshot has begun, those are the ones in its status.
func (r *Reconciler) observeVM(
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
	if source.competitor, err = r.competitor(ctx, r.client, snapshot); err != nil {
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
		source.writers = append(source.writers, name) // the status of the WukongVM is later than its guest
	}
	slices.Sort(source.writers)
	source.writers = slices.Compact(source.writers)
	return begun, nil
}

// observeGuest reads the guest of a WukongVM; nil when none runs.
func (r *Reconciler) observeGuest(ctx context.Context, namespace, vm string) (*guest.Guest, error) {
	served, err := r.dependencies.Served(ctx, dependency.VirtualMachineInstances)
	if err != nil || !served {
		return nil, err
	}
	instance, err := read.Get(ctx, r.client, namespace, vm, &kubevirtv1.VirtualMachineInstance{})
	if err != nil || instance == nil {
		return nil, err
	}
	return guest.Of(instance), nil
}

// disksOf reads the disks of a WukongVM that exist, by their names.
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

// decideContents decides which disks a snapshot will hold that has not begun.
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
