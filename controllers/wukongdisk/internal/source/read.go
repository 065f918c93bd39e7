package source

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskrestore"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
)

// Reader reads what a disk is a clone of.
type Reader struct {
	// Storage reads the overhead of file systems, and has the clients.
	Storage      growth.Reader
	Dependencies *dependency.Registry
	// Namespaces are those of the release of Wukong.
	Namespaces scope.Namespaces
}

// Severed reports whether the claim or snapshot was deleted that the DataVolume is to be filled from.
func (r Reader) Severed(ctx context.Context, in Inputs) (bool, error) {
	if !in.WaitsForOrigin() {
		return false, nil
	}
	var key types.NamespacedName
	var obj client.Object
	switch source := in.DataVolume.Spec.Source; {
	case source == nil:
		return false, nil
	case source.PVC != nil:
		key = types.NamespacedName{Namespace: source.PVC.Namespace, Name: source.PVC.Name}
		obj = &corev1.PersistentVolumeClaim{}
	case source.Snapshot != nil:
		served, err := r.Dependencies.Served(ctx, dependency.VolumeSnapshots)
		if err != nil || !served {
			return false, err
		}
		key = types.NamespacedName{Namespace: source.Snapshot.Namespace, Name: source.Snapshot.Name}
		obj = &snapshotv1.VolumeSnapshot{}
	default:
		return false, nil
	}
	if !r.Namespaces.Contain(key.Namespace) {
		return false, nil
	}
	// The cache may not have a new object yet. It is asked first because that costs nothing.
	err := r.Storage.Cached.Get(ctx, key, obj)
	if apierrors.IsNotFound(err) {
		err = r.Storage.Live.Get(ctx, key, obj)
	}
	return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
}

// Origin reads what a disk is to be cloned from; nil when nothing is to be cloned. For a clone across namespaces CDI
// checks only the account of the manager, which may read everywhere. Whether the user may clone is decided here.
func (r Reader) Origin(ctx context.Context, in Inputs) (*Origin, error) {
	if !in.NeedsOrigin() {
		return nil, nil
	}
	reference, _ := model.OriginOf(in.Disk)
	if !r.Namespaces.Contain(reference.Namespace) {
		return &Origin{problem: diskstate.Failed(v1alpha1.ReasonCloneNotGranted,
			"the release of Wukong for namespace %s does not work in namespace %s, and does not see %s: "+
				"ask an administrator to add that namespace to the release's namespaces",
			in.Disk.Namespace, reference.Namespace, reference)}, nil
	}
	switch reference.Kind {
	case model.KindDisk:
		return r.disk(ctx, reference)
	case model.KindClaim:
		return r.claim(ctx, reference)
	case model.KindSnapshot:
		return r.volumeSnapshot(ctx, wanted(in.Disk), reference)
	case model.KindImage:
		return r.image(ctx, reference)
	case model.KindWukongSnapshot:
		return r.wukongSnapshot(ctx, in.Disk, reference)
	}
	return nil, nil
}

// wukongSnapshot reads the VolumeSnapshot that the status of a WukongSnapshot names for a disk.
func (r Reader) wukongSnapshot(
	ctx context.Context, disk *v1alpha1.WukongDisk, reference model.Origin,
) (*Origin, error) {
	snapshot, err := read.Get(ctx, r.Storage.Cached, reference.Namespace, reference.Name, &v1alpha1.WukongSnapshot{})
	if err != nil || snapshot == nil {
		return &Origin{}, err
	}
	found := &Origin{exists: snapshot.DeletionTimestamp.IsZero(), grants: snapshot.Spec.CloneableFrom}
	if ready := model.Ready(snapshot); ready.Status != metav1.ConditionTrue || len(snapshot.Status.Disks) == 0 {
		found.waits = ready.Message
		return found, nil
	}
	entry, misfit := diskOf(snapshot, disk.Spec.Source.Snapshot.Disk)
	if misfit != nil {
		found.misfit = misfit
		return found, nil
	}
	taken := model.Origin{Kind: model.KindSnapshot, Namespace: snapshot.Namespace, Name: entry.VolumeSnapshotName}
	below, err := r.volumeSnapshot(ctx, wanted(disk), taken)
	if err != nil {
		return nil, err
	}
	found.source, found.waits, found.sizeless = below.source, below.waits, below.sizeless
	found.misfit, found.problem = below.misfit, below.problem
	if !below.exists {
		found.waits = taken.String() + " was deleted"
	}
	return found, nil
}

func (r Reader) disk(ctx context.Context, reference model.Origin) (*Origin, error) {
	source, err := read.Get(ctx, r.Storage.Cached, reference.Namespace, reference.Name, &v1alpha1.WukongDisk{})
	if err != nil || source == nil {
		return &Origin{}, err
	}
	found := &Origin{
		exists: source.DeletionTimestamp.IsZero(),
		grants: source.Spec.CloneableFrom,
		source: claimSource(reference.Namespace, source.Status.ClaimName),
	}
	// CDI does not copy a claim that a pod uses, and reports that only in an event.
	guests, err := usage.Guests(ctx, r.Storage.Cached, source)
	if err != nil {
		return nil, err
	}
	ready := model.Ready(source)
	switch {
	case source.Complete() && len(guests) > 0:
		found.waits = fmt.Sprintf("it is in use by WukongVM %s, and only what no guest has is copied: "+
			"stop that WukongVM (powerState: Stopped), or detach the disk, and this one continues automatically; "+
			"or clone a WukongSnapshot of it", strings.Join(guests, ", "))
	case source.Complete():
	case ready.Reason == v1alpha1.ReasonSourceNotReady:
		// Its message is about a third disk. Two disks that are clones of each other would quote each other's message
		// in ever longer messages.
		found.waits = "it waits itself for what it is a clone of"
	default:
		found.waits = ready.Message
	}
	return found, nil
}

