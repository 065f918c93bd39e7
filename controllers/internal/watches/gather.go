package watches

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Gather maps an object to delayed requests, so that consecutive changes cause one pass and one status write. after
// returns the delay for a change from one object to another; zero is none. For a creation or deletion one of the two
// is nil. Delayed requests have a low priority, so that new objects come first.
func Gather(
	requests func(context.Context, client.Object) []reconcile.Request,
	after func(before, now client.Object) time.Duration,
) handler.EventHandler {
	enqueue := func(ctx context.Context, q queue, before, now client.Object) {
		wait := after(before, now)
		for _, object := range []client.Object{before, now} {
			if object == nil {
				continue
			}
			add(q, wait, requests(ctx, object))
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { enqueue(ctx, q, nil, e.Object) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			enqueue(ctx, q, e.ObjectOld, e.ObjectNew)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { enqueue(ctx, q, e.Object, nil) },
	}
}

func add(q queue, wait time.Duration, requests []reconcile.Request) {
	ordered, ok := q.(priorityqueue.PriorityQueue[reconcile.Request])
	if ok && wait > 0 {
		ordered.AddWithOpts(priorityqueue.AddOpts{After: wait, Priority: ptr.To(handler.LowPriority)}, requests...)
		return
	}
	for _, request := range requests {
		q.AddAfter(request, wait)
	}
}
