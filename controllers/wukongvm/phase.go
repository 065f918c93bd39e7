package wukongvm

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
)

// phases maps what KubeVirt prints for a machine to a phase.
var phases = map[kubevirtv1.VirtualMachinePrintableStatus]v1alpha1.Phase{
	kubevirtv1.VirtualMachineStatusStopped:                 v1alpha1.PhaseStopped,
	kubevirtv1.VirtualMachineStatusProvisioning:            v1alpha1.PhaseCreating,
	kubevirtv1.VirtualMachineStatusWaitingForVolumeBinding: v1alpha1.PhaseCreating,
	kubevirtv1.VirtualMachineStatusStarting:                v1alpha1.PhaseStarting,
	kubevirtv1.VirtualMachineStatusRunning:                 v1alpha1.PhaseRunning,
	kubevirtv1.VirtualMachineStatusPaused:                  v1alpha1.PhasePaused,
	kubevirtv1.VirtualMachineStatusMigrating:               v1alpha1.PhaseMigrating,
	kubevirtv1.VirtualMachineStatusWaitingForReceiver:      v1alpha1.PhaseMigrating,
	kubevirtv1.VirtualMachineStatusStopping:                v1alpha1.PhaseStopping,
	kubevirtv1.VirtualMachineStatusTerminating:             v1alpha1.PhaseStopping,
}

// phase is one word for people, from the same facts as the conditions.
func phase(vm *v1alpha1.WukongVM, observed *observation) v1alpha1.Phase {
	switch {
	case !vm.DeletionTimestamp.IsZero():
		return v1alpha1.PhaseTerminating
	case satisfied(vm, observed):
		return settledPhase(vm, observed)
	}
	if found := unready(vm, observed); found != nil && isError(found) {
		return v1alpha1.PhaseError
	}
	if observed.Machine == nil {
		return v1alpha1.PhasePending
	}
	printed := observed.Machine.Status.PrintableStatus
	if printed == kubevirtv1.VirtualMachineStatusStopped && vm.Spec.PowerState == v1alpha1.PowerRunning && !power.ShutDownFromInside(observed.View) {
		return v1alpha1.PhaseStarting
	}
	if known, ok := phases[printed]; ok {
		return known
	}
	return v1alpha1.PhaseCreating
}

// settledPhase is the phase of a machine that is as powerState says; a migration does not disturb that.
func settledPhase(vm *v1alpha1.WukongVM, observed *observation) v1alpha1.Phase {
	if vm.Spec.PowerState == v1alpha1.PowerStopped {
		return v1alpha1.PhaseStopped
	}
	switch printed := observed.Machine.Status.PrintableStatus; printed {
	case kubevirtv1.VirtualMachineStatusMigrating, kubevirtv1.VirtualMachineStatusPaused:
		return phases[printed]
	default:
		return v1alpha1.PhaseRunning
	}
}

// isError tells a fault from work that goes on.
func isError(found *cause.Cause) bool {
	switch found.Reason {
	case v1alpha1.ReasonPending, v1alpha1.ReasonStarting, v1alpha1.ReasonStopping, v1alpha1.ReasonPaused, v1alpha1.ReasonGuestShutDown, v1alpha1.ReasonTerminating:
		return false
	default:
		return !found.Waiting
	}
}
