package wukongaddress

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

// TestNoInterleavingGivesAnAddressTwice runs 1,000 operations, with many seeds: WukongVMs are created, ask for
// addresses, are deleted, and are created again with the same name; guests outlive their WukongVMs; a controller with
// a stale cache releases addresses; and the manager dies before or after any write. After each operation no two guests
// may have been given the same address, and each has what it was given. At the end nothing is left.
func TestNoInterleavingGivesAnAddressTwice(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			world := newWorld(t, seed)
			operations := []func(){world.createVM, world.ask, world.ask, world.ask, world.deleteVM, world.endGuest,
				world.release, world.release, world.refresh}
			for range 1000 {
				operations[world.random.IntN(len(operations))]()
				world.check()
			}
			world.finish()
		})
	}
}

var errDied = errors.New("the manager died")

// world is a cluster as far as addresses need it. It is also the store of locks.
type world struct {
	*testing.T
	random  *rand.Rand
	network *v1alpha1.WukongNetwork
	pools   []addresspool.Pool
	version int
	// locks as they are, and as the caches last saw them.
	locks, known map[string]*v1alpha1.WukongAddress
	// vms are the WukongVMs by name, as they are and as the caches last saw them.
	vms, knownVMs map[string]*v1alpha1.WukongVM
	// given are the addresses that guests were given, by the UID of the WukongVM, which may be deleted before the guest
	// ends.
	given map[string][]netip.Addr
	// fragile: the manager may die at a write.
	fragile bool
}

func newWorld(t *testing.T, seed uint64) *world {
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "lan"},
		Spec: v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
			Subnets: []v1alpha1.Subnet{{CIDR: "10.0.0.0/28", Gateway: "10.0.0.1", Pool: &v1alpha1.AddressPool{
				Ranges: []v1alpha1.AddressRange{{Start: "10.0.0.4", End: "10.0.0.9"}}}}},
			Reservations: []v1alpha1.AddressReservation{{Address: "10.0.0.5", MachineName: "machine-1"}},
		},
	}
	pools, err := addresspool.Parse(&network.Spec)
	require.NoError(t, err)
	return &world{
		T: t, random: rand.New(rand.NewPCG(seed, 1)), network: network, pools: pools, fragile: true,
		locks: map[string]*v1alpha1.WukongAddress{}, known: map[string]*v1alpha1.WukongAddress{},
		vms: map[string]*v1alpha1.WukongVM{}, knownVMs: map[string]*v1alpha1.WukongVM{},
		given: map[string][]netip.Addr{},
	}
}

// createVM creates a WukongVM, with a pooled or a static address.
func (w *world) createVM() {
	name := fmt.Sprintf("machine-%d", w.random.IntN(9))
	if w.vms[name] != nil {
		return
	}
	w.version++
	nic := v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}
	if w.random.IntN(4) == 0 {
		nic.Addresses = []v1alpha1.InterfaceAddress{
			v1alpha1.InterfaceAddress(fmt.Sprintf("10.0.0.%d", 4+w.random.IntN(8))),
		}
	}
	if w.random.IntN(3) == 0 {
		nic.KeepAddresses = ptr.To(true)
	}
	w.vms[name] = &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name,
			UID: types.UID(fmt.Sprint("uid-", w.version)), Generation: 1},
		Spec: v1alpha1.WukongVMSpec{Networks: []v1alpha1.VMNetwork{nic}},
	}
}

// ask takes an address for a WukongVM, and gives its guest what it has then.
func (w *world) ask() {
	vm := pick(w, w.vms)
	if vm == nil {
		return
	}
	nic := &vm.Spec.Networks[0]
	request := &addresslock.Request{
		Segment: "bridge/br0/0", Network: w.network, Neighbours: []v1alpha1.WukongNetwork{*w.network},
		Reserved: ptr.Deref(nic.KeepAddresses, false),
		Holder:   v1alpha1.AddressHolder{Namespace: "web", Name: vm.Name, UID: string(vm.UID), InterfaceName: "lan"},
	}
	if len(nic.Addresses) > 0 {
		request.Static = static(nic)
	} else {
		request.Pools = w.pools
	}
	held, err := addresslock.Take(w.Context(), w, request)
	if err != nil {
		return
	}
	chosen := addresslock.Chosen(held, w.network, true)
	require.NotNil(w, chosen)
	w.given[string(vm.UID)] = []netip.Addr{addresslock.AddressOf(chosen)}
	vm.Status.ObservedGeneration = vm.Generation
}

// deleteVM deletes a WukongVM; its guest runs on for a while.
func (w *world) deleteVM() {
	if vm := pick(w, w.vms); vm != nil {
		delete(w.vms, vm.Name)
	}
}

// endGuest ends a guest whose WukongVM is deleted.
func (w *world) endGuest() {
	for _, uid := range slices.Sorted(maps.Keys(w.given)) {
		if w.alive(uid) == nil && w.random.IntN(2) == 0 {
			delete(w.given, uid)
		}
	}
}

func (w *world) alive(uid string) *v1alpha1.WukongVM {
	for _, vm := range w.vms {
		if string(vm.UID) == uid {
			return vm
		}
	}
	return nil
}

// release is the controller: it decides by the caches, and again by the real state.
func (w *world) release() {
	lock := pick(w, w.known)
	if lock == nil || decide(lock, w.facts(lock, w.knownVMs)) != fateFree ||
		decide(lock, w.facts(lock, w.vms)) != fateFree {
		return
	}
	if live := w.locks[lock.Name]; live != nil && live.UID == lock.UID &&
		live.ResourceVersion == lock.ResourceVersion && !w.dies() {
		delete(w.locks, lock.Name)
	}
}

