package addresslock

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// memory is a store of locks.
type memory struct {
	live map[string]v1alpha1.WukongAddress
	// unseen are the names of locks that the cache does not have yet.
	unseen map[string]bool
	// gone are the UIDs of WukongVMs that are deleted together with their guests.
	gone map[string]bool
	// shown are the addresses that guests of other WukongVMs report.
	shown map[string]string
	// vanishing are the names of locks that are deleted just after they were found in the way.
	vanishing map[string]bool
	refusal   error
	created   []string
}

func newMemory(locks ...v1alpha1.WukongAddress) *memory {
	store := &memory{live: map[string]v1alpha1.WukongAddress{}, unseen: map[string]bool{}, gone: map[string]bool{},
		shown: map[string]string{}, vanishing: map[string]bool{}}
	for _, lock := range locks {
		store.live[lock.Name] = lock
	}
	return store
}

func (m *memory) where(accepts func(v1alpha1.WukongAddress) bool) (found []v1alpha1.WukongAddress) {
	for _, name := range slices.Sorted(maps.Keys(m.live)) {
		if accepts(m.live[name]) {
			found = append(found, m.live[name])
		}
	}
	return found
}

func (m *memory) OfInterface(
	_ context.Context, holder v1alpha1.AddressHolder,
) ([]v1alpha1.WukongAddress, error) {
	return m.where(func(lock v1alpha1.WukongAddress) bool {
		return !m.unseen[lock.Name] && sameInterface(lock.Spec.Holder, holder)
	}), nil
}

func (m *memory) OfMachine(_ context.Context, uid string) ([]v1alpha1.WukongAddress, error) {
	return m.where(func(lock v1alpha1.WukongAddress) bool { return lock.Spec.Holder.UID == uid }), nil
}

func (m *memory) Known(ctx context.Context, name string) (*v1alpha1.WukongAddress, error) {
	if m.unseen[name] {
		return nil, nil
	}
	return m.Live(ctx, name)
}

func (m *memory) Live(_ context.Context, name string) (*v1alpha1.WukongAddress, error) {
	lock, found := m.live[name]
	if !found || m.vanishing[name] {
		return nil, nil
	}
	return &lock, nil
}

func (m *memory) Create(_ context.Context, lock *v1alpha1.WukongAddress) error {
	if _, taken := m.live[lock.Name]; taken {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "wukongaddresses"}, lock.Name)
	}
	if m.refusal != nil {
		return m.refusal
	}
	m.live[lock.Name] = *lock.DeepCopy()
	m.created = append(m.created, string(lock.Spec.Address)+lock.Spec.MACAddress)
	return nil
}

func (m *memory) Adopt(_ context.Context, lock *v1alpha1.WukongAddress, request *Request) error {
	lock.Spec.Holder.UID = request.Holder.UID
	m.live[lock.Name] = *lock.DeepCopy()
	return nil
}

func (m *memory) Abandoned(_ context.Context, holder v1alpha1.AddressHolder) (bool, error) {
	return m.gone[holder.UID], nil
}

func (m *memory) Observed(_ context.Context, _ *Request, address string) (string, error) {
	return m.shown[address], nil
}

const floor = "floor-2"

func holderOf(namespace, name, uid string) v1alpha1.AddressHolder {
	return v1alpha1.AddressHolder{Namespace: namespace, Name: name, UID: uid, InterfaceName: "lan"}
}

// lockOn is the lock of an address, of a holder.
func lockOn(address string, holder v1alpha1.AddressHolder) v1alpha1.WukongAddress {
	lock := v1alpha1.WukongAddress{ObjectMeta: metav1.ObjectMeta{Name: Name(floor, netip.MustParseAddr(address))}}
	lock.Spec = v1alpha1.WukongAddressSpec{Segment: floor, Address: v1alpha1.IPAddress(address), Holder: holder}
	return lock
}

