package addresses

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// onSegment is a WukongVM with an interface lan on a network of a bridge, which its namespace may use.
func onSegment() *Inputs {
	return &Inputs{
		VM: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "one"},
			Spec: v1alpha1.WukongVMSpec{Networks: []v1alpha1.VMNetwork{
				{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "office"}},
			}},
		},
		Networks: map[string]*v1alpha1.WukongNetwork{"office": {
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "office"},
			Spec: v1alpha1.WukongNetworkSpec{
				Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br0"},
				Subnets: []v1alpha1.Subnet{{CIDR: "10.7.0.0/24"}},
			},
			Status: v1alpha1.WukongNetworkStatus{Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
			}}},
		}},
		Locks: NewLocks(),
	}
}

func pooled(in *Inputs) { in.Networks["office"].Spec.Subnets[0].Pool = &v1alpha1.AddressPool{} }

// holds lets the interface hold an address.
func holds(address string) func(*Inputs) {
	return func(in *Inputs) {
		in.Locks.Held["lan"] = []v1alpha1.WukongAddress{{
			ObjectMeta: metav1.ObjectMeta{Name: addresslock.Name("bridge/br0/0", netip.MustParseAddr(address))},
			Spec: v1alpha1.WukongAddressSpec{Segment: "bridge/br0/0", Address: v1alpha1.IPAddress(address),
				Holder: v1alpha1.AddressHolder{
					Namespace: "shop", Name: "web", UID: "one", InterfaceName: "lan",
				}},
		}}
	}
}

// runs lets the machine run with the interface.
func runs(in *Inputs) {
	template := &kubevirtv1.VirtualMachineInstanceTemplateSpec{}
	template.Spec.Networks = []kubevirtv1.Network{{Name: "lan"}}
	in.Machine = &kubevirtv1.VirtualMachine{Spec: kubevirtv1.VirtualMachineSpec{Template: template}}
	in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running},
	}, virt.KeepInstance)
}

func static(in *Inputs) {
	in.VM.Spec.Networks[0].Addresses = []v1alpha1.InterfaceAddress{"10.7.0.9/24"}
}

