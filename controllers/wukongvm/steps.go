package wukongvm

import (
	"context"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// Steps that others ask the outcome of.
const (
	// stepPolicy writes the NetworkPolicy.
	stepPolicy = "policy"
	// stepMachine writes the VirtualMachine.
	stepMachine = "machine"
)

// steps are the writes of a pass. Needs are what a step must not be without: a VirtualMachine, for instance, is not written without the policy that is to
// hold for its pod. Stopping needs nothing: whatever is refused keeps no guest from being stopped.
var steps = pass.New("wukongvm",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("disks", (*Reconciler).stampDisks),
	pass.Do("networks", (*Reconciler).stampNetworks),
	pass.Do("addresses", (*Reconciler).takeAddresses, "networks"),
	pass.Do("resolve", (*Reconciler).resolve),
	pass.Do("cloud-init", (*Reconciler).applyCloudInit, "addresses"),
	pass.Do("attachments", (*Reconciler).applyAttachments, "addresses"),
	pass.Do(stepPolicy, (*Reconciler).applyPolicy, "networks"),
	pass.Do("hold", (*Reconciler).holdMigrations),
	pass.Do(stepMachine, (*Reconciler).applyMachine, "disks", "addresses", "cloud-init", "attachments", stepPolicy, "hold"),
	pass.Do("stop", (*Reconciler).applyStop),
	pass.Do("release", (*Reconciler).letGo, stepMachine),
	pass.Do("services", (*Reconciler).applyServices),
)

// applyMetadata makes the WukongVM a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	return r.applier.Metadata(ctx, vm.DeepCopy(), apply.Metadata{Umbrella: observed.umbrella.OwnerReference()})
}

// resolve derives again what follows from the disks and networks that were stamped, and from the addresses that were taken.
func (r *Reconciler) resolve(_ context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	observed.resolve(vm)
	return nil
}
