package wukongdisk

import (
	"context"
	"fmt"
	"slices"
	"strings"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/usage"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
)

// origin is what a clone is made from, as it was read.
type origin struct {
	// exists: it is there, and not being deleted.
	exists bool
	// grants are the other namespaces that may clone it.
	grants []string
	// waits says why it cannot be cloned yet; empty when it can.
	waits string
	// source for the DataVolume, when it can.
	source *cdiv1.DataVolumeSource
	// sizeless: the claim is as large as the origin says, which is spec.size with the overhead of its file system.
	sizeless bool
	// misfit says that it does not fit into the disk.
	misfit *diskstate.Problem
	// problem of the cluster or of the spec, whatever the origin is like.
	problem *diskstate.Problem
}

// observeOrigin reads what a disk is to be cloned from, until its DataVolume is made. CDI asks whether our account may clone across
// namespaces, and it may everywhere: whether the person may is decided here.
func (r *Reconciler) observeOrigin(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	reference, isClone := model.OriginOf(disk)
	if !isClone || !observed.severed && (observed.dataVolume != nil || observed.claim != nil) {
		return nil
	}
	if !r.namespaces.Contain(reference.Namespace) {
		observed.origin = &origin{problem: diskstate.Failed(v1alpha1.ReasonCloneNotGranted, "the release of Wukong for namespace %s does not work in namespace %s, and does not "+
			"see %s: ask an administrator to add that namespace to the release's namespaces", disk.Namespace, reference.Namespace, reference)}
		return nil
	}
	var err error
	switch reference.Kind {
	case model.KindDisk:
		observed.origin, err = r.originDisk(ctx, reference)
	case model.KindClaim:
		observed.origin, err = r.originClaim(ctx, reference)
	case model.KindSnapshot:
		observed.origin, err = r.originSnapshot(ctx, disk, observed, reference)
	case model.KindImage:
		observed.origin, err = r.originImage(ctx, reference)
	case model.KindWukongSnapshot:
		observed.origin, err = r.originWukongSnapshot(ctx, disk, observed, reference)
	}
	return err
}

// originWukongSnapshot goes by the VolumeSnapshot that the status of the snapshot names.
func (r *Reconciler) originWukongSnapshot(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation, reference model.Origin) (*origin, error) {
	snapshot, err := read.Get(ctx, r.client, reference.Namespace, reference.Name, &v1alpha1.WukongSnapshot{})
	if err != nil || snapshot == nil {
		return &origin{}, err
	}
	found := &origin{exists: snapshot.DeletionTimestamp.IsZero(), grants: snapshot.Spec.CloneableFrom}
	if ready := model.Ready(snapshot); ready.Status != metav1.ConditionTrue || len(snapshot.Status.Disks) == 0 {
		found.waits = ready.Message
		return found, nil
	}
	held, misfit := heldDisk(snapshot, disk.Spec.Source.Snapshot.Disk)
	if misfit != nil {
		found.misfit = misfit
		return found, nil
	}
	taken := model.Origin{Kind: model.KindSnapshot, Namespace: snapshot.Namespace, Name: held.VolumeSnapshotName}
	below, err := r.originSnapshot(ctx, disk, observed, taken)
	if err != nil {
		return nil, err
	}
	found.source, found.waits, found.sizeless, found.misfit, found.problem = below.source, below.waits, below.sizeless, below.misfit, below.problem
	if !below.exists {
		found.waits = taken.String() + " is gone"
	}
	return found, nil
}

// heldDisk is the entry of a disk in a WukongSnapshot that holds some. Without a name it is the only entry.
func heldDisk(snapshot *v1alpha1.WukongSnapshot, disk string) (*v1alpha1.SnapshotDiskStatus, *diskstate.Problem) {
	held := snapshot.Status.Disks
	if disk == "" && len(held) == 1 {
		return &held[0], nil
	}
	names := make([]string, 0, len(held))
	for i := range held {
		if held[i].Name == disk {
			return &held[i], nil
		}
		names = append(names, held[i].Name)
	}
	reference := model.Origin{Kind: model.KindWukongSnapshot, Namespace: snapshot.Namespace, Name: snapshot.Name}
	if disk == "" {
		return nil, diskstate.Failed(v1alpha1.ReasonInvalidSpec,
			"%s holds the disks %s: create another WukongDisk that names one of them in source.snapshot.disk", reference, strings.Join(names, ", "))
	}
	return nil, diskstate.Failed(v1alpha1.ReasonInvalidSpec,
		"%s holds no disk %s (it holds: %s): create another WukongDisk that names one of them in source.snapshot.disk",
		reference, disk, strings.Join(names, ", "))
}

