package wukongvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestYoungestWarningTellsTheCause(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	event := func(minute int, reason, message string) corev1.Event {
		return corev1.Event{Reason: reason, Message: message, LastTimestamp: metav1.NewTime(begin.Add(time.Duration(minute) * time.Minute))}
	}
	assert.Empty(t, youngest(nil))
	assert.Empty(t, youngest([]corev1.Event{event(1, "Stopped", "The VirtualMachineInstance crashed.")}), "that it ended is no cause")
	assert.Equal(t, "no such device", youngest([]corev1.Event{
		event(1, "SyncFailed", "out of memory"), event(2, "SyncFailed", "no such device"), event(3, "Stopped", "crashed"),
	}))
}
