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
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// newPool makes a network with a pool, on a segment of its own unless options say otherwise.
func (f machines) newPool(
	name string, first, last v1alpha1.IPAddress, options ...builder.NetworkOption,
) *v1alpha1.WukongNetwork {
	f.Helper()
	pool := []builder.NetworkOption{
		builder.Pool("10.60.0.0/16", first, last), builder.Gateway("10.60.0.1"), builder.OnSegment(f.Namespace),
	}
	network := builder.Network(f.Namespace, name, append(pool, options...)...)
	f.Create(network)
	return network
}

// on attaches a machine to a network, as interface lan.
func on(network string, options ...func(*v1alpha1.VMNetwork)) builder.VMOption {
	nic := builder.Interface("lan", network)
	for _, option := range options {
		option(&nic)
	}
	return builder.Networks(nic)
}

func withAddress(addresses ...v1alpha1.InterfaceAddress) func(*v1alpha1.VMNetwork) {
	return func(nic *v1alpha1.VMNetwork) { nic.Addresses = addresses }
}

func keeping(nic *v1alpha1.VMNetwork) { keep := true; nic.KeepAddresses = &keep }

// locksOf are the addresses that machines of a name hold in the test's namespace, in the order of their names.
func (f machines) locksOf(name string) []v1alpha1.WukongAddress {
	f.Helper()
	return f.locksIn(f.Namespace, name)
}

func (f machines) locksIn(namespace, name string) []v1alpha1.WukongAddress {
	f.Helper()
	list := &v1alpha1.WukongAddressList{}
	require.NoError(f, f.Client.List(f.Context(), list))
	var found []v1alpha1.WukongAddress
	for _, lock := range list.Items {
		if lock.Spec.Holder.Namespace == namespace && lock.Spec.Holder.Name == name {
			found = append(found, lock)
		}
	}
	return found
}

// addressOf is the only address of a machine, of whatever namespace.
func (f machines) addressOf(vm *v1alpha1.WukongVM) string {
	f.Helper()
	found := f.locksIn(vm.Namespace, vm.Name)
	require.Len(f, found, 1)
	return string(found[0].Spec.Address)
}

func (f machines) waitFreed(vm *v1alpha1.WukongVM) {
	f.Helper()
	f.Until(func() bool { return len(f.locksIn(vm.Namespace, vm.Name)) == 0 })
}

func (f machines) networkData(vm string) string {
	f.Helper()
	return string(testkit.Read(f, vm+"-cloudinit", &corev1.Secret{}).Data["networkdata"])
}

func (f machines) waitNetworks(vm *v1alpha1.WukongVM, reason, words string) {
	f.Helper()
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		found := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionNetworksReady)
		require.NotNil(now, found)
		assert.Equal(now, reason, found.Reason, found.Message)
		assert.Contains(now, found.Message, words)
	})
}

// A pool of three refuses the fourth machine with the cause, and serves it when one leaves.
func TestAPoolOfThreeServesTheFourthWhenOneLeaves(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()
	f.newPool("lan", "10.60.0.10", "10.60.0.12")
	given := map[string]bool{}
	var first *v1alpha1.WukongVM
	for i := range 3 {
		vm := f.newVM(fmt.Sprintf("web-%d", i), on("lan"))
		f.Create(vm)
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
		address := f.addressOf(vm)
		assert.Contains(t, f.networkData(vm.Name), address+"/16")
		assert.Contains(t, f.networkData(vm.Name), "10.60.0.1")
		given[address] = true
		first = vm
	}
	assert.Equal(t, map[string]bool{"10.60.0.10": true, "10.60.0.11": true, "10.60.0.12": true}, given)

	fourth := f.newVM("web-late", on("lan"))
	f.Create(fourth)
	testkit.Wait(f, fourth, metav1.ConditionFalse, v1alpha1.ReasonPoolExhausted, "")
	f.waitNetworks(fourth, v1alpha1.ReasonPoolExhausted,
		"WukongNetwork lan: no free address in 10.60.0.0/16: 3 of 3 in use or reserved")
	assert.False(t, f.Exists("web-late-cloudinit", &corev1.Secret{}))

	released := f.addressOf(first)
	f.Remove(first)
	testkit.Wait(f, fourth, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, released, f.addressOf(fourth))
	assert.Contains(t, f.networkData("web-late"), released+"/16")

	f.WaitIdle()
	writes := manager.Writes.Total()
	f.WaitIdle()
	assert.Equal(t, writes, manager.Writes.Total(), "Contract 3: nothing is written at rest")
}

