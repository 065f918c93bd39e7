package readiness

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
)

// phases maps the printable status of a VirtualMachine to a phase.
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

// Phase summarizes the WukongVM, from the same facts as its conditions.
func (in Inputs) Phase() v1alpha1.Phase {
	switch {
	case !in.VM.DeletionTimestamp.IsZero():
		return v1alpha1.PhaseTerminating
	case in.Restoring != nil && in.Refused == nil:
		return v1alpha1.PhaseRestoring
	case in.satisfied():
		return in.settledPhase()
	}
	if found := in.Cause(); found != nil && isError(found) {
		return v1alpha1.PhaseError
	}
	if in.Machine == nil {
		return v1alpha1.PhasePending
	}
	printed := in.printed()
	if printed == kubevirtv1.VirtualMachineStatusStopped && in.VM.Spec.PowerState == v1alpha1.PowerRunning &&
		!power.ShutDownFromInside(in.View) {
		return v1alpha1.PhaseStarting
	}
	if known, ok := phases[printed]; ok {
		return known
	}
	return v1alpha1.PhaseCreating
}

// settledPhase is the phase of a WukongVM that is as powerState says, also while the guest is paused or migrates.
func (in Inputs) settledPhase() v1alpha1.Phase {
	if in.VM.Spec.PowerState == v1alpha1.PowerStopped {
		return v1alpha1.PhaseStopped
	}
	switch printed := in.Machine.Status.PrintableStatus; printed {
	case kubevirtv1.VirtualMachineStatusMigrating, kubevirtv1.VirtualMachineStatusPaused:
		return phases[printed]
	default:
		return v1alpha1.PhaseRunning
	}
}

// isError distinguishes a fault from progress.
func isError(found *cause.Cause) bool {
	switch found.Reason {
	case v1alpha1.ReasonPending, v1alpha1.ReasonStarting, v1alpha1.ReasonStopping, v1alpha1.ReasonPaused,
		v1alpha1.ReasonGuestShutDown, v1alpha1.ReasonTerminating:
		return false
	default:
		return !found.Waiting
	}
}
