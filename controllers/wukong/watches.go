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
	// gather is how long changes of one application are collected before a pass. A WukongVM with its disk and network
	// changes a dozen times in its first second.
	gather = time.Second
	// gatherMessages is the same for changes of messages only, such as the count of an importer's restarts.
	gatherMessages = 15 * time.Second
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

// urgency returns the delay of the pass after a change of a child; zero when the umbrella does not show the change.
func urgency(before, after v1alpha1.Object) time.Duration {
	one, two := model.PartOf("", before), model.PartOf("", after)
	switch {
	case before.GetUID() != after.GetUID(), umbrellaUID(before) != umbrellaUID(after),
		one.Deleting != two.Deleting, one.Phase != two.Phase,
		one.Ready.Status != two.Ready.Status, one.Ready.Reason != two.Ready.Reason:
		return gather
	case one.Ready.Message != two.Ready.Message:
		return gatherMessages
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

// ownHandler enqueues a Wukong that is created or is being deleted. By the time of the pass, its children could link.
func ownHandler() handler.EventHandler {
	enqueue := func(q queue, obj client.Object) {
		q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(obj)}, gather)
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			if e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() {
				enqueue(q, e.ObjectNew)
			}
		},
	}
}
