package readiness

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// paused is why the guest is paused. After an error of a disk KubeVirt tries to resume the guest again and again. The
// name of the disk is reported until that succeeds, even when the event that has it has expired.
func (in Inputs) paused() *cause.Cause {
	switch virt.PauseReason(in.Instance) {
	case virt.PausedIOError:
		before := meta.FindStatusCondition(in.VM.Status.Conditions, v1alpha1.ConditionReady)
		if in.Events.Cause == "" && before != nil && before.Reason == v1alpha1.ReasonDiskIOError {
			return &cause.Cause{Reason: before.Reason, Message: before.Message}
		}
		var which string
		if in.Events.Cause != "" {
			which = " (" + in.Events.Cause + ")"
		}
		return &cause.Cause{Reason: v1alpha1.ReasonDiskIOError, Message: "the guest is paused, because a disk could not " +
			"be read or written" + which + ": most often its storage is full or cannot be reached from the node; " +
			"KubeVirt resumes the guest when that is over"}
	case "PausedByMigrationMonitor":
		return &cause.Cause{
			Reason: v1alpha1.ReasonPaused, Message: "KubeVirt paused the guest to bring its migration to an end",
		}
	default:
		return &cause.Cause{Reason: v1alpha1.ReasonPaused, Message: fmt.Sprintf(
			"the guest was paused outside of Wukong; 'virtctl unpause vm %s' resumes it", in.Machine.Name)}
	}
}

// starting distinguishes a guest that starts from one that cannot start. A failure is reported until something
// succeeds: between two attempts KubeVirt's objects do not show it, and each change of the message would be a write.
func (in Inputs) starting() *cause.Cause {
	message := in.failure()
	before := meta.FindStatusCondition(in.VM.Status.Conditions, v1alpha1.ConditionReady)
	failed := before != nil && before.Status == metav1.ConditionFalse &&
		before.ObservedGeneration == in.VM.Generation &&
		(before.Reason == v1alpha1.ReasonMachineFailed || before.Reason == v1alpha1.ReasonStartFailing)
	switch {
	case failed && strings.Contains(before.Message, message):
		return &cause.Cause{Reason: before.Reason, Message: before.Message}
	case message != "" && (failed || in.Events.Late):
		return &cause.Cause{Reason: v1alpha1.ReasonStartFailing, Message: in.describe()}
	default:
		return &cause.Cause{Reason: v1alpha1.ReasonStarting, Message: in.describe()}
	}
}

// describe is the name of the VirtualMachine, its printable status, and the cause of that.
func (in Inputs) describe() string {
	name, printed := in.Machine.Name, in.printed()
	if printed == "" {
		return fmt.Sprintf("VirtualMachine %s: KubeVirt has not processed it yet", name)
	}
	if message := in.failure(); message != "" {
		return fmt.Sprintf("VirtualMachine %s: %s: %s", name, printed, message)
	}
	return fmt.Sprintf("VirtualMachine %s: %s", name, printed)
}

// printed is the printable status of the VirtualMachine, or Starting while KubeVirt only waits for a claim to appear.
// KubeVirt shows that wait as one for the scheduler, and shows it still when the claim exists and the pod is refused
// (pkg/virt-controller/watch/vmi/lifecycle.go, updateStatus).
func (in Inputs) printed() kubevirtv1.VirtualMachinePrintableStatus {
	printed := in.Machine.Status.PrintableStatus
	switch {
	case printed == kubevirtv1.VirtualMachineStatusPvcNotFound,
		printed == kubevirtv1.VirtualMachineStatusUnschedulable && in.Instance != nil && !in.hasPod():
		return kubevirtv1.VirtualMachineStatusStarting
	default:
		return printed
	}
}

// hasPod reports whether what the instance says of the scheduler concerns a pod: its launcher, or the one that KubeVirt
// creates while it provisions claims of a class that waits for their first consumer.
func (in Inputs) hasPod() bool {
	if !in.Instance.IsUnprocessed() {
		return true
	}
	provisioning := virt.Condition(in.Instance, kubevirtv1.VirtualMachineInstanceProvisioning)
	return provisioning != nil && provisioning.Status == corev1.ConditionTrue
}

// failure is the most specific message about a start: why the pod was not scheduled, why the instance could not be
// synchronized, why the VirtualMachine failed, or what events report.
func (in Inputs) failure() string {
	if in.Instance != nil {
		if unscheduled := in.instanceFailure(
			kubevirtv1.VirtualMachineInstanceConditionType(corev1.PodScheduled)); unscheduled != "" && in.hasPod() {
			return unscheduled
		}
		if refused := in.instanceFailure(kubevirtv1.VirtualMachineInstanceSynchronized); refused != "" {
			return refused
		}
	}
	for _, condition := range in.Machine.Status.Conditions {
		if condition.Type == kubevirtv1.VirtualMachineFailure && condition.Status == corev1.ConditionTrue {
			return condition.Message
		}
	}
	return in.Events.Cause
}

// instanceFailure is the message of a condition of the instance that is False, or "".
func (in Inputs) instanceFailure(conditionType kubevirtv1.VirtualMachineInstanceConditionType) string {
	condition := virt.Condition(in.Instance, conditionType)
	if condition == nil || condition.Status != corev1.ConditionFalse {
		return ""
	}
	return condition.Message
}