func (w *world) facts(lock *v1alpha1.WukongAddress, vms map[string]*v1alpha1.WukongVM) *facts {
	found := &facts{vm: vms[lock.Spec.Holder.Name], network: w.network}
	if len(w.given[lock.Spec.Holder.UID]) > 0 {
		found.instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{v1alpha1.LabelVM: lock.Spec.Holder.UID}},
			Status:     kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Scheduled},
		}, keepInstance)
	}
	for _, name := range slices.Sorted(maps.Keys(w.known)) {
		if w.known[name].Spec.Holder == lock.Spec.Holder {
			found.held = append(found.held, *w.known[name])
		}
	}
	return found
}

// refresh updates the caches, or a part of them.
func (w *world) refresh() {
	if w.random.IntN(2) == 0 {
		w.known = copied(w.locks)
	}
	if w.random.IntN(2) == 0 {
		w.knownVMs = copied(w.vms)
	}
}

func (w *world) check() {
	owner := map[netip.Addr]string{}
	for uid, addresses := range w.given {
		for _, address := range addresses {
			require.Empty(w, owner[address], "%s is told to two guests", address)
			owner[address] = uid
			lock := w.locks[addresslock.Name("bridge/br0/0", address)]
			require.NotNil(w, lock, "the guest of %s has %s and no lock", uid, address)
			require.Equal(w, uid, lock.Spec.Holder.UID)
		}
	}
}

// finish deletes all WukongVMs, guests and reservations, and runs the controller over everything.
func (w *world) finish() {
	w.fragile = false
	clear(w.vms)
	clear(w.given)
	w.known, w.knownVMs = copied(w.locks), copied(w.vms)
	for _, lock := range w.known {
		found := w.facts(lock, w.vms)
		if ptr.Deref(lock.Spec.Reserved, false) {
			require.Equal(w, fateStay, decide(lock, found), "%s is reserved", lock.Name)
		}
		found.network = nil
		require.Equal(w, fateFree, decide(lock, found), "%s leaks", lock.Name)
	}
}

func (w *world) dies() bool { return w.fragile && w.random.IntN(10) == 0 }

func (w *world) OfInterface(_ context.Context, holder v1alpha1.AddressHolder) ([]v1alpha1.WukongAddress, error) {
	return w.list(w.known, func(lock *v1alpha1.WukongAddress) bool { return lock.Spec.Holder.Name == holder.Name }), nil
}

func (w *world) OfMachine(_ context.Context, uid string) ([]v1alpha1.WukongAddress, error) {
	return w.list(w.locks, func(lock *v1alpha1.WukongAddress) bool { return lock.Spec.Holder.UID == uid }), nil
}

func (w *world) list(
	locks map[string]*v1alpha1.WukongAddress, wanted func(*v1alpha1.WukongAddress) bool,
) []v1alpha1.WukongAddress {
	var found []v1alpha1.WukongAddress
	for _, name := range slices.Sorted(maps.Keys(locks)) {
		if wanted(locks[name]) {
			found = append(found, *locks[name].DeepCopy())
		}
	}
	return found
}

func (w *world) Known(_ context.Context, name string) (*v1alpha1.WukongAddress, error) {
	return w.known[name].DeepCopy(), nil
}

func (w *world) Live(_ context.Context, name string) (*v1alpha1.WukongAddress, error) {
	return w.locks[name].DeepCopy(), nil
}

func (w *world) Create(_ context.Context, lock *v1alpha1.WukongAddress) error {
	if w.dies() {
		return errDied
	}
	if w.locks[lock.Name] != nil {
		return apierrors.NewAlreadyExists(schema.GroupResource{}, lock.Name)
	}
	w.version++
	lock.UID, lock.ResourceVersion = types.UID(fmt.Sprint("lock-", w.version)), strconv.Itoa(w.version)
	lock.CreationTimestamp = metav1.Unix(int64(w.version), 0)
	w.locks[lock.Name] = lock.DeepCopy()
	if w.dies() {
		return errDied
	}
	return nil
}

func (w *world) Adopt(_ context.Context, lock *v1alpha1.WukongAddress, request *addresslock.Request) error {
	if live := w.locks[lock.Name]; w.dies() || live == nil || live.ResourceVersion != lock.ResourceVersion {
		return errDied
	}
	w.version++
	lock.Spec.Holder, lock.ResourceVersion, lock.Spec.Reserved = request.Holder, strconv.Itoa(w.version), nil
	if request.Reserved {
		lock.Spec.Reserved = ptr.To(true)
	}
	w.locks[lock.Name] = lock.DeepCopy()
	if w.dies() {
		return errDied
	}
	return nil
}

func (w *world) Abandoned(_ context.Context, holder v1alpha1.AddressHolder) (bool, error) {
	return w.alive(holder.UID) == nil && len(w.given[holder.UID]) == 0, nil
}

func (w *world) Observed(context.Context, *addresslock.Request, string) (string, error) {
	return "", nil
}

// pick returns one value of a map, or nil.
func pick[T any](w *world, from map[string]*T) *T {
	if len(from) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(from))
	return from[names[w.random.IntN(len(names))]]
}

func copied[T interface{ DeepCopy() T }](from map[string]T) map[string]T {
	result := map[string]T{}
	for name, object := range from {
		result[name] = object.DeepCopy()
	}
	return result
}