// Two hundred machines in two namespaces, on one segment, come at once: each has an address of its own.
func TestTwoHundredMachinesAtOnceHaveTwoHundredAddresses(t *testing.T) {
	f := newMachines(t)
	both := []machines{f, f.elsewhere()}
	f.StartManagerOfAll()
	for _, one := range both {
		one.newPool("lan", "10.60.1.0", "10.60.1.199", builder.OnSegment(f.Namespace))
	}
	var group sync.WaitGroup
	for i := range 200 {
		vm := both[i%2].newVM(fmt.Sprintf("web-%d", i/2), on("lan"))
		vm.Spec.Disks = nil
		group.Go(func() { assert.NoError(t, f.Client.Create(t.Context(), vm)) })
	}
	group.Wait()
	given := map[string]string{}
	f.Within(2 * time.Minute).Eventually(func(now *testkit.Attempt) {
		clear(given)
		for _, one := range both {
			list := &corev1.SecretList{}
			require.NoError(now, f.Client.List(t.Context(), list, client.InNamespace(one.Namespace)))
			for _, secret := range list.Items {
				if found := given60.FindString(string(secret.Data["networkdata"])); found != "" {
					assert.Empty(t, given[found], "%s is given twice", found)
					given[found] = secret.Namespace + "/" + secret.Name
				}
			}
		}
		assert.Len(now, given, 200)
	})
	for _, one := range both {
		require.NoError(t, f.Client.DeleteAllOf(t.Context(), &v1alpha1.WukongVM{}, client.InNamespace(one.Namespace)))
	}
	// The next test shall not have to wait for what is left of them.
	f.Within(2 * time.Minute).Eventually(func(now *testkit.Attempt) {
		for _, one := range both {
			machines := &kubevirtv1.VirtualMachineList{}
			require.NoError(now, f.Client.List(t.Context(), machines, client.InNamespace(one.Namespace)))
			assert.Empty(now, machines.Items)
		}
		addresses := &v1alpha1.WukongAddressList{}
		require.NoError(now, f.Client.List(t.Context(), addresses))
		assert.Empty(now, slices.DeleteFunc(addresses.Items, func(address v1alpha1.WukongAddress) bool {
			return !strings.HasPrefix(string(address.Spec.Address), "10.60.1.")
		}))
	})
}

var given60 = regexp.MustCompile(`10\.60\.1\.\d+/16`)

// A manager that is killed after it took an address and before it told the guest finds it again, and takes no second
// one.
func TestAManagerKilledBeforeTheSecretFindsItsAddress(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.newPool("lan", "10.60.2.10", "10.60.2.200")
	vm := f.newVM("web", on("lan"))
	f.Create(vm)
	// What the manager leaves that died right then: an address that no rule of the next one would lead to.
	left := &v1alpha1.WukongAddress{
		ObjectMeta: metav1.ObjectMeta{
			Name:   addresslock.Name(f.Namespace, netip.MustParseAddr("10.60.2.77")),
			Labels: map[string]string{v1alpha1.LabelVM: string(vm.UID)},
		},
		Spec: v1alpha1.WukongAddressSpec{
			Segment: f.Namespace, Address: "10.60.2.77",
			Holder: v1alpha1.AddressHolder{
				Namespace: f.Namespace, Name: "web", UID: string(vm.UID), InterfaceName: "lan",
			},
			Network: v1alpha1.AddressNetwork{Namespace: f.Namespace, Name: "lan"},
		},
	}
	f.Create(left)
	manager := f.StartManagerOfAll()
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, "10.60.2.77", f.addressOf(vm))
	assert.Contains(t, f.networkData("web"), "10.60.2.77/16")
	assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "create", Resource: "wukongaddresses"}])
}

