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

// TestNoInterleavingGivesAnAddressTwice plays 1,000 operations, on many seeds: machines come, ask, go, come back under their name; guests
// outlive their machines; addresses are let go by a controller that believes an old cache; and the manager dies before or after any
// write. After each operation no two guests may have been told the same address, and each holds what it was told. In the end nothing is left.
func TestNoInterleavingGivesAnAddressTwice(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			world := newWorld(t, seed)
			operations := []func(){world.come, world.ask, world.ask, world.ask, world.goAway, world.end, world.letGo, world.letGo, world.see}
			for range 1000 {
				operations[world.random.IntN(len(operations))]()
				world.check()
			}
			world.finish()
		})
	}
}

var errDied = errors.New("the manager died")

// world is a cluster as far as addresses see it. It is the store of locks as well.
type world struct {
	*testing.T
	random  *rand.Rand
	network *v1alpha1.WukongNetwork
	pools   []addresspool.Pool
	version int
	// locks as they are, and as the caches saw them last.
	locks, known map[string]*v1alpha1.WukongAddress
	// machines by name, as they are and as the caches saw them last.
	machines, knownMachines map[string]*v1alpha1.WukongVM
	// told are the addresses that guests were told, by the UID of the machine, which may be gone before the guest is.
	told map[string][]netip.Addr
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
		machines: map[string]*v1alpha1.WukongVM{}, knownMachines: map[string]*v1alpha1.WukongVM{}, told: map[string][]netip.Addr{},
	}
}

// come makes a machine, with a pooled or a static address.
func (w *world) come() {
	name := fmt.Sprintf("machine-%d", w.random.IntN(9))
	if w.machines[name] != nil {
		return
	}
	w.version++
	nic := v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}
	if w.random.IntN(4) == 0 {
		nic.Addresses = []v1alpha1.InterfaceAddress{v1alpha1.InterfaceAddress(fmt.Sprintf("10.0.0.%d", 4+w.random.IntN(8)))}
	}
	if w.random.IntN(3) == 0 {
		nic.KeepAddresses = ptr.To(true)
	}
	w.machines[name] = &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name, UID: types.UID(fmt.Sprint("uid-", w.version)), Generation: 1},
		Spec:       v1alpha1.WukongVMSpec{Networks: []v1alpha1.VMNetwork{nic}},
	}
}

// ask has a machine take its address, and tells its guest what it holds then.
func (w *world) ask() {
	vm := pick(w, w.machines)
	if vm == nil {
		return
	}
	nic := &vm.Spec.Networks[0]
	request := &addresslock.Request{
		Segment: "bridge/br0/0", Network: w.network, Neighbours: []v1alpha1.WukongNetwork{*w.network}, Reserved: ptr.Deref(nic.KeepAddresses, false),
		Holder: v1alpha1.AddressHolder{Namespace: "web", Name: vm.Name, UID: string(vm.UID), InterfaceName: "lan"},
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
	w.told[string(vm.UID)] = []netip.Addr{addresslock.AddressOf(chosen)}
	vm.Status.ObservedGeneration = vm.Generation
}

// goAway deletes a machine; its guest runs on for a while.
func (w *world) goAway() {
	if vm := pick(w, w.machines); vm != nil {
		delete(w.machines, vm.Name)
	}
}

// end ends a guest whose machine is gone.
func (w *world) end() {
	for _, uid := range slices.Sorted(maps.Keys(w.told)) {
		if w.alive(uid) == nil && w.random.IntN(2) == 0 {
			delete(w.told, uid)
		}
	}
}

func (w *world) alive(uid string) *v1alpha1.WukongVM {
	for _, vm := range w.machines {
		if string(vm.UID) == uid {
			return vm
		}
	}
	return nil
}

// letGo is the controller: it decides by the caches, and again by what is.
func (w *world) letGo() {
	lock := pick(w, w.known)
	if lock == nil || decide(lock, w.facts(lock, w.knownMachines)) != fateFree || decide(lock, w.facts(lock, w.machines)) != fateFree {
		return
	}
	if live := w.locks[lock.Name]; live != nil && live.UID == lock.UID && live.ResourceVersion == lock.ResourceVersion && !w.dies() {
		delete(w.locks, lock.Name)
	}
}

func (w *world) facts(lock *v1alpha1.WukongAddress, machines map[string]*v1alpha1.WukongVM) *facts {
	found := &facts{vm: machines[lock.Spec.Holder.Name], network: w.network}
	if len(w.told[lock.Spec.Holder.UID]) > 0 {
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

// see brings the caches up to date, or a part of them.
func (w *world) see() {
	if w.random.IntN(2) == 0 {
		w.known = copied(w.locks)
	}
	if w.random.IntN(2) == 0 {
		w.knownMachines = copied(w.machines)
	}
}

func (w *world) check() {
	owner := map[netip.Addr]string{}
	for uid, addresses := range w.told {
		for _, address := range addresses {
			require.Empty(w, owner[address], "%s is told to two guests", address)
			owner[address] = uid
			lock := w.locks[addresslock.Name("bridge/br0/0", address)]
			require.NotNil(w, lock, "the guest of %s has %s and no lock", uid, address)
			require.Equal(w, uid, lock.Spec.Holder.UID)
		}
	}
}

// finish ends all machines, guests and reservations, and has the controller look at everything.
func (w *world) finish() {
	w.fragile = false
	clear(w.machines)
	clear(w.told)
	w.known, w.knownMachines = copied(w.locks), copied(w.machines)
	for _, lock := range w.known {
		found := w.facts(lock, w.machines)
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

func (w *world) list(locks map[string]*v1alpha1.WukongAddress, wanted func(*v1alpha1.WukongAddress) bool) []v1alpha1.WukongAddress {
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
	return w.alive(holder.UID) == nil && len(w.told[holder.UID]) == 0, nil
}

func (w *world) Observed(context.Context, *addresslock.Request, string) (string, error) {
	return "", nil
}

// pick is one of a map, or nil.
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