func TestModeAndNeeds(t *testing.T) {
	explicit := func(in *Inputs) { in.VM.Spec.Networks[0].AddressMode = v1alpha1.AddressPooled }
	deleted := func(in *Inputs) { now := metav1.Now(); in.Networks["office"].DeletionTimestamp = &now }
	withheld := func(in *Inputs) { in.Networks["office"].Status.Conditions[0].Reason = v1alpha1.ReasonHostAccessDenied }
	gone := func(in *Inputs) { in.Networks["office"] = nil }
	for name, row := range map[string]struct {
		options []func(*Inputs)
		mode    v1alpha1.AddressMode
		// needs is the address that is to be taken, "pool" for any, "mac" for none but the hardware address.
		needs, reason, problem string
	}{
		"nothing said": {mode: v1alpha1.AddressDHCP},
		"no network":   {options: []func(*Inputs){gone}, mode: v1alpha1.AddressDHCP},
		"the network has a pool": {options: []func(*Inputs){pooled}, mode: v1alpha1.AddressPooled,
			needs: "pool", problem: v1alpha1.ReasonPending},
		"it holds one of the pool": {options: []func(*Inputs){pooled, holds("10.7.0.5")},
			mode: v1alpha1.AddressPooled},
		"the pool was taken away": {options: []func(*Inputs){holds("10.7.0.5")}, mode: v1alpha1.AddressPooled},
		"it holds one of another subnet": {options: []func(*Inputs){pooled, holds("10.8.0.5")},
			mode: v1alpha1.AddressPooled, needs: "pool", problem: v1alpha1.ReasonPending},
		"the pool came, and it runs": {options: []func(*Inputs){pooled, runs}, mode: v1alpha1.AddressDHCP},
		"said, and there is no pool": {options: []func(*Inputs){explicit}, mode: v1alpha1.AddressPooled,
			reason: v1alpha1.ReasonAddressInvalid, problem: v1alpha1.ReasonPending},
		"said, and it runs": {options: []func(*Inputs){pooled, explicit, runs},
			mode: v1alpha1.AddressPooled, needs: "pool", problem: v1alpha1.ReasonPending},
		"static": {options: []func(*Inputs){pooled, static}, mode: v1alpha1.AddressStatic,
			needs: "10.7.0.9"},
		"static, and held": {options: []func(*Inputs){static, holds("10.7.0.9")},
			mode: v1alpha1.AddressStatic},
		"static, and another one is held": {options: []func(*Inputs){static, holds("10.7.0.5")},
			mode: v1alpha1.AddressStatic, needs: "10.7.0.9"},
		"the network is being deleted": {options: []func(*Inputs){pooled, static, deleted},
			mode: v1alpha1.AddressStatic},
		"the network is withheld": {options: []func(*Inputs){static, withheld}, mode: v1alpha1.AddressStatic},
	} {
		t.Run(name, func(t *testing.T) {
			in := onSegment()
			for _, option := range row.options {
				option(in)
			}
			nic := &in.VM.Spec.Networks[0]
			assert.Equal(t, row.mode, in.Mode(nic, in.Networks["office"]))
			request, found := in.Needs(nic)
			if row.reason != "" {
				require.NotNil(t, found)
				assert.Equal(t, row.reason, found.Reason)
				assert.True(t, found.Blocking)
			}
			switch row.needs {
			case "":
				assert.Nil(t, request)
			case "pool":
				require.NotNil(t, request)
				assert.Len(t, request.Pools, 1)
			default:
				require.NotNil(t, request)
				assert.Equal(t, []netip.Addr{netip.MustParseAddr(row.needs)}, request.Static)
			}
			problem := in.Problem(nic, in.Networks["office"])
			if row.problem == "" {
				assert.Nil(t, problem)
				return
			}
			require.NotNil(t, problem)
			assert.Equal(t, row.problem, problem.Reason)
		})
	}
}

func TestWhatKeepsAnAddressFromAnInterface(t *testing.T) {
	request := onSegment().Request(&onSegment().VM.Spec.Networks[0])
	wait, found := Refusal(request, &addresslock.ExhaustedError{Network: "office"})
	assert.Equal(t, v1alpha1.ReasonPoolExhausted, found.Reason)
	assert.Equal(t, "bridge/br0/0", wait.Key, "it is woken when an address of the segment is released")
	wait, found = Refusal(request, &addresslock.InUseError{MAC: true, Lock: "lock"})
	assert.Equal(t, v1alpha1.ReasonMACInUse, found.Reason)
	assert.Equal(t, "lock", wait.Key)
	wait, found = Refusal(request, &addresslock.InUseError{})
	assert.Equal(t, v1alpha1.ReasonAddressInUse, found.Reason)
	assert.Empty(t, wait.Key, "no lock is deleted when this is over")
	_, found = Refusal(request, errors.New("the API server does not answer"))
	assert.Nil(t, found)
}

// Fault A.2: a machine of another namespace is not named.
func TestAnAddressThatIsSeenElsewhere(t *testing.T) {
	in := onSegment()
	request, address := in.Request(&in.VM.Spec.Networks[0]), netip.MustParseAddr("10.7.0.5")
	assert.Nil(t, SeenElsewhere(request, address, nil))
	holds("10.7.0.5")(in)
	lock := &in.Locks.Held["lan"][0]
	assert.Nil(t, SeenElsewhere(request, address, lock), "it is its own")
	lock.Spec.Holder = v1alpha1.AddressHolder{Namespace: "shop", Name: "db", UID: "two"}
	assert.Contains(t, SeenElsewhere(request, address, lock).Message, "which is assigned to WukongVM db")
	lock.Spec.Holder.Namespace = "bank"
	found := SeenElsewhere(request, address, lock)
	assert.Contains(t, found.Message, "a WukongVM of another namespace")
	assert.NotContains(t, found.Message, "db")
	assert.False(t, found.Blocking, "the guest has it already")
}
