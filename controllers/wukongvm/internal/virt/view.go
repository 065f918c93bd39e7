// Package virt is a view of the two objects of KubeVirt that a WukongVM becomes: the VirtualMachine, and the
// VirtualMachineInstance while it runs. It decides nothing and changes nothing.
package virt

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/kind"
)

// View is the objects as they were read. Each is nil when it does not exist, or is not the WukongVM's.
type View struct {
	Machine  *kubevirtv1.VirtualMachine
	Instance *kubevirtv1.VirtualMachineInstance
}

// Running is the instance, as long as a guest may write to its disks.
func (v View) Running() *kubevirtv1.VirtualMachineInstance {
	if v.Instance == nil || v.Instance.IsFinal() {
		return nil
	}
	return v.Instance
}

// Guest is the instance that changes can be made to: one that is being deleted takes none.
func (v View) Guest() *kubevirtv1.VirtualMachineInstance {
	if instance := v.Running(); instance != nil && instance.DeletionTimestamp.IsZero() {
		return instance
	}
	return nil
}

// AgentConnected reports whether the guest's agent answers.
func (v View) AgentConnected() bool {
	return v.Instance != nil && v.Instance.IsRunning() &&
		isTrue(v.Instance, kubevirtv1.VirtualMachineInstanceAgentConnected)
}

// Ready reports whether the condition Ready of an instance is True.
func Ready(instance *kubevirtv1.VirtualMachineInstance) bool {
	return isTrue(instance, kubevirtv1.VirtualMachineInstanceReady)
}

func isTrue(
	instance *kubevirtv1.VirtualMachineInstance, conditionType kubevirtv1.VirtualMachineInstanceConditionType,
) bool {
	condition := Condition(instance, conditionType)
	return condition != nil && condition.Status == corev1.ConditionTrue
}

// PausedIOError is the PauseReason of a guest after QEMU could not read or write a disk.
const PausedIOError = "PausedIOError"

// PauseReason is KubeVirt's reason for which a guest is paused (pkg/virt-handler/vm.go, calculatePausedCondition);
// empty when it is not paused.
func PauseReason(instance *kubevirtv1.VirtualMachineInstance) string {
	if instance == nil {
		return ""
	}
	condition := Condition(instance, kubevirtv1.VirtualMachineInstancePaused)
	if condition == nil {
		return ""
	}
	return condition.Reason
}

// Condition is an instance's condition of a type; nil without one.
func Condition(
	instance *kubevirtv1.VirtualMachineInstance, conditionType kubevirtv1.VirtualMachineInstanceConditionType,
) *kubevirtv1.VirtualMachineInstanceCondition {
	for i := range instance.Status.Conditions {
		if instance.Status.Conditions[i].Type == conditionType {
			return &instance.Status.Conditions[i]
		}
	}
	return nil
}

// HasCondition reports whether a condition of a VirtualMachine is True.
func HasCondition(machine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType) bool {
	isTrue := func(condition kubevirtv1.VirtualMachineCondition) bool {
		return condition.Type == conditionType && condition.Status == corev1.ConditionTrue
	}
	return machine != nil && slices.ContainsFunc(machine.Status.Conditions, isTrue)
}

// KeepInstance copies what is read of an instance. What it has from its VirtualMachine, which is cached as well, is
// left out, and what KubeVirt notes on it. Its volumes and interfaces stay: they are not always those of the
// VirtualMachine.
func KeepInstance(full, kept *kubevirtv1.VirtualMachineInstance) {
	kind.KeepAnnotations(full, kept, func(key string) bool {
		return !strings.Contains(key, "kubevirt.io/") || key == kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation
	})
	kept.Spec.Volumes, kept.Spec.Networks = full.Spec.Volumes, full.Spec.Networks
	kept.Spec.EvictionStrategy = full.Spec.EvictionStrategy
	kept.Spec.Domain.Devices.Interfaces = full.Spec.Domain.Devices.Interfaces
	kept.Status = full.Status
}
