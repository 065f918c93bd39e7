package wukongvm

import (
	"context"
	"encoding/json"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// Steps whose outcome the status reports.
const (
	// stepPolicy writes the NetworkPolicy.
	stepPolicy = "policy"
	// stepRestoreRequest marks the request of a restore on the WukongVM.
	stepRestoreRequest = "restore-request"
	// stepVirtualMachine writes the VirtualMachine.
	stepVirtualMachine = "machine"
)

// steps are the writes of a pass. A step is skipped when one of its needs did not succeed: a VirtualMachine, for
// example, is not written without the policy of its pod. Stopping needs nothing, so that no refusal prevents it.
var steps = pass.New("wukongvm",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("disks", (*Reconciler).applyDisks),
	pass.Do("networks", (*Reconciler).applyNetworks),
	pass.Do("addresses", (*Reconciler).assignAddresses, "networks"),
	pass.Do("resolve", (*Reconciler).resolve),
	pass.Do(stepRestoreRequest, (*Reconciler).markRestore, "resolve"),
	pass.Do("cloud-init", (*Reconciler).applyCloudInit, "addresses"),
	pass.Do("attachments", (*Reconciler).applyAttachments, "addresses"),
	pass.Do(stepPolicy, (*Reconciler).applyPolicy, "networks"),
	pass.Do("hold", (*Reconciler).holdMigrations),
	pass.Do(stepVirtualMachine, (*Reconciler).applyVirtualMachine,
		"disks", "addresses", "cloud-init", "attachments", stepPolicy, "hold"),
	pass.Do("stop", (*Reconciler).applyStop),
	pass.Do("safety-snapshot", (*Reconciler).takeSafetySnapshot, stepRestoreRequest),
	pass.Do("release", (*Reconciler).release, stepVirtualMachine),
	pass.Do("services", (*Reconciler).applyServices),
)

// applyMetadata makes the WukongVM a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	return r.applier.Metadata(ctx, vm.DeepCopy(), apply.Metadata{Umbrella: observed.umbrella.OwnerReference()})
}

// applyDisks writes the WukongDisks of the templates. A refused one does not prevent the others.
func (r *Reconciler) applyDisks(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	var failed []error
	for i := range vm.Spec.Disks {
		if vm.Spec.Disks[i].Template != nil {
			failed = append(failed, r.applyDisk(ctx, vm, &vm.Spec.Disks[i], observed))
		}
	}
	return errors.Join(failed...)
}

// applyDisk writes the WukongDisk of a template. When the template is in the spec again before the guest released the
// disk, the WukongVM owns the disk again.
func (r *Reconciler) applyDisk(
	ctx context.Context, vm *v1alpha1.WukongVM, entry *v1alpha1.VMDisk, observed *observation,
) error {
	name := model.DiskName(vm, entry)
	existing, err := read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongDisk{})
	if err != nil {
		return err
	}
	if existing != nil {
		if err := r.childApplier.SettleOwnership(ctx, vm, existing, false, nil); err != nil {
			return err
		}
	}
	applied, err := apply.Child(ctx, r.childApplier, vm, observed.diskInputs(vm).FromTemplate(entry))
	if err != nil {
		return err
	}
	observed.madeDisk = observed.madeDisk || observed.disks.ByName[name] == nil
	observed.disks.ByName[name] = applied
	return nil
}

// applyNetworks writes the WukongNetworks of the templates. A refused one does not prevent the others.
func (r *Reconciler) applyNetworks(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	var failed []error
	for i := range vm.Spec.Networks {
		if vm.Spec.Networks[i].Template == nil {
			continue
		}
		applied, err := apply.Child(ctx, r.childApplier, vm, nics.FromTemplate(vm, &vm.Spec.Networks[i]))
		if err != nil {
			failed = append(failed, err)
			continue
		}
		observed.networks.byName[applied.Name] = applied
	}
	return errors.Join(failed...)
}

