//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// newPool makes a network with a pool, on a segment of its own unless options say otherwise.
func newPool(t *testing.T, namespace, name string, first, last string, options ...func(*v1alpha1.WukongNetworkSpec)) *v1alpha1.WukongNetwork {
	t.Helper()
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"}, Segment: namespace,
			Subnets: []v1alpha1.Subnet{{CIDR: "10.60.0.0/16", Gateway: "10.60.0.1", Pool: &v1alpha1.AddressPool{
				Ranges: []v1alpha1.AddressRange{{Start: v1alpha1.IPAddress(first), End: v1alpha1.IPAddress(last)}}}}},
		},
	}
	for _, option := range options {
		option(&network.Spec)
	}
	require.NoError(t, environment.Client.Create(t.Context(), network))
	return network
}

// on attaches a machine to a network, and to no other.
func on(network string, options ...func(*v1alpha1.VMNetwork)) func(*v1alpha1.WukongVM) {
	return func(vm *v1alpha1.WukongVM) {
		nic := v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: network}}
		for _, option := range options {
			option(&nic)
		}
		vm.Spec.Networks = []v1alpha1.VMNetwork{nic}
	}
}

func withAddress(addresses ...v1alpha1.InterfaceAddress) func(*v1alpha1.VMNetwork) {
	return func(nic *v1alpha1.VMNetwork) { nic.Addresses = addresses }
}

func keeping(nic *v1alpha1.VMNetwork) { keep := true; nic.KeepAddresses = &keep }

// locksOf are the addresses that machines of a name hold, in the order of their names.
func locksOf(t *testing.T, namespace, name string) []v1alpha1.WukongAddress {
	t.Helper()
	list := &v1alpha1.WukongAddressList{}
	require.NoError(t, environment.Client.List(t.Context(), list))
	var found []v1alpha1.WukongAddress
	for _, lock := range list.Items {
		if lock.Spec.Holder.Namespace == namespace && lock.Spec.Holder.Name == name {
			found = append(found, lock)
		}
	}
	return found
}

// addressOf is the only address of a machine.
func addressOf(t *testing.T, vm *v1alpha1.WukongVM) string {
	t.Helper()
	found := locksOf(t, vm.Namespace, vm.Name)
	require.Len(t, found, 1)
	return string(found[0].Spec.Address)
}

func waitFreed(t *testing.T, vm *v1alpha1.WukongVM) {
	t.Helper()
	require.Eventually(t, func() bool { return len(locksOf(t, vm.Namespace, vm.Name)) == 0 }, patience, interval)
}

func networkData(t *testing.T, namespace, vm string) string {
	t.Helper()
	return string(read(t, namespace, vm+"-cloudinit", &corev1.Secret{}).Data["networkdata"])
}

func waitNetworks(t *testing.T, vm *v1alpha1.WukongVM, reason, words string) {
	t.Helper()
	current := &v1alpha1.WukongVM{}
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
		found := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionNetworksReady)
		require.NotNil(collect, found)
		assert.Equal(collect, reason, found.Reason, found.Message)
		assert.Contains(collect, found.Message, words)
	}, patience, interval)
}

func createAll(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, obj := range objects {
		require.NoError(t, environment.Client.Create(t.Context(), obj))
	}
}

