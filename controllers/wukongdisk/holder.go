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

// users keep the disk from being deleted, in order: the machine that it is attached to, or of a shared disk all that list it or have it still, and what a
// deleted WukongVM left behind. One that is itself being deleted keeps nothing.
func users(disk *v1alpha1.WukongDisk, observed *observation) []string {
	var names []string
	for i := range observed.machines {
		vm := &observed.machines[i]
		if vm.DeletionTimestamp.IsZero() && (vm.Name == observed.holder || ptr.Deref(disk.Spec.Shared, false)) {
			names = append(names, "WukongVM "+vm.Name)
		}
	}
	if left := observed.remains; left != nil && left.GetDeletionTimestamp().IsZero() {
		names = append(names, kindAndName(left))
	}
	// The cache lists in no order, and a message that changes its order is a write.
	slices.Sort(names)
	return names
}

// uses tells whether a machine lists a disk, or has it still. A disk that somebody else made under the name of the machine's template is not the machine's.
func uses(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) bool {
	named := false
	for i := range vm.Spec.Disks {
		if entry := &vm.Spec.Disks[i]; index.DiskName(vm, entry) == disk.Name {
			if entry.Template == nil || apply.Belongs(disk, vm) {
				return true
			}
			named = true
		}
	}
	return !named
}

// holder decides which machine may use the disk; empty for none, and for a shared disk. The one that may keeps it until it has let go:
// also while it is being deleted, and while what remains of it has the claim.
func holder(disk *v1alpha1.WukongDisk, machines []v1alpha1.WukongVM, remains bool) string {
	if ptr.Deref(disk.Spec.Shared, false) {
		return ""
	}
	if previous := disk.Status.AttachedTo; previous != "" {
		if remains || slices.ContainsFunc(machines, func(vm v1alpha1.WukongVM) bool { return vm.Name == previous }) {
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

// observeHolder decides who has the disk, from the machines that use it and what remains of one that is gone.
func (r *Reconciler) observeHolder(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	previous := disk.Status.AttachedTo
	known := slices.ContainsFunc(observed.machines, func(vm v1alpha1.WukongVM) bool { return vm.Name == previous })
	var err error
	if previous != "" && !known {
		if observed.remains, err = r.remainsOf(ctx, disk, previous); err != nil {
			return err
		}
	}
	observed.holder = holder(disk, observed.machines, observed.remains != nil)
	if observed.holder == "" || observed.holder == previous {
		return nil
	}
	if observed.stranger, err = r.stranger(ctx, disk, observed); observed.stranger != "" {
		observed.holder = ""
	}
	return err
}

// remainsOf is what a machine left behind that its WukongVM says nothing of, and has a claim of the disk: an instance, for as long as its guest shuts
// down, or a VirtualMachine that was kept ('kubectl delete --cascade=orphan') and may start any time. It is nil for none.
func (r *Reconciler) remainsOf(ctx context.Context, disk *v1alpha1.WukongDisk, name string) (client.Object, error) {
	if served, err := r.kubevirtServed(ctx); err != nil || !served {
		return nil, err
	}
	instance, err := read.Get(ctx, r.client, disk.Namespace, name, &kubevirtv1.VirtualMachineInstance{})
	if err != nil {
		return nil, err
	}
	machine, err := read.Get(ctx, r.client, disk.Namespace, name, &kubevirtv1.VirtualMachine{})
	if err != nil {
		return nil, err
	}
	claims := []string{disk.Status.ClaimName}
	if move := disk.Status.Move; move != nil {
		claims = append(claims, move.TargetClaimName)
	}
	for _, claim := range claims {
		switch {
		case machine != nil && machine.DeletionTimestamp.IsZero() && machineHasClaim(machine, claim):
			return machine, nil
		case hasClaim(instance, claim):
			return instance, nil
		}
	}
	return nil, nil
}

func (r *Reconciler) kubevirtServed(ctx context.Context) (bool, error) {
	for _, api := range []dependency.API{dependency.VirtualMachines, dependency.VirtualMachineInstances} {
		if served, err := r.dependencies.Served(ctx, api); err != nil || !served {
			return false, err
		}
	}
	return true, nil
}

// stranger is a VirtualMachine or an instance that has the claim of a disk and is not of the machine that the disk is about to be given to; empty for none.
// It is asked for where the claim may hold somebody's bytes, at the API server: the caches hold only what is ours.
func (r *Reconciler) stranger(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) (string, error) {
	if !mayHoldBytes(disk) {
		return "", nil
	}
	if served, err := r.kubevirtServed(ctx); err != nil || !served {
		return "", err
	}
	claim := observed.claimName(disk)
	own := func(obj client.Object) bool { return apply.Ours(obj) && obj.GetName() == observed.holder }
	instances := &kubevirtv1.VirtualMachineInstanceList{}
	if err := r.applier.Live.List(ctx, instances, client.InNamespace(disk.Namespace)); err != nil {
		return "", fmt.Errorf("list the VirtualMachineInstances that may use PersistentVolumeClaim %s: %w", claim, err)
	}
	for i := range instances.Items {
		if instance := &instances.Items[i]; !own(instance) && !instance.IsFinal() && hasVolume(instance.Spec.Volumes, claim) {
			return kindAndName(instance), nil
		}
	}
	machines := &kubevirtv1.VirtualMachineList{}
	if err := r.applier.Live.List(ctx, machines, client.InNamespace(disk.Namespace)); err != nil {
		return "", fmt.Errorf("list the VirtualMachines that may use PersistentVolumeClaim %s: %w", claim, err)
	}
	for i := range machines.Items {
		if machine := &machines.Items[i]; !own(machine) && machine.DeletionTimestamp.IsZero() && machineHasClaim(machine, claim) {
			return kindAndName(machine), nil
		}
	}
	return "", nil
}

// mayHoldBytes tells whether somebody may write to the claim of a disk that no machine of ours has yet.
func mayHoldBytes(disk *v1alpha1.WukongDisk) bool {
	if disk.AdoptsClaim() {
		return !readsOnly(disk)
	}
	return wasFilled(disk)
}

func kindAndName(obj client.Object) string {
	if _, runs := obj.(*kubevirtv1.VirtualMachineInstance); runs {
		return "VirtualMachineInstance " + obj.GetName()
	}
	return "VirtualMachine " + obj.GetName()
}

func machineHasClaim(machine *kubevirtv1.VirtualMachine, claim string) bool {
	return machine.Spec.Template != nil && hasVolume(machine.Spec.Template.Spec.Volumes, claim)
}

func hasVolume(volumes []kubevirtv1.Volume, claim string) bool {
	return slices.ContainsFunc(volumes, func(volume kubevirtv1.Volume) bool {
		return volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == claim ||
			volume.DataVolume != nil && volume.DataVolume.Name == claim
	})
}

// hasClaim tells whether an instance may write to a claim. One that KubeVirt has not described yet may.
func hasClaim(instance *kubevirtv1.VirtualMachineInstance, claim string) bool {
	if instance == nil || instance.IsFinal() {
		return false
	}
	if len(instance.Status.VolumeStatus) == 0 || hasVolume(instance.Spec.Volumes, claim) {
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
