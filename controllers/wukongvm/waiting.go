package wukongvm

import (
	"cmp"
	"context"
	"net/netip"
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
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// wakeAtOnce is how many of the machines whose pools have an address look for it when it is let go: one of them gets it.
const wakeAtOnce = 16

// awaited is what a machine waits for: a lock, by its name, or any address of pools on a segment.
type awaited struct {
	key   string
	pools []addresspool.Pool
}

// awaitedBy is what may keep an interface from what it asks for.
func awaitedBy(request *addresslock.Request) []awaited {
	var waits []awaited
	for _, key := range request.Awaited() {
		if key == request.Segment {
			waits = append(waits, awaited{key, request.Pools})
		} else {
			waits = append(waits, awaited{key: key})
		}
	}
	return waits
}

// waitingRoom holds the machines that wait for addresses. It is kept in memory alone: every machine is looked at when the manager starts, and
// enters again.
type waitingRoom struct {
	mutex sync.Mutex
	// guests by what they wait for. A machine enters before it looks, so that what is let go meanwhile wakes it.
	guests map[string]map[types.NamespacedName]*guest
}

type guest struct {
	created time.Time
	// pools that an address can be of for which the machine waits; none for one that waits for a certain lock.
	pools []addresspool.Pool
	// woken: it will look, and need not be woken again until it has.
	woken bool
}

// canUse tells whether a guest may take an address that came free. Its machine may still find it reserved, or taken by another that was woken.
func (g *guest) canUse(address netip.Addr) bool {
	return len(g.pools) == 0 || slices.ContainsFunc(g.pools, func(pool addresspool.Pool) bool { return pool.Has(address) })
}

func newWaitingRoom() *waitingRoom {
	return &waitingRoom{guests: map[string]map[types.NamespacedName]*guest{}}
}

// enter adds to what a machine waits for.
func (w *waitingRoom) enter(vm *v1alpha1.WukongVM, waits []awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.add(vm, waits)
}

// settle says for what a machine waits from now on.
func (w *waitingRoom) settle(vm *v1alpha1.WukongVM, waits []awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.remove(client.ObjectKeyFromObject(vm))
	w.add(vm, waits)
}

// leave takes a machine out.
func (w *waitingRoom) leave(name types.NamespacedName) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.remove(name)
}

func (w *waitingRoom) add(vm *v1alpha1.WukongVM, waits []awaited) {
	name := client.ObjectKeyFromObject(vm)
	for _, wait := range waits {
		if w.guests[wait.key] == nil {
			w.guests[wait.key] = map[types.NamespacedName]*guest{}
		}
		entered := &guest{created: vm.CreationTimestamp.Time, pools: wait.pools}
		if before := w.guests[wait.key][name]; before != nil {
			entered.pools = slices.Concat(before.pools, wait.pools)
		}
		w.guests[wait.key][name] = entered
	}
}

func (w *waitingRoom) remove(name types.NamespacedName) {
	for key, guests := range w.guests {
		delete(guests, name)
		if len(guests) == 0 {
			delete(w.guests, key)
		}
	}
}

// wake returns the oldest that wait for something, can use an address, and have not been woken since they looked last.
func (w *waitingRoom) wake(key string, address netip.Addr) []types.NamespacedName {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var asleep []types.NamespacedName
	for name, guest := range w.guests[key] {
		if !guest.woken && guest.canUse(address) {
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
		woken := r.waiting.wake(lock.Name, netip.Addr{})
		if address, err := netip.ParseAddr(string(lock.Spec.Address)); err == nil { // that of a hardware address has none
			woken = append(woken, r.waiting.wake(lock.Spec.Segment, address)...)
		}
		for _, name := range woken {
			requests = append(requests, reconcile.Request{NamespacedName: name})
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
