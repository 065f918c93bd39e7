package wukongvm

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// reportReady puts the Ready condition.
func reportReady(set *conditions.Set, vm *v1alpha1.WukongVM, observed *observation) {
	if found := unready(vm, observed); found != nil {
		set.False(v1alpha1.ConditionReady, found.Reason, found.Message)
		return
	}
	if vm.Spec.PowerState == v1alpha1.PowerStopped {
		set.True(v1alpha1.ConditionReady, v1alpha1.ReasonStopped, "the machine is stopped, as powerState says")
		return
	}
	set.True(v1alpha1.ConditionReady, v1alpha1.ReasonRunning, "")
}

// causes of Ready=False, the deepest first. The first that applies is the one to tell.
var causes = []func(*v1alpha1.WukongVM, *observation) *cause.Cause{
	beingDeleted,
	kubevirtMissing,
	writeRefused,
	partMissing,
	machineState,
}

func unready(vm *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	for _, one := range causes {
		if found := one(vm, observed); found != nil {
			return found
		}
	}
	return nil
}

func beingDeleted(vm *v1alpha1.WukongVM, _ *observation) *cause.Cause {
	if vm.DeletionTimestamp.IsZero() {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonTerminating, Message: "the machine is being deleted, with all that it owns"}
}

func kubevirtMissing(_ *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	if observed.kubevirtServed {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonDependencyMissing, Message: dependency.VirtualMachines.Missing()}
}

func writeRefused(_ *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	err := observed.outcome.Refused()
	if err == nil {
		return nil
	}
	return cause.Refused(err)
}

// partMissing: a disk, network or Secret that is missing or wrong. It is no cause while the guest runs: a running guest does not
// need the Secret that it was set up with. A stopped machine tells what would keep it from starting, but not what only takes time.
func partMissing(vm *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	worst := cause.Graver(cause.Graver(cause.Graver(observed.disksProblem, observed.nics.Problem()), observed.cloudInit.problem), observed.policy.Cause)
	switch {
	case worst == nil:
		return nil
	case satisfied(vm, observed) && (vm.Spec.PowerState != v1alpha1.PowerStopped || worst.Waiting):
		return nil
	case worst.Waiting && machineFailing(observed):
		return nil
	default:
		return worst
	}
}

// machineFailing tells whether KubeVirt has a harder cause than a disk that takes its time.
func machineFailing(observed *observation) bool {
	return observed.Machine != nil && failures[observed.Machine.Status.PrintableStatus] != ""
}

// satisfied tells whether the machine is as powerState says.
func satisfied(vm *v1alpha1.WukongVM, observed *observation) bool {
	machine := observed.Machine
	if machine == nil {
		return false
	}
	if vm.Spec.PowerState == v1alpha1.PowerStopped {
		return observed.Instance == nil && machine.Status.PrintableStatus == kubevirtv1.VirtualMachineStatusStopped
	}
	return observed.Instance != nil && observed.Instance.IsRunning() && virt.Ready(observed.Instance)
}

// failures maps what KubeVirt prints for a machine that cannot start to a reason.
var failures = map[kubevirtv1.VirtualMachinePrintableStatus]string{
	kubevirtv1.VirtualMachineStatusUnschedulable:    v1alpha1.ReasonUnschedulable,
	kubevirtv1.VirtualMachineStatusCrashLoopBackOff: v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusErrImagePull:     v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusImagePullBackOff: v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusPvcNotFound:      v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusDataVolumeError:  v1alpha1.ReasonMachineFailed,
	kubevirtv1.VirtualMachineStatusUnknown:          v1alpha1.ReasonMachineFailed,
}

// machineState is what KubeVirt says of a machine that is not yet, or no more, as powerState says.
func machineState(vm *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	if satisfied(vm, observed) {
		return nil
	}
	machine := observed.Machine
	if machine == nil {
		return &cause.Cause{Reason: v1alpha1.ReasonPending, Message: "the VirtualMachine is being written"}
	}
	if !machine.DeletionTimestamp.IsZero() {
		return &cause.Cause{Reason: v1alpha1.ReasonStopping,
			Message: fmt.Sprintf("VirtualMachine %s was deleted by someone, and is made anew when it is gone", machine.Name)}
	}
	status := machine.Status.PrintableStatus
	if reason, failed := failures[status]; failed {
		if kept := starting(vm, observed); reason == v1alpha1.ReasonMachineFailed && kept.Reason == v1alpha1.ReasonMachineFailed {
			return kept
		}
		return &cause.Cause{Reason: reason, Message: kubevirtSays(observed)}
	}
	if vm.Spec.PowerState == v1alpha1.PowerStopped {
		return &cause.Cause{Reason: v1alpha1.ReasonStopping, Message: "the guest is shutting down"}
	}
	switch {
	case power.ShutDownFromInside(observed.View):
		return &cause.Cause{Reason: v1alpha1.ReasonGuestShutDown, Message: fmt.Sprintf(
			"the guest shut itself down, and restartPolicy %s keeps it so; set powerState to Stopped and back to Running to start it", vm.Spec.RestartPolicy)}
	case status == kubevirtv1.VirtualMachineStatusPaused:
		return paused(vm, observed)
	default:
		return starting(vm, observed)
	}
}

