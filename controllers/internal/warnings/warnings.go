// Package warnings reads what other components report only in events. It asks the API server, by a selector that it
// serves (k8s.io/kubernetes, pkg/registry/core/event/strategy.go, ToSelectableFields): a cache of a cluster's events
// would be larger than all others together.
package warnings

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patience is how long to wait before events are read, and between reads: by then, most causes of a delay have been
// reported.
const Patience = 30 * time.Second

// Latest returns the latest event of a namespace that the selector selects, or nil. Events are kept for an hour, so
// the cause may be resolved: call Latest only while its consequence is visible.
func Latest(
	ctx context.Context, live client.Reader, namespace string, selector fields.Selector,
) (*corev1.Event, error) {
	events := &corev1.EventList{}
	if err := live.List(ctx, events, client.InNamespace(namespace),
		client.MatchingFieldsSelector{Selector: selector}); err != nil {
		return nil, fmt.Errorf("list the events of namespace %s: %w", namespace, err)
	}
	return youngest(events.Items), nil
}

// Object identifies one of several objects.
type Object struct {
	Kind, Name string
	// Generated: the name is a generateName, to which the API server added characters.
	Generated bool
}

// generatedCharacters is how many the API server adds to a generateName (k8s.io/apiserver,
// pkg/storage/names/generate.go).
const generatedCharacters = 5

func (o Object) is(reference *corev1.ObjectReference) bool {
	if o.Generated {
		return o.Kind == reference.Kind && strings.HasPrefix(reference.Name, o.Name) &&
			len(reference.Name) == len(o.Name)+generatedCharacters
	}
	return o.Kind == reference.Kind && o.Name == reference.Name
}

// page is how many events of a namespace are read at a time.
const page = 500

// About returns the latest warning since a time about the first of the objects that has one, or "". It omits what
// differs between retries, such as the digest of a sandbox: a message that changes is a write.
func About(
	ctx context.Context, live client.Reader, namespace string, since time.Time, objects ...Object,
) (string, error) {
	var found []corev1.Event
	events := &corev1.EventList{}
	for next := ""; ; next = events.Continue {
		err := live.List(ctx, events, client.InNamespace(namespace), client.Limit(page), client.Continue(next),
			client.MatchingFieldsSelector{
				Selector: fields.SelectorFromSet(fields.Set{"type": corev1.EventTypeWarning}),
			})
		if err != nil {
			return "", fmt.Errorf("list the warnings of namespace %s: %w", namespace, err)
		}
		for i := range events.Items {
			event := &events.Items[i]
			if !Seen(event).Time.Before(since) &&
				slices.ContainsFunc(objects, func(object Object) bool { return object.is(&event.InvolvedObject) }) {
				found = append(found, *event)
			}
		}
		if events.Continue == "" {
			return about(found, objects), nil
		}
	}
}

func about(events []corev1.Event, objects []Object) string {
	for _, object := range objects {
		latest := youngest(slices.DeleteFunc(slices.Clone(events), func(event corev1.Event) bool {
			return !object.is(&event.InvolvedObject) || strings.HasPrefix(event.Message, restarting)
		}))
		if latest != nil {
			message := digest.ReplaceAllString(strings.TrimPrefix(latest.Message, combined), "...")
			return fmt.Sprintf("%s %s: %s", latest.InvolvedObject.Kind, latest.InvolvedObject.Name, message)
		}
	}
	return ""
}

// restarting begins kubelet's message about a failed container that is restarted. It does not contain the cause.
const restarting = "Back-off restarting failed container"

// combined begins the message of an event that stands for several (client-go tools/record, events_cache.go).
const combined = "(combined from similar events): "

// digest is a hash or an identifier of a container runtime.
var digest = regexp.MustCompile(`[0-9a-f]{32,}`)

func youngest(events []corev1.Event) *corev1.Event {
	var found *corev1.Event
	for i := range events {
		if event := &events[i]; found == nil || Seen(found).Before(Seen(event)) {
			found = event
		}
	}
	return found
}

// Seen returns when an event was last reported: by the old API of events, by the new one, or by the new one for the
// first time.
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