func (r Reader) claim(ctx context.Context, reference model.Origin) (*Origin, error) {
	claim, err := read.Get(
		ctx, r.Storage.Cached, reference.Namespace, reference.Name, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil {
		return &Origin{}, err
	}
	found := &Origin{
		exists: claim.DeletionTimestamp.IsZero(),
		grants: annotatedGrants(claim),
		source: claimSource(reference.Namespace, claim.Name),
	}
	if claim.Status.Phase != corev1.ClaimBound {
		found.waits = "it is not bound"
	}
	return found, nil
}

// storageOf is what the claim of a clone asks for.
type storageOf struct {
	size  resource.Quantity
	class string
	// capacity of a claim that already holds the disk; zero for none.
	capacity resource.Quantity
}

func wanted(disk *v1alpha1.WukongDisk) storageOf {
	return storageOf{size: *disk.Spec.Size, class: ptr.Deref(disk.Spec.StorageClassName, "")}
}

// Restorable reads the VolumeSnapshot that a claim is restored from, into a claim of the same class and at least of the
// size.
func (r Reader) Restorable(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, name string, size *resource.Quantity,
) (diskrestore.Origin, error) {
	if claim == nil || size == nil {
		return diskrestore.Origin{Waits: "the claim of the disk does not exist yet"}, nil
	}
	reference := model.Origin{Kind: model.KindSnapshot, Namespace: claim.Namespace, Name: name}
	storage := storageOf{
		size: *size, class: ptr.Deref(claim.Spec.StorageClassName, ""),
		capacity: claim.Status.Capacity[corev1.ResourceStorage],
	}
	found, err := r.volumeSnapshot(ctx, storage, reference)
	if err != nil {
		return diskrestore.Origin{}, err
	}
	origin := diskrestore.Origin{
		Source: found.source, Waits: found.waits, Problem: cmp.Or(found.problem, found.misfit),
		Missing: !found.exists && found.problem == nil,
	}
	if !found.sizeless {
		origin.Size = size
	}
	return origin, nil
}

func (r Reader) volumeSnapshot(
	ctx context.Context, storage storageOf, reference model.Origin,
) (*Origin, error) {
	served, err := r.Dependencies.Served(ctx, dependency.VolumeSnapshots)
	if err != nil {
		return nil, err
	}
	if !served {
		return &Origin{problem: diskstate.Failed(
			v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())}, nil
	}
	snapshot, err := read.Get(ctx, r.Storage.Cached, reference.Namespace, reference.Name, &snapshotv1.VolumeSnapshot{})
	if err != nil || snapshot == nil {
		return &Origin{}, err
	}
	found := &Origin{
		exists: snapshot.DeletionTimestamp.IsZero(),
		grants: annotatedGrants(snapshot),
		source: snapshotSource(snapshot.Namespace, snapshot.Name),
	}
	switch status := snapshot.Status; {
	case status != nil && ptr.Deref(status.ReadyToUse, false):
	case status != nil && status.Error != nil:
		found.waits = ptr.Deref(status.Error.Message, "it failed without a word")
	default:
		found.waits = "it is being taken"
	}
	if found.waits != "" || snapshot.Status.RestoreSize == nil ||
		storage.size.Cmp(*snapshot.Status.RestoreSize) >= 0 {
		return found, nil
	}
	if storage.capacity.Cmp(*snapshot.Status.RestoreSize) >= 0 {
		found.sizeless = true // the storage rounds sizes up
		return found, nil
	}
	overhead, err := r.Storage.Overhead(ctx, storage.class)
	found.sizeless, found.misfit = fitRestored(reference, storage.size, *snapshot.Status.RestoreSize, overhead)
	return found, err
}

// image reads the version that the status of a WukongImage names, and never its DataSource: a user who may write the
// DataSource could name a claim of another namespace there, and CDI checks only the account of the manager, which may
// read everywhere.
func (r Reader) image(ctx context.Context, reference model.Origin) (*Origin, error) {
	image, err := read.Get(ctx, r.Storage.Cached, reference.Namespace, reference.Name, &v1alpha1.WukongImage{})
	if err != nil || image == nil {
		return &Origin{}, err
	}
	found := &Origin{exists: image.DeletionTimestamp.IsZero(), grants: image.Spec.CloneableFrom}
	// An image whose next version fails still has its current one.
	if current := image.CurrentVersion(); current == nil {
		found.waits = model.Ready(image).Message
	} else if current.ClaimName != "" {
		found.source = claimSource(image.Namespace, current.ClaimName)
	} else {
		found.source = snapshotSource(image.Namespace, current.Name)
	}
	return found, nil
}
