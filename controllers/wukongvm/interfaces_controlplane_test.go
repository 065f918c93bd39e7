//go:build controlplane

package wukongvm_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
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
