package guest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// instance is one that runs, as the cache keeps it.
func instance(changes ...func(*kubevirtv1.VirtualMachineInstance)) *kubevirtv1.VirtualMachineInstance {
	made := &kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "guest-1"},
		Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running, NodeName: "node-1"},
	}
	for _, change := range changes {
		change(made)
	}
	return keeptest.Object(made, Keep)
}

func holds(condition kubevirtv1.VirtualMachineInstanceConditionType) func(*kubevirtv1.VirtualMachineInstance) {
	return func(i *kubevirtv1.VirtualMachineInstance) {
		i.Status.Conditions = append(i.Status.Conditions,
			kubevirtv1.VirtualMachineInstanceCondition{Type: condition, Status: corev1.ConditionTrue})
	}
}

func TestTheGuestOfAnInstance(t *testing.T) {
	plain := Of(instance())
	assert.Equal(t, "guest-1", plain.InstanceUID)
	assert.Equal(t, "node-1", plain.NodeName)
	assert.False(t, plain.Frozen || plain.Migrating || plain.Paused || plain.HasAgent)

	assert.True(t, Of(instance(holds(kubevirtv1.VirtualMachineInstanceAgentConnected))).HasAgent)
	assert.True(t, Of(instance(holds(kubevirtv1.VirtualMachineInstancePaused))).Paused)
	assert.True(t,
		Of(instance(func(i *kubevirtv1.VirtualMachineInstance) { i.Status.FSFreezeStatus = "frozen" })).Frozen)
	moving := func(state kubevirtv1.VirtualMachineInstanceMigrationState) bool {
		return Of(instance(func(i *kubevirtv1.VirtualMachineInstance) { i.Status.MigrationState = &state })).Migrating
	}
	assert.True(t, moving(kubevirtv1.VirtualMachineInstanceMigrationState{}))
	assert.False(t, moving(kubevirtv1.VirtualMachineInstanceMigrationState{Completed: true}))
	assert.False(t, moving(kubevirtv1.VirtualMachineInstanceMigrationState{Completed: true, Failed: true}))
	phases := []kubevirtv1.VirtualMachineInstancePhase{"", kubevirtv1.Scheduled, kubevirtv1.Succeeded,
		kubevirtv1.Failed}
	for _, phase := range phases {
		assert.Nil(t, Of(instance(func(i *kubevirtv1.VirtualMachineInstance) { i.Status.Phase = phase })), phase)
	}
}

func TestWhichChangesOfAnInstanceMatter(t *testing.T) {
	change := Change()
	matters := func(before, after *kubevirtv1.VirtualMachineInstance) bool {
		return change.Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	ended := instance(func(i *kubevirtv1.VirtualMachineInstance) { i.Status.Phase = kubevirtv1.Succeeded })
	assert.False(t, matters(instance(), instance()))
	assert.False(t, matters(ended, ended))
	assert.True(t, matters(instance(), ended))
	assert.True(t, matters(instance(), instance(holds(kubevirtv1.VirtualMachineInstanceAgentConnected))))
}
