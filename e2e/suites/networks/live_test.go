//go:build e2e

package networks

import (
	"strconv"
	"strings"
	"testing"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
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
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// migration is how long an interface may take to come or go: KubeVirt looks once a minute which machines to move for it, and moves them.
const migration = 15 * time.Minute

func bridgeNetwork(namespace, name, bridge, cidr string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: bridge}, Subnets: []v1alpha1.Subnet{{CIDR: cidr}},
		},
	}
}

func onNetwork(name, network string, addresses ...v1alpha1.InterfaceAddress) v1alpha1.VMNetwork {
	return v1alpha1.VMNetwork{Name: name, NetworkRef: &v1alpha1.LocalObjectReference{Name: network}, Addresses: addresses}
}

// waitInterface waits until an interface of a machine is attached by another attachment than before, and has an address that the guest reports.
func waitInterface(t *testing.T, vm *v1alpha1.WukongVM, name, before, address string) string {
	t.Helper()
	attachment := ""
	cluster.Wait(t, vm, migration, "attached to "+name+" with "+address, func() bool {
		for _, nic := range vm.Status.Networks {
			if nic.Name == name && nic.State == v1alpha1.VMNetworkAttached && nic.Attachment != before {
				attachment = nic.Attachment
				for _, found := range nic.AddressSources {
					if found.Address == address && found.Source == v1alpha1.VMAddressAgent {
						return true
					}
				}
			}
		}
		return false
	})
	return attachment
}

// TestInterfacesUnderARunningGuest: one comes with its address, is pulled out and put in, is limited, and goes; the guest never stops.
func TestInterfacesUnderARunningGuest(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	const here, there = "10.66.0.1", "10.66.0.2"
	one := guestVM(namespace, "one", v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}})
	two := guestVM(namespace, "two", onNetwork("lan", "lan", there))
	for _, object := range []client.Object{guestSecret(namespace), bridgeNetwork(namespace, "lan", testbed.LANBridge, "10.66.0.0/24"), one, two} {
		require.NoError(t, cluster.Create(t.Context(), object))
	}
	for _, vm := range []*v1alpha1.WukongVM{one, two} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	boot := ask(t, one, "cat /proc/sys/kernel/random/boot_id")
	lan := onNetwork("lan", "lan", here)
	lan.AddressDelivery = v1alpha1.DeliverByDHCP
	put := func(networks ...v1alpha1.VMNetwork) {
		change(t, one, func(vm *v1alpha1.WukongVM) { vm.Spec.Networks = append(vm.Spec.Networks[:1:1], networks...) })
	}

	attachment := ""
	t.Run("OneComesWithItsAddress", func(t *testing.T) {
		start := time.Now()
		put(lan)
		attachment = waitInterface(t, one, "lan", "", here)
		t.Logf("plugged in after %s", time.Since(start).Round(time.Second))
		waitPing(t, one, there, true)
	})
	t.Run("TheCableIsPulledOutAndPutIn", func(t *testing.T) {
		down := lan
		down.LinkState = v1alpha1.LinkDown
		put(down)
		waitPing(t, one, there, false)
		put(lan)
		waitPing(t, one, there, true)
	})
	t.Run("ALimitIsKept", func(t *testing.T) {
		limited := lan
		limited.Bandwidth = &v1alpha1.Bandwidth{Ingress: ptr.To(resource.MustParse("10M")), Egress: ptr.To(resource.MustParse("10M"))}
		put(limited)
		start := time.Now()
		waitInterface(t, one, "lan", attachment, here)
		t.Logf("exchanged after %s", time.Since(start).Round(time.Second))
		waitPing(t, one, there, true)
		ask(t, two, "sudo systemd-run --quiet --unit=take sh -c 'meter take >/tmp/taken'; sleep 1")
		ask(t, one, "meter give "+there)
		assertRate(t, "egress", ask(t, two, "sleep 2; cat /tmp/taken"))
		ask(t, two, "sudo systemd-run --quiet --unit=give meter give; sleep 1")
		assertRate(t, "ingress", ask(t, one, "meter take "+there))
	})
	t.Run("ItGoes", func(t *testing.T) {
		put()
		cluster.Wait(t, one, migration, "without the interface", func() bool { return len(one.Status.Networks) == 1 })
		assert.Equal(t, "1", ask(t, one, "ls -d /sys/class/net/en* | wc -l"))
		require.Eventually(t, func() bool {
			list := &networkv1.NetworkAttachmentDefinitionList{}
			return cluster.List(t.Context(), list, client.InNamespace(namespace)) == nil && len(list.Items) == 1
		}, patience, time.Second, "only the network's own attachment is left")
	})

	assert.Equal(t, boot, ask(t, one, "cat /proc/sys/kernel/random/boot_id"), "the guest never stopped")
	machine := &kubevirtv1.VirtualMachine{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(one), machine))
	for _, condition := range machine.Status.Conditions {
		assert.False(t, condition.Type == kubevirtv1.VirtualMachineRestartRequired && condition.Status == corev1.ConditionTrue, condition.Message)
	}
	cluster.WaitReady(t, one, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)
	assert.Nil(t, meta.FindStatusCondition(one.Status.Conditions, v1alpha1.ConditionRestartRequired))
}

// assertRate: 10 Mbit/s within 20 %.
func assertRate(t *testing.T, direction, printed string) {
	t.Helper()
	rate, err := strconv.ParseFloat(strings.TrimSpace(printed), 64)
	require.NoError(t, err, printed)
	t.Logf("%s: %.2f Mbit/s", direction, rate/1e6)
	assert.InDelta(t, 10e6, rate, 2e6, direction)
}