// A pool of three refuses the fourth machine with the cause, and serves it when one leaves.
func TestAPoolOfThreeServesTheFourthWhenOneLeaves(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	newPool(t, namespace, "lan", "10.60.0.10", "10.60.0.12")
	given := map[string]bool{}
	var first *v1alpha1.WukongVM
	for i := range 3 {
		vm := newVM(namespace, fmt.Sprintf("web-%d", i), on("lan"))
		createAll(t, vm)
		waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
		address := addressOf(t, vm)
		assert.Contains(t, networkData(t, namespace, vm.Name), address+"/16")
		assert.Contains(t, networkData(t, namespace, vm.Name), "10.60.0.1")
		given[address] = true
		first = vm
	}
	assert.Equal(t, map[string]bool{"10.60.0.10": true, "10.60.0.11": true, "10.60.0.12": true}, given)

	fourth := newVM(namespace, "web-late", on("lan"))
	createAll(t, fourth)
	waitReady(t, fourth, metav1.ConditionFalse, v1alpha1.ReasonPoolExhausted)
	waitNetworks(t, fourth, v1alpha1.ReasonPoolExhausted, "WukongNetwork lan: no free address in 10.60.0.0/16: 3 of 3 in use or reserved")
	assert.False(t, exists(t, namespace, "web-late-cloudinit", &corev1.Secret{}))

	released := addressOf(t, first)
	require.NoError(t, environment.Client.Delete(t.Context(), first))
	waitReady(t, fourth, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Equal(t, released, addressOf(t, fourth))
	assert.Contains(t, networkData(t, namespace, "web-late"), released+"/16")

	testenv.WaitIdle(t, 0)
	writes := manager.Writes.Total()
	testenv.WaitIdle(t, 0)
	assert.Equal(t, writes, manager.Writes.Total(), "Contract 3: nothing is written at rest")
}

// Two hundred machines in two namespaces, on one segment, come at once: each has an address of its own.
func TestTwoHundredMachinesAtOnceHaveTwoHundredAddresses(t *testing.T) {
	namespaces := []string{environment.Namespace(t), environment.Namespace(t)}
	environment.StartManager(t, testenv.ManagerOptions{})
	for _, namespace := range namespaces {
		newPool(t, namespace, "lan", "10.60.1.0", "10.60.1.199", func(spec *v1alpha1.WukongNetworkSpec) { spec.Segment = namespaces[0] })
	}
	var group sync.WaitGroup
	for i := range 200 {
		vm := newVM(namespaces[i%2], fmt.Sprintf("web-%d", i/2), on("lan"))
		vm.Spec.Disks = nil
		group.Go(func() { assert.NoError(t, environment.Client.Create(t.Context(), vm)) })
	}
	group.Wait()
	given := map[string]string{}
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		clear(given)
		for _, namespace := range namespaces {
			list := &corev1.SecretList{}
			require.NoError(collect, environment.Client.List(t.Context(), list, client.InNamespace(namespace)))
			for _, secret := range list.Items {
				if found := given60.FindString(string(secret.Data["networkdata"])); found != "" {
					assert.Empty(t, given[found], "%s is given twice", found)
					given[found] = secret.Namespace + "/" + secret.Name
				}
			}
		}
		assert.Len(collect, given, 200)
	}, 2*time.Minute, 500*time.Millisecond)
	for _, namespace := range namespaces {
		require.NoError(t, environment.Client.DeleteAllOf(t.Context(), &v1alpha1.WukongVM{}, client.InNamespace(namespace)))
	}
	// The next test shall not have to wait for what is left of them.
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		for _, namespace := range namespaces {
			machines := &kubevirtv1.VirtualMachineList{}
			require.NoError(collect, environment.Client.List(t.Context(), machines, client.InNamespace(namespace)))
			assert.Empty(collect, machines.Items)
		}
		addresses := &v1alpha1.WukongAddressList{}
		require.NoError(collect, environment.Client.List(t.Context(), addresses))
		assert.Empty(collect, slices.DeleteFunc(addresses.Items, func(address v1alpha1.WukongAddress) bool {
			return !strings.HasPrefix(string(address.Spec.Address), "10.60.1.")
		}))
	}, 2*time.Minute, 500*time.Millisecond)
}

var given60 = regexp.MustCompile(`10\.60\.1\.\d+/16`)

// A manager that is killed after it took an address and before it told the guest finds it again, and takes no second one.
func TestAManagerKilledBeforeTheSecretFindsItsAddress(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	newPool(t, namespace, "lan", "10.60.2.10", "10.60.2.200")
	vm := newVM(namespace, "web", on("lan"))
	createAll(t, vm)
	// What the manager leaves that died right then: an address that no rule of the next one would lead to.
	left := &v1alpha1.WukongAddress{
		ObjectMeta: metav1.ObjectMeta{
			Name:   addresslock.Name(namespace, netip.MustParseAddr("10.60.2.77")),
			Labels: map[string]string{v1alpha1.LabelVM: string(vm.UID)},
		},
		Spec: v1alpha1.WukongAddressSpec{
			Segment: namespace, Address: "10.60.2.77",
			Holder:  v1alpha1.AddressHolder{Namespace: namespace, Name: "web", UID: string(vm.UID), InterfaceName: "lan"},
			Network: v1alpha1.AddressNetwork{Namespace: namespace, Name: "lan"},
		},
	}
	createAll(t, left)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Equal(t, "10.60.2.77", addressOf(t, vm))
	assert.Contains(t, networkData(t, namespace, "web"), "10.60.2.77/16")
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "create", Resource: "wukongaddresses"}])
}