// A machine keeps its address while it is stopped and started, when the manager is restarted, when the pool shrinks
// away from it, and when its network is deleted and made again.
func TestAMachineKeepsItsAddress(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManagerOfAll()
	network := f.newPool("lan", "10.60.3.10", "10.60.3.200")
	vm := f.newVM("web", on("lan"))
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	address := f.addressOf(vm)
	lock := f.locksOf("web")[0].UID

	f.setPower(vm, v1alpha1.PowerStopped)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	manager.Stop()
	f.StartManagerOfAll()
	f.setPower(vm, v1alpha1.PowerRunning)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	before := network.DeepCopy()
	network.Spec.Subnets[0].Pool.Ranges[0] = v1alpha1.AddressRange{Start: "10.60.4.1", End: "10.60.4.9"}
	require.NoError(t, f.Client.Patch(t.Context(), network, client.MergeFrom(before)))
	f.WaitIdle()
	assert.Equal(t, address, f.addressOf(vm), "the pool shrank")
	assert.Contains(t, f.networkData("web"), address+"/16")

	f.Remove(network)
	f.WaitIdle()
	assert.Equal(t, address, f.addressOf(vm), "the network is gone")
	f.newPool("lan", "10.60.4.1", "10.60.4.9")
	f.WaitIdle()
	assert.Equal(t, lock, f.locksOf("web")[0].UID, "the network was made again")
	assert.Contains(t, f.networkData("web"), address+"/16")

	f.Remove(vm)
	f.waitFreed(vm)
}

