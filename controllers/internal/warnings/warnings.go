// Package warnings reads what others tell in events only. It asks the API server, by a selector that it serves
// (k8s.io/kubernetes, pkg/registry/core/event/strategy.go, ToSelectableFields): a cache of a cluster's events would be larger than all others together.
package warnings

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patience is how long others are given before they are asked what they wait for, and then again each time: most of what takes longer has
// been told by then.
const Patience = 30 * time.Second

// Latest is the youngest event of a namespace that the selector selects, nil when there is none. Events are kept for an hour, so that the cause may
// be over: ask only while its consequence is to be seen.
func Latest(ctx context.Context, live client.Reader, namespace string, selector fields.Selector) (*corev1.Event, error) {
	events := &corev1.EventList{}
	if err := live.List(ctx, events, client.InNamespace(namespace), client.MatchingFieldsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list the events of namespace %s: %w", namespace, err)
	}
	return youngest(events.Items), nil
}

func youngest(events []corev1.Event) *corev1.Event {
	var found *corev1.Event
	for i := range events {
		if event := &events[i]; found == nil || Seen(found).Before(Seen(event)) {
			found = event
		}
	}
	return found
}

// Seen is when an event was told last: by the old API of events, by the new, or by the new for the first time.
func Seen(event *corev1.Event) *metav1.Time {
	switch {
	case !event.LastTimestamp.IsZero():
		return &event.LastTimestamp
	case event.Series != nil:
		return &metav1.Time{Time: event.Series.LastObservedTime.Time}
	default:
		return &metav1.Time{Time: event.EventTime.Time}
	}
}