// pausedIOError is the reason of an instance's condition Paused after QEMU could not read or write a disk.
const pausedIOError = "PausedIOError"

// pauseReason is who paused a guest, by KubeVirt's reasons (pkg/virt-handler/vm.go, calculatePausedCondition); empty when it is not paused.
func pauseReason(instance *kubevirtv1.VirtualMachineInstance) string {
	if instance == nil {
		return ""
	}
	condition := virt.Condition(instance, kubevirtv1.VirtualMachineInstancePaused)
	if condition == nil {
		return ""
	}
	return condition.Reason
}

// paused reports who paused the guest. After an error of a disk KubeVirt tries to resume it again and again; the disk's name is reported until that succeeds, also
// when the event that has it has expired.
func paused(vm *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	switch pauseReason(observed.Instance) {
	case pausedIOError:
		before := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionReady)
		if observed.told.cause == "" && before != nil && before.Reason == v1alpha1.ReasonDiskIOError {
			return &cause.Cause{Reason: before.Reason, Message: before.Message}
		}
		var which string
		if observed.told.cause != "" {
			which = " (" + observed.told.cause + ")"
		}
		return &cause.Cause{Reason: v1alpha1.ReasonDiskIOError, Message: "the guest is paused, because a disk could not be read or written" + which + ": most often its storage is full " +
			"or cannot be reached from the node; KubeVirt resumes the guest when that is over"}
	case "PausedByMigrationMonitor":
		return &cause.Cause{Reason: v1alpha1.ReasonPaused, Message: "KubeVirt paused the guest to bring its migration to an end"}
	default:
		return &cause.Cause{Reason: v1alpha1.ReasonPaused, Message: fmt.Sprintf("the machine was paused outside of Wukong; 'virtctl unpause vm %s' resumes it", observed.Machine.Name)}
	}
}

// starting tells a machine that comes up from one that is refused. What failed is told until something succeeds: between two tries of KubeVirt nothing of it is
// to be seen, and a message that comes and goes is a riddle, and a write each time.
func starting(vm *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	says := machineSays(observed)
	before := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionReady)
	failed := before != nil && before.Status == metav1.ConditionFalse && before.ObservedGeneration == vm.Generation &&
		(before.Reason == v1alpha1.ReasonMachineFailed || before.Reason == v1alpha1.ReasonStartFailing)
	switch {
	case failed && strings.Contains(before.Message, says):
		return &cause.Cause{Reason: before.Reason, Message: before.Message}
	case says != "" && (failed || observed.told.late):
		return &cause.Cause{Reason: v1alpha1.ReasonStartFailing, Message: kubevirtSays(observed)}
	default:
		return &cause.Cause{Reason: v1alpha1.ReasonStarting, Message: kubevirtSays(observed)}
	}
}

// kubevirtSays names the machine, what KubeVirt prints for it, and why.
func kubevirtSays(observed *observation) string {
	name, printed := observed.Machine.Name, observed.Machine.Status.PrintableStatus
	if printed == "" {
		return fmt.Sprintf("VirtualMachine %s: KubeVirt has not looked at it yet", name)
	}
	if message := machineSays(observed); message != "" {
		return fmt.Sprintf("VirtualMachine %s: %s: %s", name, printed, message)
	}
	return fmt.Sprintf("VirtualMachine %s: %s", name, printed)
}

// machineSays is the most telling message of KubeVirt's conditions: why the pod was not scheduled, why the machine could not be
// synchronized, or what failed.
func machineSays(observed *observation) string {
	if observed.Instance != nil {
		for _, conditionType := range []kubevirtv1.VirtualMachineInstanceConditionType{
			kubevirtv1.VirtualMachineInstanceConditionType(corev1.PodScheduled), kubevirtv1.VirtualMachineInstanceSynchronized,
		} {
			if condition := virt.Condition(observed.Instance, conditionType); condition != nil && condition.Status == corev1.ConditionFalse {
				return condition.Message
			}
		}
	}
	for _, condition := range observed.Machine.Status.Conditions {
		if condition.Type == kubevirtv1.VirtualMachineFailure && condition.Status == corev1.ConditionTrue {
			return condition.Message
		}
	}
	return observed.told.cause
}
