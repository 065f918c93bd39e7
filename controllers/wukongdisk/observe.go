package wukongdisk

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskmove"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/growth"
)

// observation is everything that decides about a disk, read at the beginning of a pass.
type observation struct {
	umbrella umbrella.Link
	// lostOwners are the owners that a protected disk outlives.
	lostOwners []types.UID
	// importerServed: the cluster serves DataVolumes.
	importerServed bool
	// classFound: the named StorageClass exists, or without a name a default one does.
	classFound bool
	// dataVolume and claim are nil when they do not exist.
	dataVolume *cdiv1.DataVolume
	claim      *corev1.PersistentVolumeClaim
	// claimOwner is the WukongDisk whose claim the disk would adopt; empty for none.
	claimOwner string
	// awaited: someone needs the bytes of a disk that waits for a machine.
	awaited bool
	// provisionerSays is why the claim has no volume, empty when nobody says so.
	provisionerSays string
	// importer is what the DataVolume waits for.
	importer dvstate.Waiting
	// copies say which DataVolume and claim hold the disk, and what else it has. targetClaim is that of the target, or has its name.
	copies      diskmove.Copies
	targetClaim *corev1.PersistentVolumeClaim
	// outcome is how this pass's writes ended; nil before them.
	outcome *pass.Outcome
	// move is what follows from all this for a move to another class.
	move diskmove.Decision
	// origin is nil for a disk that is no clone, and for one that has its DataVolume, unless that is severed: what it is to be filled from is gone.
	origin  *origin
	severed bool
	// growing is what was read about the storage of a claim that is to grow; nil for one that is as large as the spec says.
	growing *growth.Storage
	// machines are those that list the disk, or have it still.
	machines []v1alpha1.WukongVM
	// attachedTo is the WukongVM that may use the disk, or empty.
	attachedTo string
	// bindsLater: the class of an adopted claim binds at first use.
	bindsLater bool
	// left is the VirtualMachine or instance by which a WukongVM that is gone has the disk still; nil for none.
	left client.Object
	// outsideUser is a VirtualMachine or instance outside of Wukong that keeps the disk from being attached; empty for none.
	outsideUser string
}

func (r *Reconciler) observe(ctx context.Context, disk *v1alpha1.WukongDisk) (*observation, error) {
	observed := &observation{}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, disk); err != nil {
		return observed, err
	}
	if observed.lostOwners, err = r.lostOwners(ctx, disk); err != nil {
		return observed, err
	}
	if observed.importerServed, err = r.dependencies.Served(ctx, dependency.DataVolumes); err != nil {
		return observed, err
	}
	if observed.classFound, err = r.classFound(ctx, disk); err != nil {
		return observed, err
	}
	if err := r.observeClaims(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeMachines(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeAttachment(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeSevered(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeOrigin(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeGrowth(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeClaimOwner(ctx, disk, observed); err != nil {
		return observed, err
	}
	if err := r.observeAwaited(ctx, disk, observed); err != nil {
		return observed, err
	}
	observed.move = observed.moveInputs(disk).Decide()
	return observed, nil
}

// observeClaims reads what holds the disk, and what it is to move to.
func (r *Reconciler) observeClaims(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	err := r.observeCopies(ctx, disk, observed)
	if err != nil {
		return err
	}
	if observed.dataVolume = observed.copies.DataVolume; observed.dataVolume == nil && observed.importerServed && !disk.AdoptsClaim() {
		if observed.dataVolume, err = read.Get(ctx, r.client, disk.Namespace, observed.copies.Current, &cdiv1.DataVolume{}); err != nil {
			return err
		}
	}
	if observed.claim, err = read.Get(ctx, r.client, disk.Namespace, observed.copies.Current, &corev1.PersistentVolumeClaim{}); err != nil {
		return err
	}
	if observed.bindsLater, err = r.bindsLater(ctx, disk, observed.claim); err != nil {
		return err
	}
	if err := r.observeProvisioner(ctx, observed); err != nil {
		return err
	}
	if observed.dataVolume != nil {
		if observed.importer, err = dvstate.Stuck(ctx, r.applier.Live, observed.dataVolume, r.clock.Now()); err != nil {
			return err
		}
	}
	return r.observeTargetClaim(ctx, disk, observed)
}

// bindsLater is asked of claims that are adopted: of others, CDI tells.
func (r *Reconciler) bindsLater(ctx context.Context, disk *v1alpha1.WukongDisk, claim *corev1.PersistentVolumeClaim) (bool, error) {
	if !disk.AdoptsClaim() || claim == nil || claim.Status.Phase != corev1.ClaimPending || ptr.Deref(claim.Spec.StorageClassName, "") == "" {
		return false, nil
	}
	class, err := read.Get(ctx, r.client, "", *claim.Spec.StorageClassName, &storagev1.StorageClass{})
	if err != nil || class == nil {
		return false, err
	}
	return ptr.Deref(class.VolumeBindingMode, storagev1.VolumeBindingImmediate) == storagev1.VolumeBindingWaitForFirstConsumer, nil
}

// observeMachines reads the machines that list the disk or have it still.
func (r *Reconciler) observeMachines(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	vms := &v1alpha1.WukongVMList{}
	if err := r.client.List(ctx, vms, client.InNamespace(disk.Namespace), client.MatchingFields{index.VMByDisk: disk.Name}); err != nil {
		return fmt.Errorf("list the machines that use disk %s: %w", disk.Name, err)
	}
	observed.machines = slices.DeleteFunc(vms.Items, func(vm v1alpha1.WukongVM) bool { return !model.Uses(&vm, disk) })
	return nil
}

// Annotations that mark the default StorageClass: KubeVirt's for virtual machines goes before Kubernetes' own.
const (
	annotationDefaultVirtClass = "storageclass.kubevirt.io/is-default-virt-class"
	annotationDefaultClass     = "storageclass.kubernetes.io/is-default-class"
)

func (r *Reconciler) classFound(ctx context.Context, disk *v1alpha1.WukongDisk) (bool, error) {
	if disk.AdoptsClaim() {
		return true, nil
	}
	if name := disk.Spec.StorageClassName; name != nil {
		class, err := read.Get(ctx, r.client, "", *name, &storagev1.StorageClass{})
		return class != nil, err
	}
	classes := &storagev1.StorageClassList{}
	if err := r.client.List(ctx, classes); err != nil {
		return false, fmt.Errorf("list storage classes: %w", err)
	}
	for i := range classes.Items {
		if isDefault(&classes.Items[i]) {
			return true, nil
		}
	}
	return false, nil
}

func isDefault(class *storagev1.StorageClass) bool {
	return class.Annotations[annotationDefaultVirtClass] == "true" || class.Annotations[annotationDefaultClass] == "true"
}

// ownsClaim tells whether the claim under the disk's name is ours: controlled by the DataVolume, or by the disk itself after CDI
// collected a finished DataVolume as garbage.
func (o *observation) ownsClaim(disk *v1alpha1.WukongDisk) bool {
	if model.Belongs(o.claim, disk) || o.leavingOurs(disk) {
		return true
	}
	return o.dataVolume != nil && model.Belongs(o.dataVolume, disk) && metav1.IsControlledBy(o.claim, o.dataVolume)
}
