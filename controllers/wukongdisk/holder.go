package wukongdisk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// The holder is the one machine that may use a disk. Two guests that write one file system destroy it, and on a ReadWriteMany claim nothing
// in Kubernetes or KubeVirt keeps them from it. So the disk's controller decides, and a machine waits until it is chosen.

// users are the names of the machines that keep the disk from being deleted, in order: those that list it, or whose instance has it
// still, and that are not being deleted themselves.
func users(machines []v1alpha1.WukongVM) []string {
	var names []string
	for i := range machines {
		if machines[i].DeletionTimestamp.IsZero() {
			names = append(names, machines[i].Name)
		}
	}
	// The cache lists in no order, and a message that changes its order is a write.
	slices.Sort(names)
	return names
}

// holder decides which machine may use the disk; empty for none, and for a shared disk. The one that may keeps it until it has let go:
// also while it is being deleted, and while its instance, which outlives it for as long as the guest shuts down, has the claim.
func holder(disk *v1alpha1.WukongDisk, machines []v1alpha1.WukongVM, instanceHasClaim bool) string {
	if ptr.Deref(disk.Spec.Shared, false) {
		return ""
	}
	if previous := disk.Status.AttachedTo; previous != "" {
		if instanceHasClaim || slices.ContainsFunc(machines, func(vm v1alpha1.WukongVM) bool { return vm.Name == previous }) {
			return previous
		}
	}
	if !disk.DeletionTimestamp.IsZero() {
		return ""
	}
	var oldest *v1alpha1.WukongVM
	for i := range machines {
		candidate := &machines[i]
		if !candidate.DeletionTimestamp.IsZero() || !slices.Contains(index.DiskNames(candidate), disk.Name) {
			continue
		}
		if oldest == nil || older(candidate, oldest) < 0 {
			oldest = candidate
		}
	}
	if oldest == nil {
		return ""
	}
	return oldest.Name
}

func older(one, two *v1alpha1.WukongVM) int {
	return cmp.Or(one.CreationTimestamp.Compare(two.CreationTimestamp.Time), cmp.Compare(one.Name, two.Name))
}

// observeHolder reads the instance of a machine that holds the disk and does not know of it any more.
func (r *Reconciler) observeHolder(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	previous := disk.Status.AttachedTo
	known := slices.ContainsFunc(observed.machines, func(vm v1alpha1.WukongVM) bool { return vm.Name == previous })
	instanceHasClaim := false
	if previous != "" && !known {
		served, err := r.dependencies.Served(ctx, dependency.VirtualMachineInstances)
		if err != nil {
			return err
		}
		if served {
			instance, err := read.Get(ctx, r.client, disk.Namespace, previous, &kubevirtv1.VirtualMachineInstance{})
			if err != nil {
				return err
			}
			instanceHasClaim = hasClaim(instance, disk.Status.ClaimName) || disk.Status.Move != nil && hasClaim(instance, disk.Status.Move.TargetClaimName)
		}
	}
	observed.holder = holder(disk, observed.machines, instanceHasClaim)
	if observed.holder == "" || observed.holder == previous {
		return nil
	}
	var err error
	if observed.stranger, err = r.stranger(ctx, disk); observed.stranger != "" {
		observed.holder = ""
	}
	return err
}

// stranger is an instance that has the claim which a disk adopts, and that no WukongVM is behind; empty for none. It is asked for before the claim is
// given to another machine, at the API server: the caches hold only what is ours.
func (r *Reconciler) stranger(ctx context.Context, disk *v1alpha1.WukongDisk) (string, error) {
	if !disk.AdoptsClaim() || readsOnly(disk) {
		return "", nil
	}
	served, err := r.dependencies.Served(ctx, dependency.VirtualMachineInstances)
	if err != nil || !served {
		return "", err
	}
	instances := &kubevirtv1.VirtualMachineInstanceList{}
	if err := r.applier.Live.List(ctx, instances, client.InNamespace(disk.Namespace)); err != nil {
		return "", fmt.Errorf("list the VirtualMachineInstances that may use PersistentVolumeClaim %s: %w", disk.ClaimName(), err)
	}
	for i := range instances.Items {
		instance := &instances.Items[i]
		if !apply.Ours(instance) && !instance.IsFinal() && slices.ContainsFunc(instance.Spec.Volumes, func(volume kubevirtv1.Volume) bool {
			return volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == disk.ClaimName() ||
				volume.DataVolume != nil && volume.DataVolume.Name == disk.ClaimName()
		}) {
			return instance.Name, nil
		}
	}
	return "", nil
}

// hasClaim tells whether an instance may write to a claim. One that KubeVirt has not described yet may.
func hasClaim(instance *kubevirtv1.VirtualMachineInstance, claim string) bool {
	if instance == nil || instance.IsFinal() {
		return false
	}
	if len(instance.Status.VolumeStatus) == 0 {
		return true
	}
	return slices.ContainsFunc(instance.Status.VolumeStatus, func(volume kubevirtv1.VolumeStatus) bool {
		return volume.PersistentVolumeClaimInfo != nil && volume.PersistentVolumeClaimInfo.ClaimName == claim
	})
}

// guestSize is what the holder's guest sees of the disk, or saw last: a machine that stops and starts again costs its disks no write.
func guestSize(disk *v1alpha1.WukongDisk, observed *observation) *resource.Quantity {
	if observed.holder == "" {
		return nil
	}
	for i := range observed.machines {
		if observed.machines[i].Name != observed.holder {
			continue
		}
		for _, entry := range observed.machines[i].Status.Disks {
			if entry.DiskName == disk.Name && entry.GuestSize != nil {
				return entry.GuestSize
			}
		}
	}
	if disk.Status.AttachedTo != observed.holder {
		return nil
	}
	return disk.Status.GuestSize
}

// sharing says why a disk that is to be shared cannot be.
func sharing(disk *v1alpha1.WukongDisk, claim *corev1.PersistentVolumeClaim) *problem {
	if !ptr.Deref(disk.Spec.Shared, false) || slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteMany) {
		return nil
	}
	return failed(v1alpha1.ReasonInvalidSpec, "spec.shared needs the access mode ReadWriteMany, and PersistentVolumeClaim %s has %v: "+
		"create a disk with accessModes [ReadWriteMany] on a class that can, or set spec.shared to false", claim.Name, claim.Spec.AccessModes)
}