// A machine keeps its address while it is stopped and started, when the manager is restarted, when the pool shrinks away from it, and
// when its network is deleted and made again.
func TestAMachineKeepsItsAddress(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	network := newPool(t, namespace, "lan", "10.60.3.10", "10.60.3.200")
	vm := newVM(namespace, "web", on("lan"))
	createAll(t, vm)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	address := addressOf(t, vm)
	lock := locksOf(t, namespace, "web")[0].UID

	setPower(t, vm, v1alpha1.PowerStopped)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped)
	manager.Stop()
	environment.StartManager(t, testenv.ManagerOptions{})
	setPower(t, vm, v1alpha1.PowerRunning)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	before := network.DeepCopy()
	network.Spec.Subnets[0].Pool.Ranges[0] = v1alpha1.AddressRange{Start: "10.60.4.1", End: "10.60.4.9"}
	require.NoError(t, environment.Client.Patch(t.Context(), network, client.MergeFrom(before)))
	testenv.WaitIdle(t, 0)
	assert.Equal(t, address, addressOf(t, vm), "the pool shrank")
	assert.Contains(t, networkData(t, namespace, "web"), address+"/16")

	require.NoError(t, environment.Client.Delete(t.Context(), network))
	testenv.WaitIdle(t, 0)
	assert.Equal(t, address, addressOf(t, vm), "the network is gone")
	newPool(t, namespace, "lan", "10.60.4.1", "10.60.4.9")
	testenv.WaitIdle(t, 0)
	assert.Equal(t, lock, locksOf(t, namespace, "web")[0].UID, "the network was made again")
	assert.Contains(t, networkData(t, namespace, "web"), address+"/16")

	require.NoError(t, environment.Client.Delete(t.Context(), vm))
	waitFreed(t, vm)
}

