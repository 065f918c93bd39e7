package wukongnetwork

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/segment"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

const (
	// countEvery is the shortest time between two writes of the counts of a network: ten thousand new WukongVMs must
	// not cause as many writes.
	countEvery = 30 * time.Second
	// gather is how long changes of WukongVMs and addresses are collected.
	gather = time.Second
)

// usage counts the users of a network and of its addresses.
type usage struct {
	users int32
	pools []v1alpha1.PoolStatus
}

// tally remembers when the counts of networks were last written.
type tally struct {
	mutex   sync.Mutex
	written map[types.NamespacedName]time.Time
}

// observeUsage counts from the cache, without copies of what it counts.
func (r *Reconciler) observeUsage(ctx context.Context, network *v1alpha1.WukongNetwork) (usage, error) {
	vms := &v1alpha1.WukongVMList{}
	err := r.client.List(ctx, vms, client.InNamespace(network.Namespace),
		client.MatchingFields{index.VMByNetwork: network.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return usage{}, fmt.Errorf("list the WukongVMs of WukongNetwork %s: %w", network.Name, err)
	}
	found := usage{users: int32(len(vms.Items))}
	pools, err := addresspool.Parse(&network.Spec)
	if err != nil || len(pools) == 0 {
		return found, nil // obstacle reports what is wrong with them
	}
	taken, err := r.taken(ctx, network)
	found.pools = addresspool.Count(&network.Spec, pools, taken)
	return found, err
}

func (r *Reconciler) taken(ctx context.Context, network *v1alpha1.WukongNetwork) (map[netip.Addr]bool, error) {
	name, ok := segment.Of(network)
	if !ok {
		return nil, nil
	}
	locks := &v1alpha1.WukongAddressList{}
	if err := r.client.List(ctx, locks, client.MatchingFields{index.AddressBySegment: name},
		client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the WukongAddresses of WukongNetwork %s: %w", network.Name, err)
	}
	taken := make(map[netip.Addr]bool, len(locks.Items))
	for i := range locks.Items {
		if address := addresslock.AddressOf(&locks.Items[i]); address.IsValid() {
			taken[address] = true
		}
	}
	return taken, nil
}

// due returns the counts to write now, and when to count again: new counts wait until countEvery after the last write.
func (r *Reconciler) due(network *v1alpha1.WukongNetwork, found usage) (usage, time.Duration) {
	before := usage{users: network.Status.Users, pools: network.Status.Pools}
	if found.users == before.users && equality.Semantic.DeepEqual(found.pools, before.pools) ||
		network.Status.ObservedGeneration != network.Generation { // the status is written in any case
		return found, 0
	}
	r.counted.mutex.Lock()
	defer r.counted.mutex.Unlock()
	name, now := client.ObjectKeyFromObject(network), r.clock.Now()
	if wait := countEvery - now.Sub(r.counted.written[name]); wait > 0 {
		return before, wait
	}
	r.counted.written[name] = now
	return found, 0
}

func (t *tally) forget(name types.NamespacedName) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.written, name)
}

// networksOfVM maps a WukongVM to the networks that it names.
func networksOfVM() handler.EventHandler {
	return watches.Gather(func(_ context.Context, obj client.Object) []reconcile.Request {
		vm := obj.(*v1alpha1.WukongVM)
		var requests []reconcile.Request
		for i := range vm.Spec.Networks {
			if name := model.NetworkName(vm, &vm.Spec.Networks[i]); name != "" {
				requests = append(requests,
					reconcile.Request{NamespacedName: types.NamespacedName{Namespace: vm.Namespace, Name: name}})
			}
		}
		return requests
	}, func(_, _ client.Object) time.Duration { return gather })
}

// networksOfAddress maps an address to the networks of its segment.
func (r *Reconciler) networksOfAddress() handler.EventHandler {
	return watches.Gather(func(ctx context.Context, obj client.Object) []reconcile.Request {
		return watches.Requests(ctx, r.client, newList(),
			client.MatchingFields{index.NetworkBySegment: obj.(*v1alpha1.WukongAddress).Spec.Segment})
	}, func(_, _ client.Object) time.Duration { return gather })
}

// vmNetworksChanged accepts created and deleted WukongVMs, changed specs, and WukongVMs whose guest has stopped.
func vmNetworksChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.WukongVM), e.ObjectNew.(*v1alpha1.WukongVM)
		return before.Generation != after.Generation || model.HasGuest(before) && !model.HasGuest(after)
	}}
}

// createdOrDeleted accepts creations and deletions, which change a count.
func createdOrDeleted() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}
