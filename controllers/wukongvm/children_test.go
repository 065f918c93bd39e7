package wukongvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Fault C.10: 'virtctl stop' is undone, and nothing says by whom.
func TestWhoseStopIsUndone(t *testing.T) {
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning},
		Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseRunning, ObservedGeneration: 2},
	}
	machine := &kubevirtv1.VirtualMachine{Spec: kubevirtv1.VirtualMachineSpec{RunStrategy: ptr.To(kubevirtv1.RunStrategyHalted)}}
	assert.True(t, stoppedOutside(vm, machine))
	assert.False(t, stoppedOutside(vm, nil))
	vm.Generation++
	assert.False(t, stoppedOutside(vm, machine), "a person has just set powerState to Running")
	vm.Generation--
	vm.Status.Phase = v1alpha1.PhaseStarting
	assert.False(t, stoppedOutside(vm, machine), "it was held back")
	vm.Status.Phase, machine.Spec.RunStrategy = v1alpha1.PhaseRunning, ptr.To(kubevirtv1.RunStrategyAlways)
	assert.False(t, stoppedOutside(vm, machine))
}
