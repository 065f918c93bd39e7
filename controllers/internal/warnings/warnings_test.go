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
	assert.Equal(t, "no such device",
		youngest([]corev1.Event{event(1, "out of memory"), event(2, "no such device")}).Message)
	assert.Equal(t, "no such device",
		youngest([]corev1.Event{event(2, "no such device"), event(1, "out of memory")}).Message)

	once := corev1.Event{Message: "once", EventTime: metav1.NewMicroTime(at(3))}
	again := corev1.Event{Message: "again", EventTime: metav1.NewMicroTime(at(0)),
		Series: &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at(4))}}
	assert.Equal(t, "once", youngest([]corev1.Event{event(2, "no such device"), once}).Message)
	assert.Equal(t, "again", youngest([]corev1.Event{again, event(2, "no such device"), once}).Message)
}

func TestWhatIsToldAboutSomeObjects(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	event := func(minute int, kind, name, message string) corev1.Event {
		return corev1.Event{
			Message: message, LastTimestamp: metav1.NewTime(begin.Add(time.Duration(minute) * time.Minute)),
			InvolvedObject: corev1.ObjectReference{Kind: kind, Name: name},
		}
	}
	events := func() []corev1.Event {
		return []corev1.Event{
			event(1, "Pod", "virt-launcher-web-x2x4z", "(combined from similar events): no such plugin for sandbox "+
				"\"0123456789abcdef0123456789abcdef\""), event(2, "Pod", "virt-launcher-web-2-abcde", "of another"),
			event(3, "PersistentVolumeClaim", "virt-launcher-web-x2x4z", "of another kind"),
			// no cause
			event(4, "Pod", "virt-launcher-web-x2x4z", "Back-off restarting failed container compute in pod "+
				"virt-launcher-web-x2x4z"),
		}
	}
	pods := []Object{{Kind: "Pod", Name: "virt-launcher-web-", Generated: true}}
	assert.Equal(t, `Pod virt-launcher-web-x2x4z: no such plugin for sandbox "..."`, about(events(), pods))
	assert.Empty(t, about(events(), []Object{{Kind: "Pod", Name: "virt-launcher-web-"}}))
	claim := Object{Kind: "PersistentVolumeClaim", Name: "virt-launcher-web-x2x4z"}
	assert.Contains(t, about(events(), append(pods, claim)), "no such plugin",
		"the first, so that it is the same with each look")
	assert.Contains(t, about(events(), append([]Object{claim}, pods...)), "of another kind")
}
