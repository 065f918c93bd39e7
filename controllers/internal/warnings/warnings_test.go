package warnings

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTheYoungestEventTellsTheCause(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return begin.Add(time.Duration(minute) * time.Minute) }
	event := func(minute int, message string) corev1.Event {
		return corev1.Event{Message: message, LastTimestamp: metav1.NewTime(at(minute))}
	}
	assert.Nil(t, youngest(nil))
	assert.Equal(t, "no such device", youngest([]corev1.Event{event(1, "out of memory"), event(2, "no such device")}).Message)
	assert.Equal(t, "no such device", youngest([]corev1.Event{event(2, "no such device"), event(1, "out of memory")}).Message)

	once := corev1.Event{Message: "once", EventTime: metav1.NewMicroTime(at(3))}
	again := corev1.Event{Message: "again", EventTime: metav1.NewMicroTime(at(0)), Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at(4))}}
	assert.Equal(t, "once", youngest([]corev1.Event{event(2, "no such device"), once}).Message)
	assert.Equal(t, "again", youngest([]corev1.Event{again, event(2, "no such device"), once}).Message)
}
