//go:build controlplane

package wukongvm_test

import (
	"slices"
	"testing"

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
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/naming"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

func bridgeNetwork(namespace, name string) *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br-" + name}},
	}
}

func onNetwork(name, network string) v1alpha1.VMNetwork {
	return v1alpha1.VMNetwork{Name: name, NetworkRef: &v1alpha1.LocalObjectReference{Name: network}}
}

// editNetworks changes spec.networks as a person does, and waits until the interfaces are as told.
func editNetworks(t *testing.T, vm *v1alpha1.WukongVM, states map[string]v1alpha1.VMNetworkState, networks ...v1alpha1.VMNetwork) *v1alpha1.WukongVM {
	t.Helper()
	before := read(t, vm.Namespace, vm.Name, &v1alpha1.WukongVM{})
	after := before.DeepCopy()
	after.Spec.Networks = networks
	require.NoError(t, environment.Client.Patch(t.Context(), after, client.MergeFrom(before)))
	current := &v1alpha1.WukongVM{}
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
		found := map[string]v1alpha1.VMNetworkState{}
		for _, network := range current.Status.Networks {
			found[network.Name] = network.State
		}
		assert.Equal(collect, states, found)
		assert.Equal(collect, current.Generation, current.Status.ObservedGeneration)
	}, patience, interval)
	return current
}

func interfaceNames(machine *kubevirtv1.VirtualMachine) []string {
	var names []string
	for _, nic := range machine.Spec.Template.Spec.Domain.Devices.Interfaces {
		names = append(names, nic.Name)
	}
	return names
}

// TestInterfacesComeAndGoWhileTheMachineRuns: and KubeVirt never asks for a restart, but for what only a restart can do.
func TestInterfacesComeAndGoWhileTheMachineRuns(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web")
	pod := v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}}
	vm.Spec.Networks = []v1alpha1.VMNetwork{pod}
	for _, object := range []client.Object{bridgeNetwork(namespace, "lan"), bridgeNetwork(namespace, "dmz"), vm} {
		require.NoError(t, environment.Client.Create(t.Context(), object))
	}
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	instance := read(t, namespace, "web", &kubevirtv1.VirtualMachineInstance{}).UID
	const attached, waiting, restart = v1alpha1.VMNetworkAttached, v1alpha1.VMNetworkWaiting, v1alpha1.VMNetworkRestartNeeded
	unasked := func(t *testing.T) {
		t.Helper()
		machine := read(t, namespace, "web", &kubevirtv1.VirtualMachine{})
		assert.False(t, slices.ContainsFunc(machine.Status.Conditions, func(condition kubevirtv1.VirtualMachineCondition) bool {
			return condition.Type == kubevirtv1.VirtualMachineRestartRequired
		}), "KubeVirt asks for a restart")
		assert.Equal(t, instance, read(t, namespace, "web", &kubevirtv1.VirtualMachineInstance{}).UID, "the guest never stopped")
	}

	current := editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached}, pod, onNetwork("one", "lan"))
	mac := current.Status.Networks[1].MACAddress
	assert.Equal(t, namespace+"/lan", current.Status.Networks[1].Attachment)
	assert.Equal(t, []v1alpha1.VMAddress{{Address: "10.0.1.10", Source: v1alpha1.VMAddressStatus}}, current.Status.Networks[1].AddressSources)

	t.Run("another network under the same name", func(t *testing.T) {
		current := editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached}, pod, onNetwork("one", "dmz"))
		assert.Equal(t, namespace+"/dmz", current.Status.Networks[1].Attachment)
		assert.Equal(t, mac, current.Status.Networks[1].MACAddress)
		require.Eventually(t, func() bool {
			networks := read(t, namespace, "web", &kubevirtv1.VirtualMachineInstance{}).Spec.Networks
			return len(networks) == 2 && networks[1].Multus.NetworkName == namespace+"/dmz"
		}, patience, interval)
		unasked(t)
	})
	t.Run("the cable is pulled out and put in", func(t *testing.T) {
		down := onNetwork("one", "dmz")
		down.LinkState = v1alpha1.LinkDown
		for _, network := range []v1alpha1.VMNetwork{down, onNetwork("one", "dmz")} {
			editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached}, pod, network)
			wanted := map[v1alpha1.LinkState]string{v1alpha1.LinkDown: "down", "": "up"}[network.LinkState]
			require.Eventually(t, func() bool {
				return read(t, namespace, "web", &v1alpha1.WukongVM{}).Status.Networks[1].LinkState == wanted
			}, patience, interval)
		}
		unasked(t)
	})
	t.Run("a network that comes later", func(t *testing.T) {
		current := editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached, "two": waiting},
			pod, onNetwork("one", "dmz"), onNetwork("two", "late"))
		assert.Contains(t, current.Status.Networks[2].Message, "WukongNetwork late does not exist")
		assert.True(t, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady), "the guest runs on")
		require.NoError(t, environment.Client.Create(t.Context(), bridgeNetwork(namespace, "late")))
		require.Eventually(t, func() bool {
			return read(t, namespace, "web", &v1alpha1.WukongVM{}).Status.Networks[2].State == attached
		}, patience, interval)
	})
	t.Run("both go", func(t *testing.T) {
		editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"pod": attached}, pod)
		require.Eventually(t, func() bool {
			return slices.Equal([]string{"pod"}, interfaceNames(read(t, namespace, "web", &kubevirtv1.VirtualMachine{})))
		}, patience, interval)
		unasked(t)
	})
	t.Run("the pod network goes at the next start", func(t *testing.T) {
		current := editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"pod": restart, "one": attached}, onNetwork("one", "lan"))
		unasked(t)
		condition := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionRestartRequired)
		require.NotNil(t, condition)
		assert.Contains(t, condition.Message, "pod")
		assert.Contains(t, current.Status.Networks[1].Message, "virtctl restart web")
		setPower(t, vm, v1alpha1.PowerStopped)
		waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped)
		setPower(t, vm, v1alpha1.PowerRunning)
		waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
		assert.Equal(t, []string{"one"}, interfaceNames(read(t, namespace, "web", &kubevirtv1.VirtualMachine{})))
		assert.Nil(t, meta.FindStatusCondition(read(t, namespace, "web", &v1alpha1.WukongVM{}).Status.Conditions, v1alpha1.ConditionRestartRequired))
	})
	assert.Zero(t, manager.Writes.Conflicts())
}