// assignAddresses assigns addresses to the interfaces, before any object has them. An address that an interface
// cannot have becomes a condition; an error is one that a retry may resolve.
func (r *Reconciler) assignAddresses(
	ctx context.Context, vm *v1alpha1.WukongVM, observed *observation,
) (err error) {
	if !observed.kubevirtServed {
		return nil
	}
	observed.networks.locks, err = r.addresses.Assign(ctx, observed.nicInputs(vm).Addresses())
	return err
}

// resolve plans again with the disks and networks that were written, and the addresses that were assigned.
func (r *Reconciler) resolve(_ context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	observed.resolve(vm)
	return nil
}

// applyCloudInit writes the Secret with cloud-init data as soon as its content is known, even while disks are imported.
func (r *Reconciler) applyCloudInit(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed || !observed.cloudInit.Known {
		return nil
	}
	_, err := apply.Child(ctx, r.secrets, vm, observed.cloudInit.Secret(vm))
	return err
}

// holdMigrations prevents KubeVirt from migrating the guest while it has not put a new claim into the instance (see
// volumemove.Plan.Hold).
func (r *Reconciler) holdMigrations(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	instance := observed.Running()
	if instance == nil {
		return nil
	}
	value, changes := observed.moves.Hold(instance, fieldManager)
	if !changes {
		return nil
	}
	annotations := map[string]any{volumemove.AnnotationHold: value}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": instance.UID, "annotations": annotations},
	})
	if err != nil {
		return err
	}
	patch := client.RawPatch(types.MergePatchType, body)
	err = r.client.Patch(ctx, instance.DeepCopy(), patch, client.FieldOwner(fieldManager))
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("VirtualMachineInstance", instance.Name, err)
	}
	return nil
}

// applyVirtualMachine writes the VirtualMachine when its content is known. Otherwise an existing VirtualMachine stays
// as it is, except for its power state.
func (r *Reconciler) applyVirtualMachine(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed {
		return nil
	}
	if !observed.complete() {
		return r.applyPower(ctx, vm, observed)
	}
	before := observed.Machine
	applied, err := apply.Child(ctx, r.applier, vm, observed.virtualMachine(vm))
	if err != nil {
		return err
	}
	if power.StoppedOutside(vm, before) {
		r.applier.Recorder.Eventf(vm, nil, corev1.EventTypeWarning, v1alpha1.ReasonStoppedOutside, "Start",
			"VirtualMachine %s was stopped outside of Wukong, and is started again, "+
				"because powerState is %s: set powerState to Stopped to stop it", vm.Name, vm.Spec.PowerState)
	}
	observed.Machine = volumemove.Meant(applied, observed.Instance)
	return nil
}

// applyPower writes only the power state of a VirtualMachine. It does not start a guest that lacks a disk or network,
// or that has one which it may not have.
func (r *Reconciler) applyPower(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	in := observed.powerInputs(vm)
	in.Incomplete = observed.Machine != nil && (!observed.diskInputs(vm).OwnsTemplate() || observed.nics.Withholds())
	return r.setRunStrategy(ctx, in, observed)
}

// applyStop stops the guest even if another write is refused. It does not start a guest, which might lack what was
// refused.
func (r *Reconciler) applyStop(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	in := observed.powerInputs(vm)
	if !observed.kubevirtServed || !in.Stops() {
		return nil
	}
	return r.setRunStrategy(ctx, in, observed)
}

func (r *Reconciler) setRunStrategy(ctx context.Context, in power.Inputs, observed *observation) error {
	desired, changes := in.Change()
	if !changes {
		return nil
	}
	after := in.Machine.DeepCopy()
	after.Spec.RunStrategy = &desired
	err := r.client.Patch(ctx, after, client.MergeFrom(in.Machine), client.FieldOwner(fieldManager))
	if client.IgnoreNotFound(err) != nil {
		return apply.Classify("VirtualMachine", in.Machine.Name, err)
	}
	observed.Machine = after
	return nil
}