// asking is interface lan of WukongVM web on a network with a pool of three addresses.
func asking(t *testing.T, change func(*Request)) *Request {
	t.Helper()
	network := builder.Network("shop", "lan", builder.Pool("10.0.0.0/24", "10.0.0.10", "10.0.0.12"),
		builder.Gateway("10.0.0.1"), builder.OnSegment(floor))
	request := &Request{Segment: floor, Holder: holderOf("shop", "web", "new"), Network: network}
	if change != nil {
		change(request)
	}
	request.Neighbours = append(request.Neighbours, *network)
	return request
}

func pooled(t *testing.T) func(*Request) {
	t.Helper()
	return func(request *Request) {
		var err error
		request.Pools, err = addresspool.Parse(&request.Network.Spec)
		require.NoError(t, err)
	}
}

func static(addresses ...string) func(*Request) {
	return func(request *Request) {
		for _, address := range addresses {
			request.Static = append(request.Static, netip.MustParseAddr(address))
		}
	}
}

// neighbour adds a network of another namespace on the segment, with a gateway and a reservation.
func neighbour(access v1alpha1.HostAccess) func(*Request) {
	return func(request *Request) {
		other := builder.Network("other", "lan", builder.Pool("10.0.0.0/24", "10.0.0.1", "10.0.0.99"),
			builder.Gateway("10.0.0.5"), builder.Reserved("10.0.0.6", "db"))
		other.Spec.HostAccess = access
		request.Neighbours = append(request.Neighbours, *other)
	}
}

func both(changes ...func(*Request)) func(*Request) {
	return func(request *Request) {
		for _, change := range changes {
			change(request)
		}
	}
}

// addressesOf are the addresses of locks.
func addressesOf(locks []v1alpha1.WukongAddress) (addresses []string) {
	for i := range locks {
		addresses = append(addresses, string(locks[i].Spec.Address)+locks[i].Spec.MACAddress)
	}
	return addresses
}

func TestAnAddressThatAUserChose(t *testing.T) {
	neighbourVM, foreignVM := holderOf("shop", "db", "db"), holderOf("other", "db", "db")
	former := holderOf("shop", "web", "old")
	for name, row := range map[string]struct {
		ask    func(*Request)
		store  *memory
		change func(*memory)
		// by is who has the address; empty when the interface gets it.
		by string
	}{
		"is free":      {ask: static("10.0.0.7")},
		"two are free": {ask: static("10.0.0.7", "fd00::7")},
		"is the gateway": {ask: static("10.0.0.1"),
			by: "it is the gateway of subnet 10.0.0.0/24"},
		"is reserved for another": {ask: both(static("10.0.0.11"), func(request *Request) {
			builder.Reserved("10.0.0.11", "db")(&request.Network.Spec)
		}), by: "WukongNetwork lan reserves it for WukongVM db"},
		"is an administrator's gateway": {ask: both(static("10.0.0.5"), neighbour(v1alpha1.HostAccessUnrestricted)),
			by: "it is a gateway of the segment"},
		"is reserved by an administrator": {ask: both(static("10.0.0.6"), neighbour(v1alpha1.HostAccessUnrestricted)),
			by: "an administrator has reserved it"},
		"is a tenant's gateway, who keeps it from nobody": {ask: both(static("10.0.0.5"), neighbour(""))},
		"a neighbour has it": {ask: static("10.0.0.7"), store: newMemory(lockOn("10.0.0.7", neighbourVM)),
			by: "WukongVM db has it, on interface lan"},
		"another namespace has it, which is not named": {ask: static("10.0.0.7"),
			store: newMemory(lockOn("10.0.0.7", foreignVM)), by: "a WukongVM of another namespace has it"},
		"a deleted WukongVM of the name had it": {ask: static("10.0.0.7"), store: newMemory(lockOn("10.0.0.7", former)),
			change: func(store *memory) { store.gone["old"] = true }},
		"the guest of a deleted WukongVM of the name still has it": {ask: static("10.0.0.7"),
			store: newMemory(lockOn("10.0.0.7", former)), by: "WukongVM web has it, on interface lan"},
		"a deleted WukongVM of another name had it": {ask: static("10.0.0.7"),
			store:  newMemory(lockOn("10.0.0.7", neighbourVM)),
			change: func(store *memory) { store.gone["db"] = true }, by: "WukongVM db has it, on interface lan"},
	} {
		t.Run(name, func(t *testing.T) {
			store := row.store
			if store == nil {
				store = newMemory()
			}
			if row.change != nil {
				row.change(store)
			}
			request := asking(t, row.ask)
			held, err := Take(t.Context(), store, request)
			if row.by != "" {
				inUse := (*InUseError)(nil)
				require.ErrorAs(t, err, &inUse)
				assert.Equal(t, row.by, inUse.By)
				assert.Contains(t, err.Error(), request.Static[0].String()+" of interface lan is in use: "+row.by)
				return
			}
			require.NoError(t, err)
			assert.True(t, request.Satisfied(held))
			for _, lock := range held {
				assert.Equal(t, request.Holder, store.live[lock.Name].Spec.Holder)
			}
			again, err := Take(t.Context(), store, request)
			require.NoError(t, err)
			assert.ElementsMatch(t, held, again, "and nothing more")
		})
	}
}

