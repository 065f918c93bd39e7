package wukong

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

const (
	// gather is how long changes wait for others of the same application before a pass looks at them all. A machine with its
	// disk and network makes a dozen in its first second.
	gather = time.Second
	// gatherWords is the same for a change of words alone, such as the count of an importer's restarts.
	gatherWords = 15 * time.Second
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// childHandler enqueues the Wukong that a child belongs to, and the one that it belonged to before the change.
func childHandler() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueueOwners(q, gather, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			if after := urgency(e.ObjectOld.(v1alpha1.Object), e.ObjectNew.(v1alpha1.Object)); after > 0 {
				enqueueOwners(q, after, e.ObjectOld, e.ObjectNew)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueueOwners(q, gather, e.Object) },
	}
}

// urgency says how soon a change of a child is looked at; zero when the umbrella shows nothing of it.
func urgency(before, after v1alpha1.Object) time.Duration {
	one, two := model.PartOf("", before), model.PartOf("", after)
	switch {
	case before.GetUID() != after.GetUID(), umbrellaUID(before) != umbrellaUID(after),
		one.Deleting != two.Deleting, one.Phase != two.Phase,
		one.Ready.Status != two.Ready.Status, one.Ready.Reason != two.Ready.Reason:
		return gather
	case one.Ready.Message != two.Ready.Message:
		return gatherWords
	default:
		return 0
	}
}

func umbrellaUID(obj metav1.Object) types.UID {
	for _, reference := range obj.GetOwnerReferences() {
		if umbrella.IsReference(reference) {
			return reference.UID
		}
	}
	return ""
}

func enqueueOwners(q queue, after time.Duration, objects ...client.Object) {
	for _, obj := range objects {
		for _, reference := range obj.GetOwnerReferences() {
			if umbrella.IsReference(reference) {
				q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{
					Namespace: obj.GetNamespace(), Name: reference.Name,
				}}, after)
			}
		}
	}
}

// ownHandler enqueues a Wukong that comes, or begins to go. By the time it is looked at, its children had their chance to link.
func ownHandler() handler.EventHandler {
	enqueue := func(q queue, obj client.Object) {
		q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(obj)}, gather)
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			if e.ObjectOld.GetUID() != e.ObjectNew.GetUID() || e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() {
				enqueue(q, e.ObjectNew)
			}
		},
	}
}
