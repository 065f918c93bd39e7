// Package power decides whether a WukongVM's guest must run: KubeVirt's run strategy from powerState and
// restartPolicy, who stopped a guest, and what keeps one from starting. It depends on no other part, so that a guest
// can be stopped whatever else is refused.
package power

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Inputs are the facts that decide.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// Waits: a stopped VirtualMachine must not start now, because it lacks a disk, or one of its disks is being copied.
	Waits bool
	// Undecided: it is unknown which of two claims holds a disk.
	Undecided bool
	// Held: the guest must be stopped, or stay so, while its disks are replaced.
	Held bool
	// Migrates: KubeVirt migrates a volume of the VirtualMachine, or is asked to.
	Migrates bool
	// Incomplete: the VirtualMachine lacks something that it must not run without, or has something that it may not
	// have.
	Incomplete bool
}

// Strategy returns the run strategy for the VirtualMachine.
//
// While KubeVirt migrates a volume, the VirtualMachine already names the new claim. If the guest ended then, KubeVirt
// would start the next instance on that claim, which is incomplete (it prevents that by ManualRecoveryRequired only
// once it has begun to migrate). So KubeVirt must not start one automatically: the claims are reverted first. While a
// move is undecided, no guest starts at all, and a running one is left alone.
func (in Inputs) Strategy() kubevirtv1.VirtualMachineRunStrategy {
	wanted := ofSpec(in.VM)
	switch {
	case wanted == kubevirtv1.RunStrategyHalted, in.Held:
		return kubevirtv1.RunStrategyHalted
	case in.Migrates, in.Undecided && in.Running() != nil:
		return kubevirtv1.RunStrategyManual
	case in.Undecided, in.Waits && isHalted(in.Machine):
		return kubevirtv1.RunStrategyHalted
	default:
		return wanted
	}
}

// Stops reports whether the guest must be stopped, or stay so.
func (in Inputs) Stops() bool { return in.Strategy() == kubevirtv1.RunStrategyHalted }

// Change returns the new run strategy of a VirtualMachine that must otherwise not change; false for none.
func (in Inputs) Change() (kubevirtv1.VirtualMachineRunStrategy, bool) {
	wanted := in.Strategy()
	if in.Machine == nil || !in.Machine.DeletionTimestamp.IsZero() || in.Incomplete && !in.Stops() {
		return "", false
	}
	return wanted, in.Machine.Spec.RunStrategy == nil || *in.Machine.Spec.RunStrategy != wanted
}

// ofSpec maps powerState and restartPolicy to KubeVirt's one field.
func ofSpec(vm *v1alpha1.WukongVM) kubevirtv1.VirtualMachineRunStrategy {
	if vm.Spec.PowerState == v1alpha1.PowerStopped {
		return kubevirtv1.RunStrategyHalted
	}
	switch vm.Spec.RestartPolicy {
	case v1alpha1.RestartOnFailure:
		return kubevirtv1.RunStrategyRerunOnFailure
	case v1alpha1.RestartNever:
		return kubevirtv1.RunStrategyOnce
	default:
		return kubevirtv1.RunStrategyAlways
	}
}

// StoppedOutside reports whether somebody stopped a guest that must run, for example by 'virtctl stop', after the last
// pass saw it running.
func StoppedOutside(vm *v1alpha1.WukongVM, virtualMachine *kubevirtv1.VirtualMachine) bool {
	return vm.Spec.PowerState != v1alpha1.PowerStopped && vm.Status.Phase == v1alpha1.PhaseRunning &&
		vm.Status.ObservedGeneration == vm.Generation && isHalted(virtualMachine)
}

// ShutDownFromInside reports whether the guest shut itself down, and KubeVirt does not start it again. With Once,
// KubeVirt keeps the final instance. With RerunOnFailure it keeps none: then its status has the run strategy of that
// instance, which prevents another start (pkg/virt-controller/watch/vm/vm.go, syncRunStrategy).
func ShutDownFromInside(view virt.View) bool {
	virtualMachine, instance := view.Machine, view.Instance
	if virtualMachine.Spec.RunStrategy == nil ||
		virtualMachine.Status.PrintableStatus != kubevirtv1.VirtualMachineStatusStopped {
		return false
	}
	ended := instance != nil && instance.IsFinal()
	switch *virtualMachine.Spec.RunStrategy {
	case kubevirtv1.RunStrategyOnce:
		return ended
	case kubevirtv1.RunStrategyRerunOnFailure:
		return ended || instance == nil && virtualMachine.Status.RunStrategy == kubevirtv1.RunStrategyRerunOnFailure &&
			len(virtualMachine.Status.StateChangeRequests) == 0 && virtualMachine.Status.StartFailure == nil
	default:
		return false
	}
}

func isHalted(virtualMachine *kubevirtv1.VirtualMachine) bool {
	return virtualMachine != nil && virtualMachine.Spec.RunStrategy != nil &&
		*virtualMachine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
}
