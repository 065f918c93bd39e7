package wukongvm

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
	selector := tellWhy("web")
	assert.True(t, selector.Matches(event("VirtualMachineInstance", "web", "Warning", "SyncFailed")))
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "web", "Warning", "Stopped")), "that it ended is no cause")
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "web", "Normal", "Started")))
	assert.False(t, selector.Matches(event("VirtualMachineInstance", "other", "Warning", "SyncFailed")))
	assert.False(t, selector.Matches(event("Pod", "web", "Warning", "SyncFailed")))
}

// An event about a disk that failed an hour ago, or in another instance of the name, is not about the error that stops the guest now.
func TestOnlyAnEventOfThisErrorNamesTheDisk(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	paused := func(since time.Duration) kubevirtv1.VirtualMachineInstanceCondition {
		return kubevirtv1.VirtualMachineInstanceCondition{Type: kubevirtv1.VirtualMachineInstancePaused, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(now.Add(-since))}
	}
	old := instanceIn(kubevirtv1.Running, paused(10*time.Minute))
	old.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
	assert.Equal(t, now.Add(-11*time.Minute), pausedSince(old), "the event may be a little older than the condition")
	young := instanceIn(kubevirtv1.Running, paused(10*time.Second))
	young.CreationTimestamp = metav1.NewTime(now.Add(-20 * time.Second))
	assert.Equal(t, young.CreationTimestamp.Time, pausedSince(young))
	bare := keeptest.Object(&kubevirtv1.VirtualMachineInstance{ObjectMeta: young.ObjectMeta}, virt.KeepInstance)
	assert.Equal(t, young.CreationTimestamp.Time, pausedSince(bare))
}
