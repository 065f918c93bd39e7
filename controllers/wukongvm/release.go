package wukongvm

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
)

// release releases or deletes what was made from templates that are no longer in the spec, as soon as neither the
// VirtualMachine nor the guest has it.
func (r *Reconciler) release(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed {
		return nil
	}
	for _, disk := range observed.disks.Made {
		var err error
		switch observed.diskInputs(vm).FateOf(disk) {
		case disks.Stay:
		case disks.Keep:
			err = r.childApplier.SettleOwnership(ctx, vm, disk, true, nil)
		case disks.Release:
			err = r.releaseDisk(ctx, vm, disk)
		case disks.Delete:
			err = r.deleteChild(ctx, disk)
		}
		if err != nil {
			return err
		}
	}
	for _, network := range observed.networks.made {
		if !observed.nics.After(observed.View).IsSurplus(network) {
			continue
		}
		if err := r.deleteChild(ctx, network); err != nil {
			return err
		}
	}
	return r.deleteAttachments(ctx, vm, observed)
}

// releaseDisk removes the owner reference and the marks of the WukongVM from a disk.
func (r *Reconciler) releaseDisk(ctx context.Context, vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk) error {
	after := disk.DeepCopy()
	isOwn := func(reference metav1.OwnerReference) bool { return reference.UID == vm.UID }
	after.OwnerReferences = slices.DeleteFunc(after.OwnerReferences, isOwn)
	delete(after.Labels, v1alpha1.LabelVM)
	delete(after.Annotations, v1alpha1.AnnotationRetainedFor)
	// With the lock the API server refuses the patch if another program changed the list meanwhile: a merge patch replaces
	// the whole list.
	patch := client.MergeFromWithOptions(disk, client.MergeFromWithOptimisticLock{})
	err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager))
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("WukongDisk", disk.Name, err)
	}
	return nil
}

// deleteChild deletes an object as it was read: not another one that has its name by now.
func (r *Reconciler) deleteChild(ctx context.Context, object client.Object) error {
	uid, version := object.GetUID(), object.GetResourceVersion()
	preconditions := client.Preconditions{UID: ptr.To[types.UID](uid), ResourceVersion: &version}
	err := r.client.Delete(ctx, object, preconditions)
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify(apply.KindOf(r.client, object), object.GetName(), err)
	}
	return nil
}
