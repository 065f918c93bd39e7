package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
)

// Fault C.5: four of eight disks found no slot, and the WukongVM was Ready.
func TestWhatKubeVirtCannotDoToARunningGuestIsTold(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	synchronized := func() *metav1.Condition {
		observed.cloudInit = cloudinit.Plan{}
		set := conditions.For(vm, clocktesting.NewFakePassiveClock(time.Unix(1000, 0)))
		reportParts(set, vm, observed)
		return set.Get(v1alpha1.ConditionSynchronized)
	}
	assert.Equal(t, metav1.ConditionTrue, synchronized().Status)
	observed.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{
		Type: kubevirtv1.VirtualMachineInstanceSynchronized, Status: corev1.ConditionFalse,
		Message: "No more available PCI slots",
	}}
	found := synchronized()
	assert.Equal(t, metav1.ConditionFalse, found.Status)
	assert.Equal(t, v1alpha1.ReasonGuestNotChanged, found.Reason)
	assert.Contains(t, found.Message, "No more available PCI slots")
}

// Fault C.10: labels that came after the guest had started are on no pod.
func TestLabelsThatTheGuestDoesNotHaveWaitForARestart(t *testing.T) {
	vm, observed := withData()
	vm.Spec.Scheduling = &v1alpha1.Scheduling{Labels: map[string]string{"tier": "web", v1alpha1.LabelManagedBy: "Helm"}}
	run(vm, observed)
	observed.Instance.Labels = placement.Labels(vm)
	assert.Empty(t, restartMessage(vm, observed))
	vm.Spec.Scheduling.Labels["tier"], vm.Spec.Scheduling.Labels["zone"] = "db", "a"
	assert.Contains(t, restartMessage(vm, observed), "tier, zone")

	vm.Spec.Scheduling = &v1alpha1.Scheduling{Annotations: map[string]string{
		"sidecar.istio.io/inject": "true", "kubevirt.io/not": "given",
	}}
	assert.Equal(t, "annotations of spec.scheduling that the pod of the running guest does not have: "+
		"sidecar.istio.io/inject", restartMessage(vm, observed))
	observed.Instance.Annotations = map[string]string{"sidecar.istio.io/inject": "true"}
	assert.Empty(t, restartMessage(vm, observed))
}
