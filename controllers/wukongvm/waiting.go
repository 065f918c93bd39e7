package wukongvm

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// wakeAtOnce is how many machines look for an address when one is let go: one of them gets it, and those that cannot use it, because it is
// reserved or of another network on the segment, must not keep it from the others.
const wakeAtOnce = 16

// waitingRoom holds the machines that wait for addresses: for any of a segment, or for a certain lock. It is kept in memory alone: every
// machine is looked at when the manager starts, and enters again.
type waitingRoom struct {
	mutex sync.Mutex
	// guests by what they wait for. A machine enters before it looks, so that what is let go meanwhile wakes it.
	guests map[string]map[types.NamespacedName]*guest
}

type guest struct {
	created time.Time
	// woken: it will look, and need not be woken again until it has.
	woken bool
}

func newWaitingRoom() *waitingRoom {
	return &waitingRoom{guests: map[string]map[types.NamespacedName]*guest{}}
}

func (w *waitingRoom) enter(vm *v1alpha1.WukongVM, keys []string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, key := range keys {
		if w.guests[key] == nil {
			w.guests[key] = map[types.NamespacedName]*guest{}
		}
		w.guests[key][client.ObjectKeyFromObject(vm)] = &guest{created: vm.CreationTimestamp.Time}
	}
}

// leave takes a machine out, but for what it still waits for.
func (w *waitingRoom) leave(name types.NamespacedName, except []string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for key, guests := range w.guests {
		if slices.Contains(except, key) {
			continue
		}
		delete(guests, name)
		if len(guests) == 0 {
			delete(w.guests, key)
		}
	}
}

// wake returns the oldest that wait for something and have not been woken since they looked last.
func (w *waitingRoom) wake(key string) []types.NamespacedName {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var asleep []types.NamespacedName
	for name, guest := range w.guests[key] {
		if !guest.woken {
			asleep = append(asleep, name)
		}
	}
	slices.SortFunc(asleep, func(one, two types.NamespacedName) int {
		guests := w.guests[key]
		return cmp.Or(guests[one].created.Compare(guests[two].created), cmp.Compare(one.String(), two.String()))
	})
	asleep = asleep[:min(len(asleep), wakeAtOnce)]
	for _, name := range asleep {
		w.guests[key][name].woken = true
	}
	return asleep
}

// addressTaken maps an address that was taken to the machines whose guests show it, which have it no more by right.
func (r *Reconciler) addressTaken() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		lock := obj.(*v1alpha1.WukongAddress)
		address := cmp.Or(string(lock.Spec.Address), lock.Spec.MACAddress)
		return watches.Requests(ctx, r.client, &v1alpha1.WukongVMList{}, client.MatchingFields{index.VMByObservedAddress: address})
	})
}

// addressFreed maps an address that was let go to those that wait for it, and to its holder, should it still need it.
func (r *Reconciler) addressFreed() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, obj client.Object) []reconcile.Request {
		lock := obj.(*v1alpha1.WukongAddress)
		holder := lock.Spec.Holder
		requests := []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: holder.Namespace, Name: holder.Name}}}
		for _, key := range []string{lock.Spec.Segment, lock.Name} {
			for _, name := range r.waiting.wake(key) {
				requests = append(requests, reconcile.Request{NamespacedName: name})
			}
		}
		return requests
	})
}

func onlyCreations() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(event.UpdateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

func onlyDeletions() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
}
