package wukongclone

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/carry"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/manifest"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// World is all that is read in one pass.
type World struct {
	now      time.Time
	umbrella umbrella.Link
	// vm and disk have the name of the result; nil when they do not exist.
	vm   *v1alpha1.WukongVM
	disk *v1alpha1.WukongDisk
	// disks are the WukongDisks of the result, by name.
	disks map[string]*v1alpha1.WukongDisk
	// temporary has the name of the temporary snapshot; nil when it does not exist.
	temporary *v1alpha1.WukongSnapshot
	// origin is the source. It is read while there is no result.
	origin origin
	// references is what is known of the objects that matter to the result by their names; nil while it is not read.
	references *references
}

// origin is what is read of the source.
type origin struct {
	// outside: the release of Wukong does not work in the namespace of the source.
	outside bool
	// vm, disk and snapshot are the source; nil when it does not exist. For a snapshot, vm and disk are what it was taken
	// of, if that still exists.
	vm       *v1alpha1.WukongVM
	disk     *v1alpha1.WukongDisk
	snapshot *v1alpha1.WukongSnapshot
	// manifest is the WukongVM as the complete snapshot keeps it; nil when there is none.
	manifest *v1alpha1.WukongVM
	// snapshots are those of the WukongVM. They are read before the temporary one is made.
	snapshots []v1alpha1.WukongSnapshot
	// disks are the WukongDisks of the WukongVM.
	disks carry.LiveDisks
	// addresses are assigned to the WukongVM, or reserved for it.
	addresses []v1alpha1.WukongAddress
}

// references are the objects that matter to a result by their names.
type references struct {
	// missing are those that the result refers to and that do not exist.
	missing []string
	// disks exist, and have the names of disks that the result will make.
	disks []*v1alpha1.WukongDisk
}

func (r *Reconciler) observe(ctx context.Context, clone *v1alpha1.WukongClone) (*World, error) {
	world := &World{now: r.clock.Now(), disks: map[string]*v1alpha1.WukongDisk{}}
	namespace, name := model.CloneOrigin(clone).Namespace, clone.Spec.TargetName
	world.origin.outside = !r.namespaces.Contain(namespace)
	var err error
	if world.umbrella, err = umbrella.Observe(ctx, r.client, clone); err != nil {
		return nil, err
	}
	if clone.Spec.Source.VMRef != nil && !world.origin.outside {
		world.temporary, err = read.Get(
			ctx, r.client, namespace, model.CloneSnapshotName(clone), &v1alpha1.WukongSnapshot{})
		if err != nil {
			return nil, err
		}
	}
	if world.vm, err = read.Get(ctx, r.client, clone.Namespace, name, &v1alpha1.WukongVM{}); err != nil {
		return nil, err
	}
	if world.disk, err = read.Get(ctx, r.client, clone.Namespace, name, &v1alpha1.WukongDisk{}); err != nil {
		return nil, err
	}
	if world.vm != nil && (!clone.Finished() || world.temporary != nil) {
		if world.disks, err = r.disksOf(ctx, world.vm); err != nil {
			return nil, err
		}
	}
	if clone.Finished() || world.origin.outside {
		return world, nil
	}
	return world, r.observeOrigin(ctx, clone, world)
}

// disksOf reads the WukongDisks that a WukongVM lists.
func (r *Reconciler) disksOf(ctx context.Context, vm *v1alpha1.WukongVM) (map[string]*v1alpha1.WukongDisk, error) {
	found := map[string]*v1alpha1.WukongDisk{}
	for _, name := range model.DiskNames(vm) {
		disk, err := read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongDisk{})
		if err != nil {
			return nil, err
		}
		if disk != nil {
			found[name] = disk
		}
	}
	return found, nil
}

// observeOrigin reads the source. Of a result that exists only the snapshot is of interest: its point in time.
func (r *Reconciler) observeOrigin(ctx context.Context, clone *v1alpha1.WukongClone, world *World) error {
	source, namespace, origin := clone.Spec.Source, model.CloneOrigin(clone).Namespace, &world.origin
	var err error
	if source.SnapshotRef != nil {
		origin.snapshot, err = read.Get(ctx, r.client, namespace, source.SnapshotRef.Name, &v1alpha1.WukongSnapshot{})
	}
	if err != nil || world.result(clone) != nil {
		return err
	}
	if source.DiskRef != nil {
		origin.disk, err = read.Get(ctx, r.client, namespace, source.DiskRef.Name, &v1alpha1.WukongDisk{})
		return err
	}
	snapshot := origin.snapshot
	if source.VMRef != nil {
		snapshot = world.temporary
		if origin.vm, err = read.Get(ctx, r.client, namespace, source.VMRef.Name, &v1alpha1.WukongVM{}); err != nil {
			return err
		}
		if origin.snapshots, err = r.snapshotsOf(ctx, origin.vm, snapshot); err != nil {
			return err
		}
	}
	if snapshot != nil && snapshot.Finished() {
		if err := r.observeContent(ctx, snapshot, origin); err != nil {
			return err
		}
	}
	return r.observeMachine(ctx, clone, namespace, origin)
}

