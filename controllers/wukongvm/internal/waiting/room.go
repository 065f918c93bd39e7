// Package waiting wakes WukongVMs that wait for an address when one is released that they can use.
package waiting

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
)

// wakeAtOnce is how many of the machines whose pools have an address look for it when it is let go: one of them gets
// it.
const wakeAtOnce = 16

// Awaited is what a machine waits for: a lock, by its name, or any address of pools on a segment.
type Awaited struct {
	Key   string
	Pools []addresspool.Pool
}

// By is what may keep an interface from what it asks for.
func By(request *addresslock.Request) []Awaited {
	var waits []Awaited
	for _, key := range request.Awaited() {
		if key == request.Segment {
			waits = append(waits, Awaited{key, request.Pools})
		} else {
			waits = append(waits, Awaited{Key: key})
		}
	}
	return waits
}

// Room holds the machines that wait for addresses. It is kept in memory alone: every machine is looked at when the
// manager starts, and enters again.
type Room struct {
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

// canUse tells whether a guest may take an address that came free. Its machine may still find it reserved, or taken by
// another that was woken.
func (g *guest) canUse(address netip.Addr) bool {
	return len(g.pools) == 0 || slices.ContainsFunc(g.pools, func(pool addresspool.Pool) bool { return pool.Has(address) })
}

// NewRoom is an empty one.
func NewRoom() *Room {
	return &Room{guests: map[string]map[types.NamespacedName]*guest{}}
}

// Enter adds to what a machine waits for.
func (w *Room) Enter(vm *v1alpha1.WukongVM, waits []Awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.add(vm, waits)
}

// Settle says for what a machine waits from now on.
func (w *Room) Settle(vm *v1alpha1.WukongVM, waits []Awaited) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.remove(client.ObjectKeyFromObject(vm))
	w.add(vm, waits)
}

// Leave takes a machine out.
func (w *Room) Leave(name types.NamespacedName) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.remove(name)
}

func (w *Room) add(vm *v1alpha1.WukongVM, waits []Awaited) {
	name := client.ObjectKeyFromObject(vm)
	for _, wait := range waits {
		if w.guests[wait.Key] == nil {
			w.guests[wait.Key] = map[types.NamespacedName]*guest{}
		}
		entered := &guest{created: vm.CreationTimestamp.Time, pools: wait.Pools}
		if before := w.guests[wait.Key][name]; before != nil {
			entered.pools = slices.Concat(before.pools, wait.Pools)
		}
		w.guests[wait.Key][name] = entered
	}
}

func (w *Room) remove(name types.NamespacedName) {
	for key, guests := range w.guests {
		delete(guests, name)
		if len(guests) == 0 {
			delete(w.guests, key)
		}
	}
}

// Wake returns the oldest that wait for something, can use an address, and have not been woken since they looked last.
func (w *Room) Wake(key string, address netip.Addr) []types.NamespacedName {
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
