package wukongdisk

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// custodyInputs are what decides who may use the disk.
func (o *observation) custodyInputs(disk *v1alpha1.WukongDisk) custody.Inputs {
	return custody.Inputs{Disk: disk, VMs: o.machines, Left: o.left}
}

// observeAttachment decides which WukongVM has the disk, from those that use it and what one that is gone left behind.
func (r *Reconciler) observeAttachment(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	var err error
	if observed.custodyInputs(disk).LostSight() {
		if observed.left, err = r.leftBehind(ctx, disk); err != nil {
			return err
		}
	}
	observed.attachedTo = observed.custodyInputs(disk).AttachedTo()
	if observed.attachedTo == "" || observed.attachedTo == disk.Status.AttachedTo {
		return nil
	}
	if observed.outsideUser, err = r.outsideUser(ctx, disk, observed); observed.outsideUser != "" {
		observed.attachedTo = ""
	}
	return err
}

// leftBehind reads what the WukongVM that had the disk left behind; nil for nothing.
func (r *Reconciler) leftBehind(ctx context.Context, disk *v1alpha1.WukongDisk) (client.Object, error) {
	if served, err := r.kubevirtServed(ctx); err != nil || !served {
		return nil, err
	}
	name := disk.Status.AttachedTo
	instance, err := read.Get(ctx, r.client, disk.Namespace, name, &kubevirtv1.VirtualMachineInstance{})
	if err != nil {
		return nil, err
	}
	machine, err := read.Get(ctx, r.client, disk.Namespace, name, &kubevirtv1.VirtualMachine{})
	if err != nil {
		return nil, err
	}
	return custody.Remains(disk, machine, instance), nil
}

func (r *Reconciler) kubevirtServed(ctx context.Context) (bool, error) {
	for _, api := range []dependency.API{dependency.VirtualMachines, dependency.VirtualMachineInstances} {
		if served, err := r.dependencies.Served(ctx, api); err != nil || !served {
			return false, err
		}
	}
	return true, nil
}

// outsideUser is a VirtualMachine or an instance outside of Wukong that keeps the disk from being attached; empty for none. It is asked for
// where the claim may hold somebody's bytes, at the API server: the caches hold only what is ours.
func (r *Reconciler) outsideUser(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) (string, error) {
	if !mayHoldBytes(disk) {
		return "", nil
	}
	if served, err := r.kubevirtServed(ctx); err != nil || !served {
		return "", err
	}
	claim := observed.claimName(disk)
	instances, machines := &kubevirtv1.VirtualMachineInstanceList{}, &kubevirtv1.VirtualMachineList{}
	for _, list := range []client.ObjectList{instances, machines} {
		if err := r.applier.Live.List(ctx, list, client.InNamespace(disk.Namespace)); err != nil {
			return "", fmt.Errorf("list the machines of KubeVirt that may use PersistentVolumeClaim %s: %w", claim, err)
		}
	}
	return custody.OutsideUser(claim, observed.attachedTo, instances.Items, machines.Items), nil
}

// mayHoldBytes reports whether somebody may write to the claim of a disk that no machine of ours has yet.
func mayHoldBytes(disk *v1alpha1.WukongDisk) bool {
	if disk.AdoptsClaim() {
		return !custody.ReadsOnly(disk)
	}
	return wasFilled(disk)
}

// sharing says why a disk that is to be shared cannot be.
func sharing(disk *v1alpha1.WukongDisk, claim *corev1.PersistentVolumeClaim) *diskstate.Problem {
	if !model.IsShared(disk) || slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteMany) {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonInvalidSpec, "spec.shared needs the access mode ReadWriteMany, and PersistentVolumeClaim %s has %v: "+
		"create a disk with accessModes [ReadWriteMany] on a class that can, or set spec.shared to false", claim.Name, claim.Spec.AccessModes)
}
