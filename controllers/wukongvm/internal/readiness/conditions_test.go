package readiness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// The conditions of the instance that a user needs are conditions of the WukongVM.
func TestReportGuest(t *testing.T) {
	set := conditions.For(&v1alpha1.WukongVM{}, clocktesting.NewFakePassiveClock(time.Unix(0, 0)))
	ReportGuest(set, virt.View{})
	assert.Empty(t, set.List(), "no guest")
	ReportGuest(set, virt.View{Instance: instanceIn(kubevirtv1.Running)})
	assert.Empty(t, set.List(), "KubeVirt has reported nothing yet")
	ReportGuest(set, virt.View{Instance: instanceIn(kubevirtv1.Running,
		condition{Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue},
		condition{
			Type: kubevirtv1.VirtualMachineInstanceIsMigratable, Status: corev1.ConditionFalse,
			Reason: "DisksNotLiveMigratable", Message: "a claim is not shared",
		})})
	assert.Equal(t, "AgentReported", set.Get(v1alpha1.ConditionGuestAgentConnected).Reason)
	migratable := set.Get(v1alpha1.ConditionLiveMigratable)
	assert.Equal(t, "False DisksNotLiveMigratable a claim is not shared",
		string(migratable.Status)+" "+migratable.Reason+" "+migratable.Message)
	ReportGuest(set, virt.View{Instance: instanceIn(kubevirtv1.Running,
		condition{Type: kubevirtv1.VirtualMachineInstanceIsMigratable, Status: corev1.ConditionTrue})})
	assert.Equal(t, v1alpha1.ReasonReady, set.Get(v1alpha1.ConditionLiveMigratable).Reason, "a reason is never empty")
}