// Any guest can report any IP address: so that keeps nobody from having it. Its MAC address is reported by KubeVirt.
func TestAnAddressThatAnotherGuestReports(t *testing.T) {
	var reports []string
	listening := func(request *Request) {
		request.Shown = func(address, by string) { reports = append(reports, address+" "+by) }
	}
	store := newMemory()
	store.shown = map[string]string{"10.0.0.7": "by db", "02:00:00:00:00:aa": "by db"}
	held, err := Take(t.Context(), store, asking(t, both(static("10.0.0.7"), listening)))
	require.NoError(t, err)
	assert.Equal(t, []string{"10.0.0.7"}, addressesOf(held))
	assert.Equal(t, []string{"10.0.0.7 by db"}, reports)

	chosen := func(request *Request) { request.MACAddress = "02:00:00:00:00:AA" }
	_, err = Take(t.Context(), store, asking(t, chosen))
	require.ErrorContains(t, err, "macAddress 02:00:00:00:00:aa of interface lan is in use: by db")
	delete(store.shown, "02:00:00:00:00:aa")
	held, err = Take(t.Context(), store, asking(t, chosen))
	require.NoError(t, err)
	assert.Contains(t, addressesOf(held), "02:00:00:00:00:aa", "one address has one lock, however it is written")
}