// An address that another machine has is refused, in one namespace and across two, and given when it is free. The pool never gives it.
func TestAStaticAddressHasOneHolder(t *testing.T) {
	namespace, other := environment.Namespace(t), environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	share := func(spec *v1alpha1.WukongNetworkSpec) { spec.Segment = namespace }
	newPool(t, namespace, "lan", "10.60.5.10", "10.60.5.11", share)
	newPool(t, other, "lan", "10.60.5.10", "10.60.5.11", share)
	first := newVM(namespace, "first", on("lan", withAddress("10.60.5.10")))
	createAll(t, first)
	waitReady(t, first, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	beside, foreign := newVM(namespace, "beside", on("lan", withAddress("10.60.5.10"))), newVM(other, "foreign", on("lan", withAddress("10.60.5.10")))
	createAll(t, beside, foreign)
	waitNetworks(t, beside, v1alpha1.ReasonAddressInUse, "address 10.60.5.10 of interface lan is in use: WukongVM first has it, on interface lan")
	waitNetworks(t, foreign, v1alpha1.ReasonAddressInUse, "a machine of another namespace has it")
	pooled := newVM(other, "pooled", on("lan"))
	createAll(t, pooled)
	waitReady(t, pooled, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Equal(t, "10.60.5.11", addressOf(t, pooled))

	require.NoError(t, environment.Client.Delete(t.Context(), foreign))
	require.NoError(t, environment.Client.Delete(t.Context(), first))
	waitReady(t, beside, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	// It gets another address, and lets the first go when its guest, which says nothing of its addresses, is stopped.
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"networks":[{"name":"lan","networkRef":{"name":"lan"},"addresses":["10.60.5.20"]}]}}`))
	require.NoError(t, environment.Client.Patch(t.Context(), beside.DeepCopy(), patch))
	require.Eventually(t, func() bool { return len(locksOf(t, namespace, "beside")) == 2 }, patience, interval)
	testenv.WaitIdle(t, 0)
	assert.Len(t, locksOf(t, namespace, "beside"), 2, "the guest may still use the first")
	setPower(t, beside, v1alpha1.PowerStopped)
	require.Eventually(t, func() bool { return len(locksOf(t, namespace, "beside")) == 1 }, patience, interval)
	assert.Equal(t, "10.60.5.20", addressOf(t, beside))
}

// A MAC address that a person gave has one holder on a segment, too; and nobody gets by hand what another was given by derivation.
func TestAMACAddressHasOneHolder(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	newPool(t, namespace, "lan", "10.60.6.10", "10.60.6.99")
	hardware := func(mac string) func(*v1alpha1.VMNetwork) {
		return func(nic *v1alpha1.VMNetwork) { nic.MACAddress = mac }
	}
	first := newVM(namespace, "first", on("lan", hardware("02:00:00:00:00:AA")))
	createAll(t, first)
	waitReady(t, first, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	second := newVM(namespace, "second", on("lan", hardware("02:00:00:00:00:aa")))
	createAll(t, second)
	waitNetworks(t, second, v1alpha1.ReasonMACInUse, "macAddress 02:00:00:00:00:aa of interface lan is in use: WukongVM first has it")
	require.NoError(t, environment.Client.Delete(t.Context(), first))
	waitReady(t, second, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	derived := newVM(namespace, "derived", on("lan"))
	createAll(t, derived)
	current := waitReady(t, derived, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	copied := newVM(namespace, "copied", on("lan", hardware(current.Status.Networks[0].MACAddress)))
	createAll(t, copied)
	waitNetworks(t, copied, v1alpha1.ReasonMACInUse, "the guest of WukongVM derived shows it")
}

// A reservation gives its machine the address, and nobody else; keepAddresses keeps one for a machine of the same name, until the network goes.
func TestReservedAddressesComeBack(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	network := newPool(t, namespace, "lan", "10.60.7.10", "10.60.7.12", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Reservations = []v1alpha1.AddressReservation{{Address: "10.60.7.11", MachineName: "db"}, {Address: "10.60.7.200", MachineName: "outside"}}
	})
	one, two, three := newVM(namespace, "one", on("lan", keeping)), newVM(namespace, "two", on("lan")), newVM(namespace, "three", on("lan"))
	createAll(t, one, two)
	waitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	createAll(t, three)
	waitNetworks(t, three, v1alpha1.ReasonPoolExhausted, "3 of 3 in use or reserved")
	thief := newVM(namespace, "thief", on("lan", withAddress("10.60.7.11")))
	createAll(t, thief)
	waitNetworks(t, thief, v1alpha1.ReasonAddressInUse, "WukongNetwork lan reserves it for WukongVM db")
	db, outside := newVM(namespace, "db", on("lan")), newVM(namespace, "outside", on("lan"))
	createAll(t, db, outside)
	waitReady(t, db, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitReady(t, outside, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Equal(t, "10.60.7.11", addressOf(t, db))
	assert.Equal(t, "10.60.7.200", addressOf(t, outside))

	kept := addressOf(t, one)
	require.NoError(t, environment.Client.Delete(t.Context(), one))
	require.Eventually(t, func() bool { return !exists(t, namespace, "one", &kubevirtv1.VirtualMachine{}) }, patience, interval)
	testenv.WaitIdle(t, 0)
	assert.Equal(t, kept, addressOf(t, one), "it is kept, and the third machine still waits")
	waitNetworks(t, three, v1alpha1.ReasonPoolExhausted, "")
	again := newVM(namespace, "one", on("lan"))
	createAll(t, again)
	waitReady(t, again, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Equal(t, kept, addressOf(t, again))
	held := locksOf(t, namespace, "one")[0]
	assert.Equal(t, string(again.UID), held.Spec.Holder.UID)
	assert.Nil(t, held.Spec.Reserved, "the new machine does not ask to keep it")

	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"networks":[{"name":"lan","networkRef":{"name":"lan"},"keepAddresses":true}]}}`))
	require.NoError(t, environment.Client.Patch(t.Context(), again.DeepCopy(), patch))
	require.Eventually(t, func() bool { return locksOf(t, namespace, "one")[0].Spec.Reserved != nil }, patience, interval)
	require.NoError(t, environment.Client.Delete(t.Context(), again))
	require.Eventually(t, func() bool { return !exists(t, namespace, "one", &kubevirtv1.VirtualMachine{}) }, patience, interval)
	require.NoError(t, environment.Client.Delete(t.Context(), network))
	waitFreed(t, again)
}

