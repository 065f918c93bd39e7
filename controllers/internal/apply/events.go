package apply

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const (
	// eventAction is what the controller did when it found the cause.
	eventAction = "Reconcile"
	// maxEventNote is the length that the API server accepts (events.k8s.io/v1, Event.note: 1 kB).
	maxEventNote = 1024
)

// announce creates an event for a new fault. Success creates none: the status shows it, and events are writes.
func (a *Applier) announce(before, after client.Object) {
	was, isObject := before.(v1alpha1.Object)
	is, _ := after.(v1alpha1.Object)
	if a.Recorder == nil || !isObject {
		return
	}
	known, found := fault(was), fault(is)
	if found == nil || known != nil && known.Reason == found.Reason {
		return
	}
	note := strings.ToValidUTF8(found.Message[:min(len(found.Message), maxEventNote)], "")
	a.Recorder.Eventf(after, nil, corev1.EventTypeWarning, found.Reason, eventAction, "%s", note)
}

// fault returns the Ready condition of an object whose phase means an error, and nil for one that is only not yet
// ready.
func fault(object v1alpha1.Object) *metav1.Condition {
	switch object.GetPhase() {
	case string(v1alpha1.PhaseError), string(v1alpha1.OperationFailed):
		ready := meta.FindStatusCondition(object.GetConditions(), v1alpha1.ConditionReady)
		if ready != nil && ready.Status == metav1.ConditionFalse {
			return ready
		}
	}
	return nil
}
