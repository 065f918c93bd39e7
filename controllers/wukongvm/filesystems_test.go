package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

func TestFileSystemsAreAskedOfAnAgentOnly(t *testing.T) {
	vm, observed := withData()
	run(vm, observed)
	assert.Zero(t, observed.fileSystemsAfter(vm, time.Now()))
	observed.Instance.Status.Conditions = []kubevirtv1.VirtualMachineInstanceCondition{{Type: kubevirtv1.VirtualMachineInstanceAgentConnected, Status: corev1.ConditionTrue}}
	assert.NotZero(t, observed.fileSystemsAfter(vm, time.Now()))
}
