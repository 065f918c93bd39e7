// Package power is whether a WukongVM's machine is to run: KubeVirt's run strategy from powerState and restartPolicy, who stopped a machine,
// and what keeps one from starting. It depends on no other part: whatever is refused keeps no guest from being stopped.
package power

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Inputs are what decides.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// Waits: a machine that is stopped must not start now, because it lacks a disk, or one of its disks is being copied.
	Waits bool
	// Undecided: nobody knows which of two claims holds a disk.
	Undecided bool
	// Migrates: KubeVirt migrates a volume of the machine, or is asked to.
	Migrates bool
	// Incomplete: the VirtualMachine lacks what the machine is not to run without, or has what it may not have.
	Incomplete bool
}

// Strategy is the run strategy that the VirtualMachine is to have.
//
// While KubeVirt migrates a volume, the VirtualMachine names the new claim already. If the guest ended then, KubeVirt would start the next one on
// that claim, which has not all bytes (it keeps from that by ManualRecoveryRequired only once it has begun to migrate). So it is to start none by
// itself: the claims are put back first. While a move is undecided, no guest starts at all, and one that runs is left alone.
func (in Inputs) Strategy() kubevirtv1.VirtualMachineRunStrategy {
	wanted := ofSpec(in.VM)
	switch {
	case wanted == kubevirtv1.RunStrategyHalted:
		return wanted
	case in.Migrates, in.Undecided && in.Running() != nil:
		return kubevirtv1.RunStrategyManual
	case in.Undecided, in.Waits && isHalted(in.Machine):
		return kubevirtv1.RunStrategyHalted
	default:
		return wanted
	}
}

// Stops reports whether the machine is to be stopped, or to stay so.
func (in Inputs) Stops() bool { return in.Strategy() == kubevirtv1.RunStrategyHalted }

// Change is the run strategy that a VirtualMachine which must otherwise stay as it is gets; false for none.
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

// StoppedOutside reports whether somebody, for example by 'virtctl stop', stopped a machine that is to run, and did run when it was looked
// at last.
func StoppedOutside(vm *v1alpha1.WukongVM, machine *kubevirtv1.VirtualMachine) bool {
	return vm.Spec.PowerState != v1alpha1.PowerStopped && vm.Status.Phase == v1alpha1.PhaseRunning &&
		vm.Status.ObservedGeneration == vm.Generation && isHalted(machine)
}

// ShutDownFromInside reports whether the guest ended by itself, and KubeVirt starts it no more. It leaves a final instance with Once, and
// with RerunOnFailure none: then its status has the strategy under which the machine ran, which keeps KubeVirt from starting it again
// (pkg/virt-controller/watch/vm/vm.go, syncRunStrategy).
func ShutDownFromInside(view virt.View) bool {
	machine, instance := view.Machine, view.Instance
	if machine.Spec.RunStrategy == nil || machine.Status.PrintableStatus != kubevirtv1.VirtualMachineStatusStopped {
		return false
	}
	ended := instance != nil && instance.IsFinal()
	switch *machine.Spec.RunStrategy {
	case kubevirtv1.RunStrategyOnce:
		return ended
	case kubevirtv1.RunStrategyRerunOnFailure:
		return ended || instance == nil && machine.Status.RunStrategy == kubevirtv1.RunStrategyRerunOnFailure &&
			len(machine.Status.StateChangeRequests) == 0 && machine.Status.StartFailure == nil
	default:
		return false
	}
}

func isHalted(machine *kubevirtv1.VirtualMachine) bool {
	return machine != nil && machine.Spec.RunStrategy != nil && *machine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
}
