// Package readiness derives the condition Ready and the phase of a WukongVM from the causes of its parts and from
// what KubeVirt reports. It is pure.
//
// Ready is True when the WukongVM is as powerState says: running, or stopped. Otherwise the first cause that applies
// gives its reason and message.
package readiness

import (
	"fmt"

	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/events"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Inputs are what decides about Ready and the phase.
type Inputs struct {
	VM *v1alpha1.WukongVM
	// View is the objects of KubeVirt after the writes of the pass.
	virt.View
	// KubeVirtServed: the cluster serves VirtualMachines.
	KubeVirtServed bool
	// Refused is the error of the first write that was refused; nil without one.
	Refused error
	// Parts is the gravest cause of the disks, the interfaces, the cloud-init data and the policy; nil when all are
	// ready.
	Parts *cause.Cause
	// Restoring is what a restore does that keeps the guest stopped; nil for nothing.
	Restoring *cause.Cause
	// Events are what other programs report only in events.
	Events events.Report
}

// Report sets the condition Ready.
func (in Inputs) Report(set *conditions.Set) {
	if found := in.Cause(); found != nil {
		set.False(v1alpha1.ConditionReady, found.Reason, found.Message)
		return
	}
	if in.VM.Spec.PowerState == v1alpha1.PowerStopped {
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonStopped, "the WukongVM is stopped, because powerState is Stopped")
		return
	}
	set.True(v1alpha1.ConditionReady, v1alpha1.ReasonRunning, "")
}

// causes of Ready=False. The first that applies is reported.
var causes = []func(Inputs) *cause.Cause{
	Inputs.beingDeleted,
	Inputs.kubevirtMissing,
	Inputs.writeRefused,
	Inputs.beingRestored,
	Inputs.partMissing,
	Inputs.virtualMachineState,
}

// Cause is why the WukongVM is not ready; nil when it is.
func (in Inputs) Cause() *cause.Cause {
	for _, one := range causes {
		if found := one(in); found != nil {
			return found
		}
	}
	return nil
}

func (in Inputs) beingDeleted() *cause.Cause {
	if in.VM.DeletionTimestamp.IsZero() {
		return nil
	}
	return &cause.Cause{
		Reason: v1alpha1.ReasonTerminating, Message: "the WukongVM is being deleted, with all that it owns",
	}
}

func (in Inputs) kubevirtMissing() *cause.Cause {
	if in.KubeVirtServed {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonDependencyMissing, Message: dependency.VirtualMachines.Missing()}
}

func (in Inputs) writeRefused() *cause.Cause {
	if in.Refused == nil {
		return nil
	}
	return cause.Refused(in.Refused)
}

func (in Inputs) beingRestored() *cause.Cause { return in.Restoring }

// partMissing is a disk, network or Secret that is missing or wrong. It is no cause while the guest runs: a running
// guest does not need the Secret that it was set up with. A stopped WukongVM reports what prevents its next start,
// but not what only takes time.
func (in Inputs) partMissing() *cause.Cause {
	switch {
	case in.Parts == nil:
		return nil
	case in.satisfied() && (in.VM.Spec.PowerState != v1alpha1.PowerStopped || in.Parts.Waiting):
		return nil
	case in.Parts.Waiting && in.startFails():
		return nil
	default:
		return in.Parts
	}
}

// startFails reports whether KubeVirt has a graver cause than a disk that takes time.
func (in Inputs) startFails() bool {
	return in.Machine != nil && failures[in.printed()] != ""
}

// satisfied reports whether the WukongVM is as powerState says.
func (in Inputs) satisfied() bool {
	if in.Machine == nil {
		return false
	}
	if in.VM.Spec.PowerState == v1alpha1.PowerStopped {
		return in.Instance == nil && in.Machine.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusStopped
	}
	return in.Instance != nil && in.Instance.IsRunning() && virt.Ready(in.Instance)
}

// failures maps the printable status of a VirtualMachine that cannot start to a reason.
var failures = map[kubevirtv1.VirtualMachinePrintableStatus]string{
	kubevirtv1.VirtualMachineStatusUnschedulable:    v1alpha1.ReasonUnschedulable,
	kubevirtv1.VirtualMachineStatusCrashLoopBackOff: v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusErrImagePull:     v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusImagePullBackOff: v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusDataVolumeError:  v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusUnknown:          v1alpha1.ReasonMachineFailed,
}

// virtualMachineState is why KubeVirt has not brought the VirtualMachine to the state that powerState asks for.
func (in Inputs) virtualMachineState() *cause.Cause {
	if in.satisfied() {
		return nil
	}
	if in.Machine == nil {
		return &cause.Cause{Reason: v1alpha1.ReasonPending, Message: "the VirtualMachine is being written"}
	}
	if !in.Machine.DeletionTimestamp.IsZero() {
		return &cause.Cause{Reason: v1alpha1.ReasonStopping, Message: fmt.Sprintf(
			"VirtualMachine %s was deleted by someone, and is created again afterwards", in.Machine.Name)}
	}
	printed := in.printed()
	if reason, failed := failures[printed]; failed {
		before := in.starting()
		if reason == v1alpha1.ReasonMachineFailed && before.Reason == v1alpha1.ReasonMachineFailed {
			return before
		}
		return &cause.Cause{Reason: reason, Message: in.describe()}
	}
	if in.VM.Spec.PowerState == v1alpha1.PowerStopped {
		return &cause.Cause{Reason: v1alpha1.ReasonStopping, Message: "the guest is shutting down"}
	}
	switch {
	case power.ShutDownFromInside(in.View):
		return &cause.Cause{Reason: v1alpha1.ReasonGuestShutDown, Message: fmt.Sprintf(
			"the guest shut itself down, and restartPolicy %s keeps it so; "+
				"set powerState to Stopped and back to Running to start it", in.VM.Spec.RestartPolicy)}
	case printed == kubevirtv1.VirtualMachineStatusPaused:
		return in.paused()
	default:
		return in.starting()
	}
}