func (r *Reconciler) originDisk(ctx context.Context, reference model.Origin) (*origin, error) {
	source, err := read.Get(ctx, r.client, reference.Namespace, reference.Name, &v1alpha1.WukongDisk{})
	if err != nil || source == nil {
		return &origin{}, err
	}
	found := &origin{
		exists: source.DeletionTimestamp.IsZero(),
		grants: source.Spec.CloneableFrom,
		source: claimSource(reference.Namespace, source.Status.ClaimName),
	}
	// CDI copies no claim that a pod uses, and tells of that by an event only.
	guests, err := usage.Guests(ctx, r.client, source)
	if err != nil {
		return nil, err
	}
	ready := model.Ready(source)
	switch {
	case source.Complete() && len(guests) > 0:
		found.waits = fmt.Sprintf("it is in use by WukongVM %s, and only what no guest has is copied: stop that machine (powerState: Stopped), or detach the "+
			"disk, and this goes on by itself; or clone a WukongSnapshot of it", strings.Join(guests, ", "))
	case source.Complete():
	case ready.Reason == v1alpha1.ReasonSourceNotReady:
		// Its message is about a third disk. Two that are clones of each other would quote each other without end.
		found.waits = "it waits itself for what it is a clone of"
	default:
		found.waits = ready.Message
	}
	return found, nil
}

