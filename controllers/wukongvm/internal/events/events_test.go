package events

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

func TestCausesOfAFailureAreWarningsButThatItStopped(t *testing.T) {
	event := func(kind, name, kindOf, reason string) fields.Set {
		return fields.Set{"involvedObject.kind": kind, "involvedObject.name": name, "type": kindOf, "reason": reason}
	}
	selector := failureSelector("web")
	stopped := event("VirtualMachineInstance", "web", "Warning", "Stopped")
	assert.True(t, selector.Matches(event("VirtualMachineInstance", "web", "Warning", "SyncFailed")))
	assert.False(t, selector.Matches(stopped), "that it ended is no cause")
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "web", "Normal", "Started")))
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "other", "Warning", "SyncFailed")))
	assert.False(t, selector.Matches(event("Pod", "web", "Warning", "SyncFailed")))
}

// An event about an error of an hour ago, or of another instance of the name, is not about the error that pauses the
// guest now.
func TestOnlyAnEventOfThisErrorNamesTheDisk(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	type condition = kubevirtv1.VirtualMachineInstanceCondition
	instance := func(age time.Duration, conditions ...condition) *kubevirtv1.VirtualMachineInstance {
		return keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-age))},
			Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running, Conditions: conditions},
		}, virt.KeepInstance)
	}
	paused := func(since time.Duration) condition {
		return condition{
			Type: kubevirtv1.VirtualMachineInstancePaused, Status: corev1.ConditionTrue,
			LastTransitionTime: metav1.NewTime(now.Add(-since)),
		}
	}
	old := instance(time.Hour, paused(10*time.Minute))
	assert.Equal(t, now.Add(-11*time.Minute), pausedSince(old), "the event may be a little older than the condition")
	young := instance(20*time.Second, paused(10*time.Second))
	assert.Equal(t, young.CreationTimestamp.Time, pausedSince(young))
	bare := instance(20 * time.Second)
	assert.Equal(t, young.CreationTimestamp.Time, pausedSince(bare))
}
