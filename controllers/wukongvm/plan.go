package wukongvm

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virtualmachine"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// plan is what follows from the world: what each part of the VirtualMachine must be, and what prevents that.
type plan struct {
	moves      volumemove.Plan
	restore    restore.Plan
	disksCause *cause.Cause
	nics       nics.Plan
	policy     policy.Plan
	cloudInit  cloudinit.Plan
}

// resolve makes the plan, each part from what the parts before it decided.
func (o *observation) resolve(vm *v1alpha1.WukongVM) {
	o.moves = volumemove.Make(volumemove.Inputs{
		VM: vm, View: o.View, Disks: o.disks.ByName, Stall: o.moveFacts.stall, Nodes: o.moveFacts.nodes,
	})
	o.restore = restore.Plan{}
	o.disksCause = o.diskInputs(vm).Problem()
	o.nics = nics.Make(o.nicInputs(vm))
	o.policy = policy.Make(policy.Inputs{
		VM: vm, Networks: o.networks.byName, Enforcement: o.enforcement, Runs: o.Guest() != nil,
	})
	o.cloudInit = cloudinit.Plan{}
	if found := o.nics.Problem(); found == nil || !found.Blocking {
		in := cloudinit.Inputs{VM: vm, Secrets: o.secrets, Interfaces: o.nics.CloudInit()}
		o.cloudInit = cloudinit.Make(in, o.Guest() != nil)
	}
	o.restore = restore.Make(o.restoreInputs(vm))
	o.disksCause = o.diskInputs(vm).Problem()
}

// restoreInputs are what decides about a restore.
func (o *observation) restoreInputs(vm *v1alpha1.WukongVM) restore.Inputs {
	return restore.Inputs{
		VM: vm, View: o.View, Disks: o.disks.ByName, Snapshot: o.snapshots.restored, Safety: o.snapshots.safety,
		Migrates: o.moves.Migrates(), Served: o.kubevirtServed, Prevents: o.preventsStart(vm), Now: o.now,
	}
}

// preventsStart is why the guest could not start now if it were stopped; empty when it could. If a write was refused in
// the last pass, the VirtualMachine would not be written.
func (o *observation) preventsStart(vm *v1alpha1.WukongVM) string {
	if found := o.partsCause(); found != nil {
		return found.Message
	}
	written := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionSynchronized)
	if written == nil || written.Status == metav1.ConditionTrue ||
		written.Reason == v1alpha1.ReasonGuestNotChanged || written.Reason == v1alpha1.ReasonPending {
		return ""
	}
	return written.Message
}

// partsCause is the gravest cause of the parts that the VirtualMachine is made of; nil when all are ready. It blocks
// when any of them does.
func (o *observation) partsCause() *cause.Cause {
	var worst *cause.Cause
	for _, found := range []*cause.Cause{o.disksCause, o.nics.Problem(), o.cloudInit.Cause, o.policy.Cause} {
		worst = cause.Graver(worst, found)
	}
	return worst
}

// complete reports whether the content of the VirtualMachine is known.
func (o *observation) complete() bool {
	found := o.partsCause()
	return found == nil || !found.Blocking
}

// virtualMachine is the VirtualMachine as the parts of the plan decided.
func (o *observation) virtualMachine(vm *v1alpha1.WukongVM) *kubevirtv1.VirtualMachine {
	storage, network := o.diskInputs(vm), o.nics.After(o.View)
	devices, volumes := storage.Storage(model.CloudInitSecretName(vm))
	interfaces, networks := network.Devices()
	return virtualmachine.Make(virtualmachine.Inputs{
		VM:                    vm,
		ResourceVersion:       cmp.Or(network.Lock(), storage.Lock(volumes), o.restore.Lock()),
		Annotations:           o.moves.Annotations(),
		RunStrategy:           o.powerInputs(vm).Strategy(),
		UpdateVolumesStrategy: o.moves.Strategy(volumes),
		Disks:                 devices,
		Volumes:               volumes,
		Interfaces:            interfaces,
		Networks:              networks,
		BridgeNodes:           network.BridgeNodes(),
	})
}

// diskInputs are what decides about the disks.
func (o *observation) diskInputs(vm *v1alpha1.WukongVM) disks.Inputs {
	return disks.Inputs{
		VM: vm, View: o.View, Disks: o.disks.ByName, Owners: o.disks.Owners, Moves: o.moves, Restore: o.restore,
	}
}

// nicInputs are what decides about the interfaces.
func (o *observation) nicInputs(vm *v1alpha1.WukongVM) nics.Inputs {
	return nics.Inputs{
		VM: vm, View: o.View, Networks: o.networks.byName, Locks: o.networks.locks, Passt: o.networks.passt,
		SeenElsewhere: o.networks.conflict,
	}
}

// powerInputs are what decides whether the guest runs.
func (o *observation) powerInputs(vm *v1alpha1.WukongVM) power.Inputs {
	return power.Inputs{
		VM: vm, View: o.View, Waits: o.moves.Copies() || o.diskInputs(vm).Lacks(),
		Undecided: o.moves.Undecided(), Migrates: o.moves.Migrates(), Held: o.restore.Holds(),
	}
}
