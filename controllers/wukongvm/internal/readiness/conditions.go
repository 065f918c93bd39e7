package readiness

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// ReportGuest sets the conditions that repeat conditions of the instance: whether the guest agent answers, and
// whether the guest can migrate.
func ReportGuest(set *conditions.Set, view virt.View) {
	if view.Instance == nil {
		return
	}
	if agent := virt.Condition(view.Instance, kubevirtv1.VirtualMachineInstanceAgentConnected); agent != nil {
		status := metav1.ConditionStatus(agent.Status)
		set.Put(v1alpha1.ConditionGuestAgentConnected, status, "AgentReported", agent.Message)
	}
	reportMigratable(set, view.Instance)
}

// GuestNotChanged is what KubeVirt cannot change in a running guest, such as a disk for which there is no slot; nil
// when there is nothing. While a guest starts, Ready reports it.
func GuestNotChanged(view virt.View) *cause.Cause {
	guest := view.Guest()
	if guest == nil || !guest.IsRunning() {
		return nil
	}
	synchronized := virt.Condition(guest, kubevirtv1.VirtualMachineInstanceSynchronized)
	if synchronized == nil || synchronized.Status != corev1.ConditionFalse {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonGuestNotChanged, Message: fmt.Sprintf(
		"KubeVirt cannot change the running guest, and tries again: %s", synchronized.Message)}
}