func TestAnAddressOfAPool(t *testing.T) {
	db, former := holderOf("shop", "db", "db"), holderOf("shop", "web", "old")
	reserving := func(machine string) func(*Request) {
		return func(request *Request) { builder.Reserved("10.0.0.11", machine)(&request.Network.Spec) }
	}
	full := []v1alpha1.WukongAddress{lockOn("10.0.0.10", db), lockOn("10.0.0.11", db), lockOn("10.0.0.12", db)}
	for name, row := range map[string]struct {
		ask    func(*Request)
		locks  []v1alpha1.WukongAddress
		change func(*memory)
		gets   string
		fails  string
	}{
		"the last one": {locks: full[1:], gets: "10.0.0.10"},
		"none is left": {locks: full,
			fails: "WukongNetwork lan: no free address in 10.0.0.0/24: 3 of 3 in use or reserved"},
		"the one that is reserved for it":          {ask: reserving("web"), gets: "10.0.0.11"},
		"not the one that is reserved for another": {ask: reserving("db"), locks: full[2:], gets: "10.0.0.10"},
		"the reserved one, which another has already": {ask: reserving("web"), locks: full[1:2],
			fails: "it is reserved for this WukongVM, but WukongVM db has it, on interface lan"},
		"the one that the deleted WukongVM of its name had": {
			locks:  []v1alpha1.WukongAddress{lockOn("10.0.0.12", former)},
			change: func(store *memory) { store.gone["old"] = true }, gets: "10.0.0.12"},
		"not while the guest of that one has it": {
			locks: append(slices.Clone(full[:1]), lockOn("10.0.0.12", former)), gets: "10.0.0.11"},
		"not the one that it had, which is reserved by now": {ask: reserving("db"),
			locks:  append(slices.Clone(full[2:]), lockOn("10.0.0.11", former)),
			change: func(store *memory) { store.gone["old"] = true }, gets: "10.0.0.10"},
		"not the one that it had on another subnet": {
			locks:  append(slices.Clone(full[1:]), lockOn("10.9.0.7", former)),
			change: func(store *memory) { store.gone["old"] = true }, gets: "10.0.0.10"},
		"one that no guest reports": {
			change: func(store *memory) { store.shown = map[string]string{"10.0.0.10": "a", "10.0.0.12": "b"} },
			gets:   "10.0.0.11"},
		"a reported one, if no other is left": {locks: full[1:],
			change: func(store *memory) { store.shown = map[string]string{"10.0.0.10": "a"} }, gets: "10.0.0.10"},
		"another manager took one that the cache has not seen": {locks: full[:2],
			change: func(store *memory) { store.unseen[full[0].Name], store.unseen[full[1].Name] = true, true },
			gets:   "10.0.0.12"},
		"it took one as a former leader, which the cache has not seen": {
			locks: []v1alpha1.WukongAddress{lockOn("10.0.0.12", holderOf("shop", "web", "new"))},
			change: func(store *memory) {
				store.unseen[Name(floor, netip.MustParseAddr("10.0.0.12"))] = true
			}, gets: "10.0.0.12"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newMemory(row.locks...)
			if row.change != nil {
				row.change(store)
			}
			ask := pooled(t)
			if row.ask != nil {
				ask = both(row.ask, ask)
			}
			request := asking(t, ask)
			held, err := Take(t.Context(), store, request)
			if row.fails != "" {
				require.ErrorContains(t, err, row.fails)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []string{row.gets}, addressesOf(held))
			assert.LessOrEqual(t, len(store.created), 1)
			again, err := Take(t.Context(), store, request)
			require.NoError(t, err)
			assert.Equal(t, held, again)
		})
	}
}

// A WukongVM that is created again gets its old address, even if nothing is left of it, and two never get the same.
func TestAPoolGivesTheSameAddressToTheSameName(t *testing.T) {
	first, err := Take(t.Context(), newMemory(), asking(t, pooled(t)))
	require.NoError(t, err)
	again, err := Take(t.Context(), newMemory(), asking(t, both(pooled(t), func(request *Request) {
		request.Holder.UID = "later"
	})))
	require.NoError(t, err)
	assert.Equal(t, addressesOf(first), addressesOf(again))

	store := newMemory()
	for _, name := range []string{"a", "b", "c"} {
		_, err := Take(t.Context(), store, asking(t, both(pooled(t), func(request *Request) {
			request.Holder = holderOf("shop", name, name)
		})))
		require.NoError(t, err)
	}
	assert.ElementsMatch(t, []string{"10.0.0.10", "10.0.0.11", "10.0.0.12"}, store.created)
}

func TestPoolsOfBothFamiliesGiveOneOfEach(t *testing.T) {
	request := asking(t, func(request *Request) {
		request.Network.Spec.Subnets = append(request.Network.Spec.Subnets,
			v1alpha1.Subnet{CIDR: "fd00::/64", Pool: &v1alpha1.AddressPool{}})
		pooled(t)(request)
	})
	held, err := Take(t.Context(), newMemory(), request)
	require.NoError(t, err)
	require.Len(t, held, 2)
	assert.True(t, AddressOf(&held[0]).Is4())
	assert.True(t, AddressOf(&held[1]).Is6())
	assert.False(t, request.Satisfied(held[:1]), "one family is missing")
}

