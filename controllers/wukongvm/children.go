package wukongvm

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// stampDisks writes the WukongDisks of the templates, each with its finalizer, which its controller would otherwise have to add in a request of its own. One that
// was grown by hand keeps its size. A refused one stops no other.
func (r *Reconciler) stampDisks(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	var failed []error
	for i := range vm.Spec.Disks {
		if vm.Spec.Disks[i].Template != nil {
			failed = append(failed, r.stampDisk(ctx, vm, &vm.Spec.Disks[i], observed))
		}
	}
	return errors.Join(failed...)
}

func (r *Reconciler) stampDisk(ctx context.Context, vm *v1alpha1.WukongVM, disk *v1alpha1.VMDisk, observed *observation) error {
	name := model.DiskName(vm, disk)
	if err := r.takeBack(ctx, vm, name); err != nil {
		return err
	}
	spec := *disk.Template.Spec.DeepCopy()
	if _, grown := observed.diskInputs(vm).Outgrown(disk); grown != nil {
		spec.Size = grown
	}
	stamped, err := apply.Child(ctx, r.stamper, vm, &v1alpha1.WukongDisk{
		ObjectMeta: child.Metadata(vm, name, disk.Template.Labels, v1alpha1.FinalizerDisk), Spec: spec,
	})
	if err != nil {
		return err
	}
	observed.stamped = observed.stamped || observed.disks[name] == nil
	observed.disks[name] = stamped
	return nil
}

// stampNetworks writes the WukongNetworks of the templates. A refused one stops no other.
func (r *Reconciler) stampNetworks(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	var failed []error
	for i := range vm.Spec.Networks {
		network := &vm.Spec.Networks[i]
		if network.Template == nil {
			continue
		}
		stamped, err := apply.Child(ctx, r.stamper, vm, &v1alpha1.WukongNetwork{
			ObjectMeta: child.Metadata(vm, model.NetworkName(vm, network), network.Template.Labels), Spec: *network.Template.Spec.DeepCopy(),
		})
		if err != nil {
			failed = append(failed, err)
			continue
		}
		observed.networks[stamped.Name] = stamped
	}
	return errors.Join(failed...)
}

// takeBack makes a disk the machine's own again whose template had left spec, and came back before the guest had let go of it.
func (r *Reconciler) takeBack(ctx context.Context, vm *v1alpha1.WukongVM, name string) error {
	disk, err := read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongDisk{})
	if err != nil || disk == nil {
		return err
	}
	return r.stamper.SettleOwnership(ctx, vm, disk, false, nil)
}

// applyCloudInit writes the Secret with cloud-init data as soon as its content is known, while the disks are still on their way.
func (r *Reconciler) applyCloudInit(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed || !observed.cloudInit.known {
		return nil
	}
	_, err := apply.Child(ctx, r.secrets, vm, &corev1.Secret{
		ObjectMeta: child.Metadata(vm, model.CloudInitSecretName(vm), nil),
		Data:       map[string][]byte{"userdata": observed.cloudInit.data.UserData, "networkdata": observed.cloudInit.data.NetworkData},
	})
	return err
}

// applyMachine writes the VirtualMachine when all its inputs are known. Without them an existing machine is left as it is, but for its
// power.
func (r *Reconciler) applyMachine(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed {
		return nil
	}
	if !observed.complete() {
		return r.applyPower(ctx, vm, observed)
	}
	before := observed.Machine
	machine, err := apply.Child(ctx, r.applier, vm, observed.virtualMachine(vm))
	if err != nil {
		return err
	}
	if power.StoppedOutside(vm, before) {
		r.applier.Recorder.Eventf(vm, nil, corev1.EventTypeWarning, v1alpha1.ReasonStoppedOutside, "Start", "VirtualMachine %s was stopped outside of Wukong, and is started again, "+
			"because powerState is %s: set powerState to Stopped to stop it", vm.Name, vm.Spec.PowerState)
	}
	observed.Machine = volumemove.Meant(machine, observed.Instance)
	return nil
}

// applyPower carries the power state over to a machine that must otherwise stay as it is. It is not started on a disk or network that it
// may not have.
func (r *Reconciler) applyPower(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	in := observed.powerInputs(vm)
	in.Incomplete = observed.Machine != nil && (!observed.diskInputs(vm).OwnsTemplate() || observed.nics.Withholds())
	return r.setRunStrategy(ctx, in, observed)
}

// applyStop stops a machine of which something else is refused. It starts none: what is refused may be what the machine is not to run
// without.
func (r *Reconciler) applyStop(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	in := observed.powerInputs(vm)
	if !observed.kubevirtServed || !in.Stops() {
		return nil
	}
	return r.setRunStrategy(ctx, in, observed)
}

func (r *Reconciler) setRunStrategy(ctx context.Context, in power.Inputs, observed *observation) error {
	wanted, changes := in.Change()
	if !changes {
		return nil
	}
	after := in.Machine.DeepCopy()
	after.Spec.RunStrategy = &wanted
	err := r.client.Patch(ctx, after, client.MergeFrom(in.Machine), client.FieldOwner(fieldManager))
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("VirtualMachine", in.Machine.Name, err)
	}
	observed.Machine = after
	return nil
}
