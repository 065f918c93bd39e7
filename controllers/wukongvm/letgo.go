package wukongvm

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
)

// observeOwned reads what the machine stamped, whether or not spec still has the template.
func (r *Reconciler) observeOwned(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	stamped, networks := &v1alpha1.WukongDiskList{}, &v1alpha1.WukongNetworkList{}
	if err := r.client.List(ctx, stamped, client.InNamespace(vm.Namespace), client.MatchingFields{index.DiskByOwner: vm.Name}); err != nil {
		return fmt.Errorf("list the WukongDisks of WukongVM %s: %w", vm.Name, err)
	}
	if err := r.client.List(ctx, networks, client.InNamespace(vm.Namespace), client.MatchingFields{index.NetworkByOwner: vm.Name}); err != nil {
		return fmt.Errorf("list the WukongNetworks of WukongVM %s: %w", vm.Name, err)
	}
	for i := range stamped.Items {
		if model.Belongs(&stamped.Items[i], vm) {
			observed.ownedDisks = append(observed.ownedDisks, &stamped.Items[i])
		}
	}
	for i := range networks.Items {
		if metav1.IsControlledBy(&networks.Items[i], vm) {
			observed.ownedNetworks = append(observed.ownedNetworks, &networks.Items[i])
		}
	}
	return nil
}

// letGo ends what the machine stamped from templates that left spec, when the machine has it no more.
func (r *Reconciler) letGo(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed {
		return nil
	}
	for _, disk := range observed.ownedDisks {
		var err error
		switch observed.diskInputs(vm).FateOf(disk) {
		case disks.Stay:
		case disks.Keep:
			err = r.stamper.SettleOwnership(ctx, vm, disk, true, nil)
		case disks.Release:
			err = r.release(ctx, vm, disk)
		case disks.Delete:
			err = r.deleteStamped(ctx, disk)
		}
		if err != nil {
			return err
		}
	}
	for _, network := range observed.ownedNetworks {
		if networkLeft(vm, network, observed) {
			if err := r.deleteStamped(ctx, network); err != nil {
				return err
			}
		}
	}
	return r.letGoAttachments(ctx, vm, observed)
}

// networkLeft tells whether a stamped network is wanted and used no more.
func networkLeft(vm *v1alpha1.WukongVM, network *v1alpha1.WukongNetwork, observed *observation) bool {
	if !network.DeletionTimestamp.IsZero() || slices.ContainsFunc(vm.Spec.Networks, func(entry v1alpha1.VMNetwork) bool {
		return model.NetworkName(vm, &entry) == network.Name
	}) {
		return false
	}
	return !observed.nics.After(observed.View).HasAttachment(network.AttachmentName())
}

// release takes the machine's marks and owner reference off a disk.
func (r *Reconciler) release(ctx context.Context, vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) error {
	after := disk.DeepCopy()
	after.OwnerReferences = slices.DeleteFunc(after.OwnerReferences, func(reference metav1.OwnerReference) bool { return reference.UID == vm.UID })
	delete(after.Labels, v1alpha1.LabelVM)
	delete(after.Annotations, v1alpha1.AnnotationRetainedFor)
	// The lock refuses the patch when someone else changed the list meanwhile: a merge patch replaces it whole.
	patch := client.MergeFromWithOptions(disk, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager)); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("release WukongDisk %s: %w", disk.Name, err))
	}
	return nil
}

// deleteStamped deletes what was read, not what may have come under its name since.
func (r *Reconciler) deleteStamped(ctx context.Context, object client.Object) error {
	uid, version := object.GetUID(), object.GetResourceVersion()
	err := r.client.Delete(ctx, object, client.Preconditions{UID: ptr.To[types.UID](uid), ResourceVersion: &version})
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify(fmt.Sprintf("%T", object), object.GetName(), err)
	}
	return nil
}

// observeOwners finds the WukongDisks behind claims that the machine has and spec does not list.
func (r *Reconciler) observeOwners(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	observed.owners = map[string]string{}
	for _, disk := range observed.disks {
		if disk != nil && disk.Status.ClaimName != "" {
			observed.owners[disk.Status.ClaimName] = disk.Name
			if disk.Status.Move != nil {
				observed.owners[disk.Status.Move.TargetClaimName] = disk.Name
			}
		}
	}
	for _, item := range observed.Presences() {
		if observed.owners[item.Claim] != "" {
			continue
		}
		// A disk that moved between classes does not have the claim of its name, but is attached to the WukongVM; a shared one is not.
		for _, fields := range []client.MatchingFields{{index.DiskByHolder: vm.Name}, {index.DiskByClaim: item.Claim}} {
			list := &v1alpha1.WukongDiskList{}
			if err := r.client.List(ctx, list, client.InNamespace(vm.Namespace), fields); err != nil {
				return fmt.Errorf("list the WukongDisks of PersistentVolumeClaim %s: %w", item.Claim, err)
			}
			for i := range list.Items {
				if disk := &list.Items[i]; model.ClaimsOf(disk).Hold(item.Claim) {
					observed.owners[item.Claim], observed.disks[disk.Name] = disk.Name, disk
				}
			}
		}
	}
	return nil
}