// What a retry resolves is no report that an address is in use; what the API server refuses is reported as a refusal.
func TestErrorsOfTheStore(t *testing.T) {
	store := newMemory(lockOn("10.0.0.7", holderOf("shop", "db", "db")))
	store.vanishing[Name(floor, netip.MustParseAddr("10.0.0.7"))] = true
	_, err := Take(t.Context(), store, asking(t, static("10.0.0.7")))
	require.ErrorIs(t, err, errLockChanged)
	assert.False(t, apply.Permanent(err))

	store = newMemory()
	store.refusal = apierrors.NewForbidden(schema.GroupResource{Resource: "wukongaddresses"}, "", nil)
	_, err = Take(t.Context(), store, asking(t, static("10.0.0.7")))
	require.ErrorContains(t, err, "WukongAddress "+Name(floor, netip.MustParseAddr("10.0.0.7")))
	assert.True(t, apply.Permanent(err))
}

// Two managers that both believed to be the leader may have taken two addresses.
func TestWhichOfTwoAddressesCounts(t *testing.T) {
	network := builder.Network("shop", "lan", builder.Subnet("10.0.0.0/24"))
	at := func(address string, second int64) v1alpha1.WukongAddress {
		lock := lockOn(address, holderOf("shop", "web", "new"))
		lock.CreationTimestamp = metav1.NewTime(time.Unix(second, 0))
		return lock
	}
	for name, row := range map[string]struct {
		locks   []v1alpha1.WukongAddress
		network *v1alpha1.WukongNetwork
		counts  string
	}{
		"the older":           {[]v1alpha1.WukongAddress{at("10.0.0.7", 2), at("10.0.0.8", 1)}, network, "10.0.0.8"},
		"of one second":       {[]v1alpha1.WukongAddress{at("10.0.0.8", 1), at("10.0.0.7", 1)}, network, "10.0.0.7"},
		"the one in a subnet": {[]v1alpha1.WukongAddress{at("10.9.0.7", 1), at("10.0.0.8", 2)}, network, "10.0.0.8"},
		"the network is gone": {[]v1alpha1.WukongAddress{at("10.9.0.7", 1), at("10.0.0.8", 2)}, nil, "10.9.0.7"},
		"of the other family": {[]v1alpha1.WukongAddress{at("fd00::7", 1), at("10.0.0.8", 2)}, network, "10.0.0.8"},
		"none of the family":  {[]v1alpha1.WukongAddress{at("fd00::7", 1)}, network, ""},
		"the lock of a MAC is": {
			[]v1alpha1.WukongAddress{{Spec: v1alpha1.WukongAddressSpec{MACAddress: "02:00:00:00:00:aa"}}}, network, ""},
	} {
		found := Chosen(row.locks, row.network, true)
		if row.counts == "" {
			assert.Nil(t, found, name)
			continue
		}
		assert.Equal(t, row.counts, string(found.Spec.Address), name)
	}
}

// A WukongVM waits for what it named, and with a pool for any address of the segment.
func TestWhatAnInterfaceWaitsFor(t *testing.T) {
	given := asking(t, both(static("10.0.0.7"), func(request *Request) { request.MACAddress = "02:00:00:00:00:AA" }))
	assert.Equal(t, []string{MACName(floor, "02:00:00:00:00:aa"), Name(floor, netip.MustParseAddr("10.0.0.7"))},
		given.Awaited())
	reserving := func(request *Request) { builder.Reserved("10.0.0.11", "web")(&request.Network.Spec) }
	drawn := asking(t, both(reserving, pooled(t)))
	assert.Equal(t, []string{Name(floor, netip.MustParseAddr("10.0.0.11")), floor}, drawn.Awaited())
	assert.Empty(t, asking(t, nil).Awaited())
}