func (r *Reconciler) originClaim(ctx context.Context, reference model.Origin) (*origin, error) {
	claim, err := read.Get(ctx, r.client, reference.Namespace, reference.Name, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil {
		return &origin{}, err
	}
	found := &origin{
		exists: claim.DeletionTimestamp.IsZero(),
		grants: annotatedGrants(claim),
		source: claimSource(reference.Namespace, claim.Name),
	}
	if claim.Status.Phase != corev1.ClaimBound {
		found.waits = "it is not bound"
	}
	return found, nil
}

func (r *Reconciler) originSnapshot(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation, reference model.Origin) (*origin, error) {
	served, err := r.dependencies.Served(ctx, dependency.VolumeSnapshots)
	if err != nil {
		return nil, err
	}
	if !served {
		return &origin{problem: diskstate.Failed(v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())}, nil
	}
	snapshot, err := read.Get(ctx, r.client, reference.Namespace, reference.Name, &snapshotv1.VolumeSnapshot{})
	if err != nil || snapshot == nil {
		return &origin{}, err
	}
	found := &origin{
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
	if found.waits != "" || snapshot.Status.RestoreSize == nil || disk.Spec.Size.Cmp(*snapshot.Status.RestoreSize) >= 0 {
		return found, nil
	}
	overhead, err := r.filesystemOverhead(ctx, observed, ptr.Deref(disk.Spec.StorageClassName, ""))
	found.sizeless, found.misfit = restored(reference, *disk.Spec.Size, *snapshot.Status.RestoreSize, overhead)
	return found, err
}

// restored judges a size that is below what a snapshot restores to. That has the overhead of a file system, if there is one, on top of the
// image's size, and CDI lets no DataVolume ask for less (pkg/controller/datavolume/snapshot-clone-controller.go, validateSnapshotClone):
// one that does not ask for a size gets it.
func restored(reference model.Origin, size, restoreSize resource.Quantity, overhead float64) (sizeless bool, found *diskstate.Problem) {
	holds := func(size resource.Quantity) bool {
		needed := growth.ClaimRequest(size, resource.Quantity{}, overhead)
		return needed.Cmp(restoreSize) >= 0
	}
	if holds(size) {
		return true, nil
	}
	least := *resource.NewQuantity(int64(float64(restoreSize.Value())*(1-overhead))/growth.Alignment*growth.Alignment, resource.BinarySI)
	if !holds(least) {
		least.Add(*resource.NewQuantity(growth.Alignment, resource.BinarySI))
	}
	return false, diskstate.Failed(v1alpha1.ReasonInvalidSpec, "spec.size is %s, and %s restores to %s: set spec.size to %s or more", &size, reference, &restoreSize, &least)
}

// originImage goes by the version that the image's own status names, and never by its DataSource: whoever may write that could point it at a claim
// of another namespace, and CDI would ask whether our account may clone it, which may everywhere.
func (r *Reconciler) originImage(ctx context.Context, reference model.Origin) (*origin, error) {
	image, err := read.Get(ctx, r.client, reference.Namespace, reference.Name, &v1alpha1.WukongImage{})
	if err != nil || image == nil {
		return &origin{}, err
	}
	found := &origin{exists: image.DeletionTimestamp.IsZero(), grants: image.Spec.CloneableFrom}
	// An image whose next version fails has its current one all the same.
	if current := image.CurrentVersion(); current == nil {
		found.waits = model.Ready(image).Message
	} else if current.ClaimName != "" {
		found.source = claimSource(image.Namespace, current.ClaimName)
	} else {
		found.source = snapshotSource(image.Namespace, current.Name)
	}
	return found, nil
}

func snapshotSource(namespace, name string) *cdiv1.DataVolumeSource {
	return &cdiv1.DataVolumeSource{Snapshot: &cdiv1.DataVolumeSourceSnapshot{Namespace: namespace, Name: name}}
}

func claimSource(namespace, name string) *cdiv1.DataVolumeSource {
	return &cdiv1.DataVolumeSource{PVC: &cdiv1.DataVolumeSourcePVC{Namespace: namespace, Name: name}}
}

func annotatedGrants(obj metav1.Object) []string {
	var namespaces []string
	for _, namespace := range strings.Split(obj.GetAnnotations()[v1alpha1.AnnotationCloneableFrom], ",") {
		if trimmed := strings.TrimSpace(namespace); trimmed != "" {
			namespaces = append(namespaces, trimmed)
		}
	}
	return namespaces
}

// originUnusable says why a clone cannot begin. Of another namespace it says the same whether the origin is missing or does not grant:
// who may not clone an object shall not learn from us that it exists.
func originUnusable(disk *v1alpha1.WukongDisk, observed *observation) *diskstate.Problem {
	found := observed.origin
	if found == nil {
		return nil
	}
	if found.problem != nil {
		return found.problem
	}
	reference, _ := model.OriginOf(disk)
	foreign := reference.Namespace != disk.Namespace
	switch {
	case foreign && (!found.exists || !grants(reference.Namespace, found.grants, disk.Namespace)):
		return diskstate.Failed(v1alpha1.ReasonCloneNotGranted, "%s may not be cloned into namespace %s: it does not exist, or does not grant it; %s",
			reference, disk.Namespace, grantAdvice(reference, disk.Namespace))
	case !found.exists:
		return diskstate.Failed(v1alpha1.ReasonSourceMissing, "%s does not exist; create it, and this goes on by itself", reference)
	case found.waits != "":
		return diskstate.Pending(v1alpha1.ReasonSourceNotReady, "%s: %s", reference, found.waits)
	default:
		return found.misfit
	}
}

// grants tells whether an object in a namespace may be cloned into another.
func grants(from string, granted []string, to string) bool {
	return from == to || slices.Contains(granted, to) || slices.Contains(granted, "*")
}

func grantAdvice(reference model.Origin, namespace string) string {
	if reference.Kind != model.KindClaim && reference.Kind != model.KindSnapshot {
		return fmt.Sprintf("whoever owns it grants it by %s in its spec.cloneableFrom", namespace)
	}
	return fmt.Sprintf("whoever owns it grants it by the annotation %s: %s", v1alpha1.AnnotationCloneableFrom, namespace)
}
