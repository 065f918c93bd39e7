package watches

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// recorder is a queue that records what is added to it.
type recorder struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	added map[string]time.Duration
}

func (r *recorder) AddAfter(request reconcile.Request, wait time.Duration) {
	r.added[request.Name] = wait
}

// ordered is a recorder with priorities.
type ordered struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	added    map[string]time.Duration
	priority *int
}

func (o *ordered) AddAfter(request reconcile.Request, wait time.Duration) {
	o.added[request.Name] = wait
}

func (o *ordered) AddWithOpts(options priorityqueue.AddOpts, requests ...reconcile.Request) {
	for _, request := range requests {
		o.added[request.Name], o.priority = options.After, options.Priority
	}
}

// usersOf enqueues the WukongVM that a disk is attached to.
func usersOf(_ context.Context, object client.Object) []reconcile.Request {
	if name := object.(*v1alpha1.WukongDisk).Status.AttachedTo; name != "" {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "shop", Name: name}}}
	}
	return nil
}

// later waits for the first status of a disk, and for nothing else.
func later(before, now client.Object) time.Duration {
	if before != nil && now != nil {
		return time.Second
	}
	return 0
}

func attachedTo(name string) *v1alpha1.WukongDisk {
	disk := &v1alpha1.WukongDisk{}
	disk.Status.AttachedTo = name
	return disk
}

// The old user of a disk has a pass too, and what a user waits for is not delayed.
func TestGather(t *testing.T) {
	for name, row := range map[string]struct {
		happens func(handler.EventHandler, queue)
		added   map[string]time.Duration
	}{
		"a creation": {func(to handler.EventHandler, q queue) {
			to.Create(t.Context(), event.CreateEvent{Object: attachedTo("web")}, q)
		}, map[string]time.Duration{"web": 0}},
		"a deletion": {func(to handler.EventHandler, q queue) {
			to.Delete(t.Context(), event.DeleteEvent{Object: attachedTo("web")}, q)
		}, map[string]time.Duration{"web": 0}},
		"another user": {func(to handler.EventHandler, q queue) {
			to.Update(t.Context(), event.UpdateEvent{ObjectOld: attachedTo("web"), ObjectNew: attachedTo("db")}, q)
		}, map[string]time.Duration{"web": time.Second, "db": time.Second}},
		"the last user": {func(to handler.EventHandler, q queue) {
			to.Update(t.Context(), event.UpdateEvent{ObjectOld: attachedTo("web"), ObjectNew: attachedTo("")}, q)
		}, map[string]time.Duration{"web": time.Second}},
		"of no user": {func(to handler.EventHandler, q queue) {
			to.Create(t.Context(), event.CreateEvent{Object: attachedTo("")}, q)
		}, map[string]time.Duration{}},
	} {
		t.Run(name, func(t *testing.T) {
			plain := &recorder{added: map[string]time.Duration{}}
			row.happens(Gather(usersOf, later), plain)
			assert.Equal(t, row.added, plain.added)
			first := &ordered{added: map[string]time.Duration{}}
			row.happens(Gather(usersOf, later), first)
			assert.Equal(t, row.added, first.added)
			for _, wait := range row.added {
				if wait > 0 {
					assert.Equal(t, handler.LowPriority, *first.priority, "new objects come first")
				} else {
					assert.Nil(t, first.priority)
				}
			}
		})
	}
}