// An address that another machine has is refused, in one namespace and across two, and given when it is free. The pool
// never gives it.
func TestAStaticAddressHasOneHolder(t *testing.T) {
	f := newMachines(t)
	other := f.elsewhere()
	f.Simulate()
	f.StartManagerOfAll()
	share := builder.OnSegment(f.Namespace)
	f.newPool("lan", "10.60.5.10", "10.60.5.11", share)
	other.newPool("lan", "10.60.5.10", "10.60.5.11", share)
	first := f.newVM("first", on("lan", withAddress("10.60.5.10")))
	f.Create(first)
	testkit.Wait(f, first, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	beside, foreign := f.newVM("beside", on("lan", withAddress("10.60.5.10"))),
		other.newVM("foreign", on("lan", withAddress("10.60.5.10")))
	f.Create(beside, foreign)
	f.waitNetworks(beside, v1alpha1.ReasonAddressInUse,
		"address 10.60.5.10 of interface lan is in use: WukongVM first has it, on interface lan")
	f.waitNetworks(foreign, v1alpha1.ReasonAddressInUse, "a WukongVM of another namespace has it")
	pooled := other.newVM("pooled", on("lan"))
	f.Create(pooled)
	testkit.Wait(f, pooled, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, "10.60.5.11", f.addressOf(pooled))

	f.Remove(foreign)
	f.Remove(first)
	testkit.Wait(f, beside, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	// It gets another address, and lets the first go when its guest, which says nothing of its addresses, is stopped.
	f.Patch(beside.DeepCopy(),
		`{"spec":{"networks":[{"name":"lan","networkRef":{"name":"lan"},"addresses":["10.60.5.20"]}]}}`)
	f.Until(func() bool { return len(f.locksOf("beside")) == 2 })
	f.WaitIdle()
	assert.Len(t, f.locksOf("beside"), 2, "the guest may still use the first")
	f.setPower(beside, v1alpha1.PowerStopped)
	f.Until(func() bool { return len(f.locksOf("beside")) == 1 })
	assert.Equal(t, "10.60.5.20", f.addressOf(beside))
}

// A MAC address that a person gave has one holder on a segment, too; and nobody gets by hand what another was given by
// derivation.
func TestAMACAddressHasOneHolder(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManagerOfAll()
	f.newPool("lan", "10.60.6.10", "10.60.6.99")
	hardware := func(mac string) func(*v1alpha1.VMNetwork) {
		return func(nic *v1alpha1.VMNetwork) { nic.MACAddress = mac }
	}
	first := f.newVM("first", on("lan", hardware("02:00:00:00:00:AA")))
	f.Create(first)
	testkit.Wait(f, first, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	second := f.newVM("second", on("lan", hardware("02:00:00:00:00:aa")))
	f.Create(second)
	f.waitNetworks(second, v1alpha1.ReasonMACInUse,
		"macAddress 02:00:00:00:00:aa of interface lan is in use: WukongVM first has it")
	f.Remove(first)
	testkit.Wait(f, second, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	derived := f.newVM("derived", on("lan"))
	f.Create(derived)
	current := testkit.Wait(f, derived, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	copied := f.newVM("copied", on("lan", hardware(current.Status.Networks[0].MACAddress)))
	f.Create(copied)
	f.waitNetworks(copied, v1alpha1.ReasonMACInUse, "the guest of WukongVM derived reports it")
}

// A reservation gives its machine the address, and nobody else; keepAddresses keeps one for a machine of the same name,
// until the network goes.
func TestReservedAddressesComeBack(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManagerOfAll()
	network := f.newPool("lan", "10.60.7.10", "10.60.7.12", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Reservations = []v1alpha1.AddressReservation{{Address: "10.60.7.11", MachineName: "db"},
			{Address: "10.60.7.200", MachineName: "outside"}}
	})
	one, two, three := f.newVM("one", on("lan", keeping)), f.newVM("two", on("lan")), f.newVM("three", on("lan"))
	f.Create(one, two)
	testkit.Wait(f, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	testkit.Wait(f, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.Create(three)
	f.waitNetworks(three, v1alpha1.ReasonPoolExhausted, "3 of 3 in use or reserved")
	thief := f.newVM("thief", on("lan", withAddress("10.60.7.11")))
	f.Create(thief)
	f.waitNetworks(thief, v1alpha1.ReasonAddressInUse, "WukongNetwork lan reserves it for WukongVM db")
	db, outside := f.newVM("db", on("lan")), f.newVM("outside", on("lan"))
	f.Create(db, outside)
	testkit.Wait(f, db, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	testkit.Wait(f, outside, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, "10.60.7.11", f.addressOf(db))
	assert.Equal(t, "10.60.7.200", f.addressOf(outside))

	kept := f.addressOf(one)
	f.Remove(one)
	f.Until(func() bool { return !f.Exists("one", &kubevirtv1.VirtualMachine{}) })
	f.WaitIdle()
	assert.Equal(t, kept, f.addressOf(one), "it is kept, and the third machine still waits")
	f.waitNetworks(three, v1alpha1.ReasonPoolExhausted, "")
	again := f.newVM("one", on("lan"))
	f.Create(again)
	testkit.Wait(f, again, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, kept, f.addressOf(again))
	held := f.locksOf("one")[0]
	assert.Equal(t, string(again.UID), held.Spec.Holder.UID)
	assert.Nil(t, held.Spec.Reserved, "the new machine does not ask to keep it")

	f.Patch(again.DeepCopy(), `{"spec":{"networks":[{"name":"lan","networkRef":{"name":"lan"},"keepAddresses":true}]}}`)
	f.Until(func() bool { return f.locksOf("one")[0].Spec.Reserved != nil })
	f.Remove(again)
	f.Until(func() bool { return !f.Exists("one", &kubevirtv1.VirtualMachine{}) })
	f.Remove(network)
	f.waitFreed(again)
}

// An interface gets an address of each family, on ten writes at most; its disk is there before.
func TestDualStack(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManagerOfAll()
	f.newPool("lan", "10.60.8.10", "10.60.8.10", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets = append(spec.Subnets,
			v1alpha1.Subnet{CIDR: "fd00:60::/64", Gateway: "fd00:60::1", Pool: &v1alpha1.AddressPool{
				Ranges: []v1alpha1.AddressRange{{Start: "fd00:60::a", End: "fd00:60::a"}}}})
	})
	f.waitIdleNetwork("lan")
	disk := builder.Disk(f.Namespace, "root")
	f.Create(disk)
	f.Until(func() bool {
		return meta.IsStatusConditionTrue(testkit.Read(f, "root", &v1alpha1.WukongDisk{}).Status.Conditions,
			v1alpha1.ConditionReady)
	})
	f.WaitIdle()
	manager.Writes.Reset()
	vm := f.newVM("web", on("lan"), func(spec *v1alpha1.WukongVMSpec) {
		spec.Disks = []v1alpha1.VMDisk{builder.DiskReference("root", "root")}
	})
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	// Of what other tests left.
	deletions := manager.Writes.Counts()[testenv.Write{Verb: "delete", Resource: "wukongaddresses"}]
	assert.LessOrEqual(t, manager.Writes.Total()-deletions, 10, manager.Writes.String())
	data := f.networkData("web")
	assert.Contains(t, data, "10.60.8.10/16")
	assert.Contains(t, data, "fd00:60::a/64")
	assert.Contains(t, data, "fd00:60::1")
	assert.Len(t, f.locksOf("web"), 2)

	late := f.newVM("late", on("lan"))
	f.Create(late)
	f.waitNetworks(late, v1alpha1.ReasonPoolExhausted, "no free address in 10.60.0.0/16")
}

func (f machines) waitIdleNetwork(name string) {
	f.Helper()
	f.Until(func() bool {
		return testkit.Read(f, name, &v1alpha1.WukongNetwork{}).Status.Phase == v1alpha1.NetworkReady
	})
	f.WaitIdle()
}

// A machine that runs by DHCP stays so when its network gets a pool, and takes an address from it once it is stopped.
func TestARunningMachineStaysWithDHCP(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManagerOfAll()
	network := f.newPool("lan", "10.60.9.10", "10.60.9.20", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets[0].Pool = nil
	})
	vm := f.newVM("web", on("lan"))
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	before := network.DeepCopy()
	network.Spec.Subnets[0].Pool = &v1alpha1.AddressPool{}
	require.NoError(t, f.Client.Patch(t.Context(), network, client.MergeFrom(before)))
	f.WaitIdle()
	assert.Empty(t, f.locksOf("web"))
	assert.Contains(t, f.networkData("web"), "dhcp4: true")

	f.setPower(vm, v1alpha1.PowerStopped)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	f.Until(func() bool { return len(f.locksOf("web")) == 1 })
	f.Until(func() bool { return strings.Contains(f.networkData("web"), f.addressOf(vm)+"/16") })
}

// A guest that shows by hand what another machine was given is named, and runs on.
func TestAGuestWithAnAddressOfAnotherIsTold(t *testing.T) {
	f := newMachines(t)
	f.Simulate() // every guest shows 10.0.0.10
	f.StartManagerOfAll()
	f.newPool("lan", "10.0.0.10", "10.0.0.10", func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Subnets[0].CIDR, spec.Subnets[0].Gateway = "10.0.0.0/24", ""
	})
	owner := f.newVM("owner", on("lan"))
	f.Create(owner)
	testkit.Wait(f, owner, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	guest := f.newVM("guest", on("lan", withAddress("10.0.0.20")))
	f.Create(guest)
	testkit.Wait(f, guest, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitNetworks(guest, v1alpha1.ReasonAddressObservedElsewhere,
		"the guest uses 10.0.0.10 on interface lan, which is assigned to WukongVM owner")

	// A2: what a guest shows takes nothing from others, by hand or from a pool that has no other address. Both are
	// told.
	f.Remove(owner)
	f.waitFreed(owner)
	late := f.newVM("late", on("lan", withAddress("10.0.0.10")))
	f.Create(late)
	testkit.Wait(f, late, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitNetworks(guest, v1alpha1.ReasonAddressObservedElsewhere,
		"the guest uses 10.0.0.10 on interface lan, which is assigned to WukongVM late")
	f.waitEvent(late, v1alpha1.ReasonAddressObservedElsewhere,
		"interface lan was assigned 10.0.0.10, but the guest of WukongVM guest reports it")
	f.Remove(late)
	f.waitFreed(late)
	pooled := f.newVM("pooled", on("lan"))
	f.Create(pooled)
	testkit.Wait(f, pooled, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, "10.0.0.10", f.addressOf(pooled))
}

// waitEvent waits for an event about a machine.
func (f machines) waitEvent(vm *v1alpha1.WukongVM, reason, words string) {
	f.Helper()
	f.Until(func() bool {
		list := &eventsv1.EventList{}
		require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(vm.Namespace)))
		return slices.ContainsFunc(list.Items, func(one eventsv1.Event) bool {
			return one.Regarding.Name == vm.Name && one.Reason == reason && strings.Contains(one.Note, words)
		})
	}, reason)
}

// Fault A.2: what a tenant writes into a network on another's segment, a gateway, reservations, keeps no address from
// the other's machines; what an administrator writes does. Who is not permitted on the wire takes no address of it.
func TestA2NobodyBlocksAddressesOfAnotherNamespace(t *testing.T) {
	f := newMachines(t)
	other, admin := f.elsewhere(), f.elsewhere()
	f.Simulate()
	f.StartManagerOfAll()
	bridge := "br-" + f.Namespace[len(f.Namespace)-5:]
	lan := func(namespace string, options ...builder.NetworkOption) *v1alpha1.WukongNetwork {
		return builder.Network(namespace, "lan",
			append([]builder.NetworkOption{builder.OnBridge(bridge), builder.Pool("10.77.0.0/24", "", "")},
				options...)...)
	}
	f.Create(
		lan(f.Namespace),
		lan(other.Namespace, builder.Gateway("10.77.0.50"), builder.Reserved("10.77.0.51", "mine")),
		lan(admin.Namespace, builder.Unrestricted, builder.Gateway("10.77.0.1"),
			builder.Reserved("10.77.0.60", "router")),
	)
	for name, address := range map[string]v1alpha1.InterfaceAddress{"gateway": "10.77.0.50", "reserved": "10.77.0.51"} {
		vm := f.newVM(name, on("lan", withAddress(address)))
		f.Create(vm)
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	}
	for name, row := range map[string]struct{ address, told string }{
		"router": {"10.77.0.1", "it is a gateway of the segment"},
		"kept":   {"10.77.0.60", "an administrator has reserved it"},
	} {
		vm := f.newVM(name, on("lan", withAddress(v1alpha1.InterfaceAddress(row.address))))
		f.Create(vm)
		f.waitNetworks(vm, v1alpha1.ReasonAddressInUse, row.told)
	}
	foreign := f.newVM("foreign", on("wire", withAddress("10.77.0.70/24")))
	wire := builder.Network(f.Namespace, "wire", builder.ExistingAttachment(other.Namespace, "lan"))
	f.withoutPermission(func() {
		f.Create(wire, foreign)
		f.waitNetworks(foreign, v1alpha1.ReasonWaitingForNetwork,
			"may not use NetworkAttachmentDefinition "+other.Namespace+"/lan")
		assert.Empty(t, f.locksOf("foreign"))
	})
}

// A1: a permission that is taken back leaves the guest that runs what it has, for its migrations, and nothing to pods
// when it has stopped; the machine does not start again until the permission is given again. A machine with a limit has
// an attachment of its own.
func TestA1AMachineDoesNotStartOnWhatItMayNotUse(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManagerOfAll()
	f.Create(builder.Network(f.Namespace, "lan"))
	limited := func(nic *v1alpha1.VMNetwork) {
		nic.Bandwidth = &v1alpha1.Bandwidth{Egress: ptr.To(resource.MustParse("10M"))}
	}
	vm := f.newVM("web", on("lan", limited))
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	attachments := func() int {
		list := &networkv1.NetworkAttachmentDefinitionList{}
		require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
		return len(list.Items)
	}
	require.Equal(t, 2, attachments())
	f.withoutPermission(func() {
		f.waitNetworks(vm, v1alpha1.ReasonWaitingForNetwork, "may not use bridge br0 without a VLAN")
		f.Never(func() bool { return attachments() != 2 }, 2*time.Second, "the guest runs")
		f.setPower(vm, v1alpha1.PowerStopped)
		f.Until(func() bool { return testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.NodeName == "" })
		f.Until(func() bool { return attachments() == 0 }, "no pod may use them")
		f.setPower(vm, v1alpha1.PowerRunning)
		f.Never(func() bool {
			machine := testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})
			return machine.Spec.RunStrategy == nil || *machine.Spec.RunStrategy != kubevirtv1.RunStrategyHalted
		}, 2*time.Second, "it would start")
	})
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, 2, attachments())
}

// withoutPermission does something while the cluster permits no network of the nodes to the test's namespace.
func (f machines) withoutPermission(do func()) {
	f.Helper()
	policy := &v1alpha1.WukongHostNetworkPolicy{}
	require.NoError(f, f.Client.Get(f.Context(), client.ObjectKey{Name: v1alpha1.HostNetworkPolicyName}, policy))
	before := policy.DeepCopy()
	f.Remove(policy)
	defer func() {
		f.Create(&v1alpha1.WukongHostNetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: before.Name}, Spec: before.Spec})
	}()
	do()
}

// Fault B.5: what a guest says has no bounds, and must not keep the API server from accepting the status of its
// machine.
func TestAGuestWithMoreAddressesThanStatusHolds(t *testing.T) {
	f, vm := startRunning(t)
	instance := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{})
	require.Len(t, instance.Status.Interfaces, 1)
	for i := range 40 {
		instance.Status.Interfaces[0].IPs = append(instance.Status.Interfaces[0].IPs, fmt.Sprintf("10.9.0.%d", i+1))
	}
	instance.Status.GuestOSInfo.PrettyName = strings.Repeat("x", 1000)
	require.NoError(t, f.Client.Update(t.Context(), instance))
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		require.Len(now, current.Status.Networks, 1)
		assert.Len(now, current.Status.Networks[0].Addresses, 32)
		require.NotNil(now, current.Status.Guest)
		assert.Len(now, current.Status.Guest.OperatingSystem, 253)
	})
	f.setPower(vm, v1alpha1.PowerStopped)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
}