// An interface gets an address of each family, on ten writes at most; its disk is there before.
func TestDualStack(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{})
	newPool(t, namespace, "lan", "10.60.8.10", "10.60.8.10", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets = append(spec.Subnets, v1alpha1.Subnet{CIDR: "fd00:60::/64", Gateway: "fd00:60::1", Pool: &v1alpha1.AddressPool{
			Ranges: []v1alpha1.AddressRange{{Start: "fd00:60::a", End: "fd00:60::a"}}}})
	})
	waitIdleNetwork(t, namespace, "lan")
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "root"}, Spec: v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("1Gi"))}}
	createAll(t, disk)
	require.Eventually(t, func() bool {
		return meta.IsStatusConditionTrue(read(t, namespace, "root", &v1alpha1.WukongDisk{}).Status.Conditions, v1alpha1.ConditionReady)
	}, patience, interval)
	testenv.WaitIdle(t, 0)
	manager.Writes.Reset()
	vm := newVM(namespace, "web", on("lan"), func(vm *v1alpha1.WukongVM) {
		vm.Spec.Disks = []v1alpha1.VMDisk{{Name: "root", DiskRef: &v1alpha1.LocalObjectReference{Name: "root"}}}
	})
	createAll(t, vm)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	deletions := manager.Writes.Counts()[testenv.Write{Verb: "delete", Resource: "wukongaddresses"}] // of what other tests left
	assert.LessOrEqual(t, manager.Writes.Total()-deletions, 10, manager.Writes.String())
	data := networkData(t, namespace, "web")
	assert.Contains(t, data, "10.60.8.10/16")
	assert.Contains(t, data, "fd00:60::a/64")
	assert.Contains(t, data, "fd00:60::1")
	assert.Len(t, locksOf(t, namespace, "web"), 2)

	late := newVM(namespace, "late", on("lan"))
	createAll(t, late)
	waitNetworks(t, late, v1alpha1.ReasonPoolExhausted, "no free address in 10.60.0.0/16")
}

func waitIdleNetwork(t *testing.T, namespace, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return read(t, namespace, name, &v1alpha1.WukongNetwork{}).Status.Phase == v1alpha1.NetworkReady
	}, patience, interval)
	testenv.WaitIdle(t, 0)
}

// A machine that runs by DHCP stays so when its network gets a pool, and takes an address from it once it is stopped.
func TestARunningMachineStaysWithDHCP(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{})
	network := newPool(t, namespace, "lan", "10.60.9.10", "10.60.9.20", func(spec *v1alpha1.WukongNetworkSpec) { spec.Subnets[0].Pool = nil })
	vm := newVM(namespace, "web", on("lan"))
	createAll(t, vm)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	before := network.DeepCopy()
	network.Spec.Subnets[0].Pool = &v1alpha1.AddressPool{}
	require.NoError(t, environment.Client.Patch(t.Context(), network, client.MergeFrom(before)))
	testenv.WaitIdle(t, 0)
	assert.Empty(t, locksOf(t, namespace, "web"))
	assert.Contains(t, networkData(t, namespace, "web"), "dhcp4: true")

	setPower(t, vm, v1alpha1.PowerStopped)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped)
	require.Eventually(t, func() bool { return len(locksOf(t, namespace, "web")) == 1 }, patience, interval)
	require.Eventually(t, func() bool { return strings.Contains(networkData(t, namespace, "web"), addressOf(t, vm)+"/16") }, patience, interval)
}

// A guest that shows by hand what another machine was given is named, and runs on.
func TestAGuestWithAnAddressOfAnotherIsTold(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t) // every guest shows 10.0.0.10
	environment.StartManager(t, testenv.ManagerOptions{})
	newPool(t, namespace, "lan", "10.0.0.10", "10.0.0.10", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets[0].CIDR, spec.Subnets[0].Gateway = "10.0.0.0/24", ""
	})
	owner := newVM(namespace, "owner", on("lan"))
	createAll(t, owner)
	waitReady(t, owner, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	guest := newVM(namespace, "guest", on("lan", withAddress("10.0.0.20")))
	createAll(t, guest)
	waitReady(t, guest, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitNetworks(t, guest, v1alpha1.ReasonAddressObservedElsewhere, "the guest uses 10.0.0.10 on interface lan, which WukongVM owner was given")

	// Nobody is given what a guest shows, though it has no lock.
	require.NoError(t, environment.Client.Delete(t.Context(), owner))
	waitFreed(t, owner)
	late := newVM(namespace, "late", on("lan", withAddress("10.0.0.10")))
	createAll(t, late)
	waitNetworks(t, late, v1alpha1.ReasonAddressInUse, "the guest of WukongVM guest shows it, on interface lan")
}