// observeContent reads what a finished snapshot is of.
func (r *Reconciler) observeContent(ctx context.Context, snapshot *v1alpha1.WukongSnapshot, origin *origin) error {
	var err error
	if reference := snapshot.Spec.Source.DiskRef; reference != nil {
		origin.disk, err = read.Get(ctx, r.client, snapshot.Namespace, reference.Name, &v1alpha1.WukongDisk{})
		return err
	}
	machine := snapshot.Status.Machine
	if machine == nil {
		return nil
	}
	if origin.vm == nil {
		origin.vm, err = read.Get(ctx, r.client, snapshot.Namespace, machine.Name, &v1alpha1.WukongVM{})
		if err != nil {
			return err
		}
	}
	origin.manifest, err = manifest.Read(ctx, r.live, snapshot)
	return err
}

// observeMachine reads the disks of the source, and the addresses that it has.
func (r *Reconciler) observeMachine(
	ctx context.Context, clone *v1alpha1.WukongClone, namespace string, origin *origin,
) error {
	vm := origin.manifest
	if vm == nil {
		vm = origin.vm
	}
	if vm == nil {
		return nil
	}
	disks, err := r.disksOf(ctx, vm)
	if err != nil {
		return err
	}
	origin.disks = disks
	if clone.Spec.Identity != v1alpha1.IdentityKeep {
		return nil
	}
	addresses := &v1alpha1.WukongAddressList{}
	err = r.client.List(ctx, addresses, client.MatchingFields{index.AddressByMachine: namespace + "/" + vm.Name})
	if err != nil {
		return fmt.Errorf("list the addresses of WukongVM %s: %w", vm.Name, err)
	}
	origin.addresses = addresses.Items
	return nil
}

// observeReferences looks for the objects that matter to a result by their names. Of Secrets it reads the metadata.
func (r *Reconciler) observeReferences(
	ctx context.Context, namespace string, asked carry.References,
) (*references, error) {
	found := &references{}
	for _, name := range asked.Networks {
		network, err := read.Get(ctx, r.client, namespace, name, &v1alpha1.WukongNetwork{})
		if err != nil {
			return nil, err
		}
		if network == nil {
			found.missing = append(found.missing, "WukongNetwork "+name)
		}
	}
	for _, name := range asked.Secrets {
		secret := &metav1.PartialObjectMetadata{}
		secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		existing, err := read.Get(ctx, r.live, namespace, name, secret)
		if err != nil {
			return nil, err
		}
		if existing == nil {
			found.missing = append(found.missing, "Secret "+name)
		}
	}
	for _, name := range asked.NewDisks {
		disk, err := read.Get(ctx, r.client, namespace, name, &v1alpha1.WukongDisk{})
		if err != nil {
			return nil, err
		}
		if disk != nil {
			found.disks = append(found.disks, disk)
		}
	}
	return found, nil
}

// result returns the WukongVM or WukongDisk with the name of the result that a WukongClone of this name made from this
// source; nil when there is none, or it is being deleted, or about to be.
func (w *World) result(clone *v1alpha1.WukongClone) client.Object {
	var named []client.Object
	if w.vm != nil && clone.Spec.Source.DiskRef == nil {
		named = append(named, w.vm)
	}
	if w.disk != nil && clone.Spec.Source.VMRef == nil {
		named = append(named, w.disk)
	}
	for _, obj := range named {
		if isMadeByName(obj, clone) && otherOrigin(obj, clone) == "" && obj.GetDeletionTimestamp().IsZero() &&
			!isLeaving(obj, clone) {
			return obj
		}
	}
	return nil
}

// isMadeByName reports whether a WukongClone of this name made an object.
func isMadeByName(obj client.Object, clone *v1alpha1.WukongClone) bool {
	return strings.HasPrefix(obj.GetAnnotations()[v1alpha1.AnnotationClonedBy], clone.Name+"/")
}

// otherOrigin returns what an object was cloned from; empty when that is the source of the clone, or not known.
func otherOrigin(obj client.Object, clone *v1alpha1.WukongClone) string {
	if from := obj.GetAnnotations()[v1alpha1.AnnotationClonedFrom]; from != model.CloneOrigin(clone).Key() {
		return from
	}
	return ""
}

// isMadeBy reports whether this WukongClone made an object, and not an earlier one of its name.
func isMadeBy(obj client.Object, clone *v1alpha1.WukongClone) bool {
	return obj.GetAnnotations()[v1alpha1.AnnotationClonedBy] == carry.Mark(clone)
}

// isLeaving reports whether an object is deleted with an earlier WukongClone of this name: the garbage collector will
// find that its owner does not exist any more.
func isLeaving(obj client.Object, clone *v1alpha1.WukongClone) bool {
	return slices.ContainsFunc(obj.GetOwnerReferences(), func(owner metav1.OwnerReference) bool {
		return owner.APIVersion == v1alpha1.GroupVersion.String() && owner.Kind == "WukongClone" &&
			owner.Name == clone.Name && owner.UID != clone.UID
	})
}