// ownAttachments are the NetworkAttachmentDefinitions of a machine's interfaces.
func ownAttachments(t *testing.T, vm *v1alpha1.WukongVM) map[string]string {
	t.Helper()
	list := &networkv1.NetworkAttachmentDefinitionList{}
	require.NoError(t, environment.Client.List(t.Context(), list, client.InNamespace(vm.Namespace), client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}))
	configs := map[string]string{}
	for i := range list.Items {
		assert.True(t, metav1.IsControlledBy(&list.Items[i], vm))
		configs[list.Items[i].Namespace+"/"+list.Items[i].Name] = list.Items[i].Spec.Config
	}
	return configs
}

// TestInterfacesOfTheirOwnKind: a limit or an address by DHCP makes an attachment for one interface; it changes under a guest by an exchange of the
// interface, and goes when nothing has it any more.
func TestInterfacesOfTheirOwnKind(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	lan := bridgeNetwork(namespace, "lan")
	lan.Spec.Subnets = []v1alpha1.Subnet{{CIDR: "10.9.0.0/24", Gateway: "10.9.0.1"}}
	vm := newVM(namespace, "web")
	limited := onNetwork("front", "lan")
	limited.Bandwidth = &v1alpha1.Bandwidth{Egress: ptr.To(resource.MustParse("10M"))}
	vm.Spec.Networks = []v1alpha1.VMNetwork{limited}
	for _, object := range []client.Object{lan, vm} {
		require.NoError(t, environment.Client.Create(t.Context(), object))
	}
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	first := read(t, namespace, "web", &v1alpha1.WukongVM{}).Status.Networks[0].Attachment
	require.Contains(t, ownAttachments(t, vm)[first], `"egressRate":10000000`)
	require.NotContains(t, ownAttachments(t, vm)[first], "ingress")
	assert.NotContains(t, read(t, namespace, "lan", &networkv1.NetworkAttachmentDefinition{}).Spec.Config, "bandwidth", "the network's own is for all others")

	t.Run("another limit", func(t *testing.T) {
		faster := *limited.DeepCopy()
		faster.Bandwidth.Egress = ptr.To(resource.MustParse("20M"))
		current := editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"front": v1alpha1.VMNetworkAttached}, faster)
		second := current.Status.Networks[0].Attachment
		require.NotEqual(t, first, second)
		require.Eventually(t, func() bool {
			instance := read(t, namespace, "web", &kubevirtv1.VirtualMachineInstance{})
			configs := ownAttachments(t, vm)
			return len(instance.Spec.Networks) == 1 && instance.Spec.Networks[0].Multus.NetworkName == second && len(configs) == 1 && configs[second] != ""
		}, patience, interval, "the old attachment goes when the guest has the new one")
	})
	t.Run("an address by DHCP", func(t *testing.T) {
		served := onNetwork("back", "lan")
		served.Addresses, served.AddressDelivery = []v1alpha1.InterfaceAddress{"10.9.0.7"}, v1alpha1.DeliverByDHCP
		current := editNetworks(t, vm, map[string]v1alpha1.VMNetworkState{"back": v1alpha1.VMNetworkAttached}, served)
		assert.Contains(t, ownAttachments(t, vm)[current.Status.Networks[0].Attachment], `"ipam":{"type":"static","addresses":[{"address":"10.9.0.7/24"}]}`)
		assert.Contains(t, current.Status.Networks[0].AddressSources, v1alpha1.VMAddress{Address: "10.9.0.7", Source: v1alpha1.VMAddressAllocation})
		secret := read(t, namespace, naming.Child("web", "cloudinit"), &corev1.Secret{})
		assert.NotContains(t, string(secret.Data["networkdata"]), "10.9.0.7")
		assert.Contains(t, string(secret.Data["networkdata"]), "dhcp4: true")
	})
	t.Run("a network that cannot limit", func(t *testing.T) {
		passthru := bridgeNetwork(namespace, "cable")
		passthru.Spec = v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeMacvlan, Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: v1alpha1.MacvlanPassthru}}
		other := newVM(namespace, "other")
		entry := *limited.DeepCopy()
		entry.NetworkRef.Name = "cable"
		other.Spec.Networks = []v1alpha1.VMNetwork{entry}
		require.NoError(t, environment.Client.Create(t.Context(), passthru))
		require.NoError(t, environment.Client.Create(t.Context(), other))
		refused := waitReady(t, other, metav1.ConditionFalse, v1alpha1.ReasonBandwidthUnsupported)
		assert.Contains(t, conditions.Ready(refused).Message, "of type Macvlan")
		assert.False(t, exists(t, namespace, "other", &kubevirtv1.VirtualMachine{}))
	})
	t.Run("Contract3: nothing is left to do", func(t *testing.T) {
		testenv.WaitIdle(t, 0)
		manager.Stop()
		second := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
		testenv.WaitIdle(t, 4)
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}
