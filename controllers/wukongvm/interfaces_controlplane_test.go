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

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// editNetworks changes spec.networks as a person does, and waits until the interfaces are as told.
func (f machines) editNetworks(
	vm *v1alpha1.WukongVM, states map[string]v1alpha1.VMNetworkState, networks ...v1alpha1.VMNetwork,
) *v1alpha1.WukongVM {
	f.Helper()
	edited := testkit.Read(f, vm.Name, &v1alpha1.WukongVM{})
	testkit.Edit(f, edited, func(vm *v1alpha1.WukongVM) { vm.Spec.Networks = networks })
	return testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		found := map[string]v1alpha1.VMNetworkState{}
		for _, network := range current.Status.Networks {
			found[network.Name] = network.State
		}
		assert.Equal(now, states, found)
		assert.Equal(now, current.Generation, current.Status.ObservedGeneration)
	})
}

func interfaceNames(machine *kubevirtv1.VirtualMachine) []string {
	var names []string
	for _, nic := range machine.Spec.Template.Spec.Domain.Devices.Interfaces {
		names = append(names, nic.Name)
	}
	return names
}

// TestInterfacesComeAndGoWhileTheMachineRuns: and KubeVirt never asks for a restart, but for what only a restart can
// do.
func TestInterfacesComeAndGoWhileTheMachineRuns(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()
	vm := f.newVM("web")
	pod := builder.PodInterface("pod")
	vm.Spec.Networks = []v1alpha1.VMNetwork{pod}
	f.Create(f.bridge("lan"), f.bridge("dmz"), vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	instance := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{}).UID
	const attached, waiting = v1alpha1.VMNetworkAttached, v1alpha1.VMNetworkWaiting
	const restart = v1alpha1.VMNetworkRestartNeeded
	unasked := func(t *testing.T) {
		t.Helper()
		machine := testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})
		assert.False(t,
			slices.ContainsFunc(machine.Status.Conditions, func(condition kubevirtv1.VirtualMachineCondition) bool {
				return condition.Type == kubevirtv1.VirtualMachineRestartRequired
			}), "KubeVirt asks for a restart")
		assert.Equal(t, instance, testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{}).UID,
			"the guest never stopped")
	}

	current := f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached}, pod,
		builder.Interface("one", "lan"))
	mac := current.Status.Networks[1].MACAddress
	assert.Equal(t, f.Namespace+"/lan", current.Status.Networks[1].Attachment)
	assert.Equal(t, []v1alpha1.VMAddress{{Address: "10.0.1.10", Source: v1alpha1.VMAddressStatus}},
		current.Status.Networks[1].AddressSources)

	t.Run("another network under the same name", func(t *testing.T) {
		f := f.in(t)
		current := f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached}, pod,
			builder.Interface("one", "dmz"))
		assert.Equal(t, f.Namespace+"/dmz", current.Status.Networks[1].Attachment)
		assert.Equal(t, mac, current.Status.Networks[1].MACAddress)
		f.Until(func() bool {
			networks := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{}).Spec.Networks
			return len(networks) == 2 && networks[1].Multus.NetworkName == f.Namespace+"/dmz"
		})
		unasked(t)
	})
	t.Run("the cable is pulled out and put in", func(t *testing.T) {
		f := f.in(t)
		down := builder.Interface("one", "dmz")
		down.LinkState = v1alpha1.LinkDown
		for _, network := range []v1alpha1.VMNetwork{down, builder.Interface("one", "dmz")} {
			f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached}, pod, network)
			wanted := map[v1alpha1.LinkState]string{v1alpha1.LinkDown: "down", "": "up"}[network.LinkState]
			f.Until(func() bool {
				return testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.Networks[1].LinkState == wanted
			})
		}
		unasked(t)
	})
	t.Run("a network that comes later", func(t *testing.T) {
		f := f.in(t)
		current := f.editNetworks(vm,
			map[string]v1alpha1.VMNetworkState{"pod": attached, "one": attached, "two": waiting},
			pod, builder.Interface("one", "dmz"), builder.Interface("two", "late"))
		assert.Contains(t, current.Status.Networks[2].Message, "WukongNetwork late does not exist")
		assert.True(t, meta.IsStatusConditionTrue(current.Status.Conditions, v1alpha1.ConditionReady),
			"the guest runs on")
		f.Create(f.bridge("late"))
		f.Until(func() bool {
			return testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.Networks[2].State == attached
		})
	})
	t.Run("both go", func(t *testing.T) {
		f := f.in(t)
		f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"pod": attached}, pod)
		f.Until(func() bool {
			return slices.Equal([]string{"pod"}, interfaceNames(testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})))
		})
		unasked(t)
	})
	t.Run("the pod network goes at the next start", func(t *testing.T) {
		f := f.in(t)
		current := f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"pod": restart, "one": attached},
			builder.Interface("one", "lan"))
		unasked(t)
		condition := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionRestartRequired)
		require.NotNil(t, condition)
		assert.Contains(t, condition.Message, "pod")
		assert.Contains(t, current.Status.Networks[1].Message, "virtctl restart web")
		f.setPower(vm, v1alpha1.PowerStopped)
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
		f.setPower(vm, v1alpha1.PowerRunning)
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
		assert.Equal(t, []string{"one"}, interfaceNames(testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})))
		assert.Nil(t, meta.FindStatusCondition(testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.Conditions,
			v1alpha1.ConditionRestartRequired))
	})
	assert.Zero(t, manager.Writes.Conflicts())
}

// ownAttachments are the NetworkAttachmentDefinitions of a machine's interfaces.
func (f machines) ownAttachments(vm *v1alpha1.WukongVM) map[string]string {
	f.Helper()
	list := &networkv1.NetworkAttachmentDefinitionList{}
	require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(vm.Namespace),
		client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}))
	configs := map[string]string{}
	for i := range list.Items {
		assert.True(f, metav1.IsControlledBy(&list.Items[i], vm))
		configs[list.Items[i].Namespace+"/"+list.Items[i].Name] = list.Items[i].Spec.Config
	}
	return configs
}

// TestInterfacesOfTheirOwnKind: a limit or an address by DHCP makes an attachment for one interface; it changes under a
// guest by an exchange of the interface, and goes when nothing has it any more.
func TestInterfacesOfTheirOwnKind(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()
	lan := f.bridge("lan", builder.Subnet("10.9.0.0/24"), builder.Gateway("10.9.0.1"))
	vm := f.newVM("web")
	limited := builder.Interface("front", "lan")
	limited.Bandwidth = &v1alpha1.Bandwidth{Egress: ptr.To(resource.MustParse("10M"))}
	vm.Spec.Networks = []v1alpha1.VMNetwork{limited}
	f.Create(lan, vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	first := testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.Networks[0].Attachment
	require.Contains(t, f.ownAttachments(vm)[first], `"egressRate":10000000`)
	require.NotContains(t, f.ownAttachments(vm)[first], "ingress")
	assert.NotContains(t, testkit.Read(f, "lan", &networkv1.NetworkAttachmentDefinition{}).Spec.Config, "bandwidth",
		"the network's own is for all others")

	t.Run("another limit", func(t *testing.T) {
		f := f.in(t)
		faster := *limited.DeepCopy()
		faster.Bandwidth.Egress = ptr.To(resource.MustParse("20M"))
		current := f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"front": v1alpha1.VMNetworkAttached}, faster)
		second := current.Status.Networks[0].Attachment
		require.NotEqual(t, first, second)
		f.Until(func() bool {
			instance := testkit.Read(f, "web", &kubevirtv1.VirtualMachineInstance{})
			configs := f.ownAttachments(vm)
			return len(instance.Spec.Networks) == 1 && instance.Spec.Networks[0].Multus.NetworkName == second &&
				len(configs) == 1 && configs[second] != ""
		}, "the old attachment goes when the guest has the new one")
	})
	t.Run("an address by DHCP", func(t *testing.T) {
		f := f.in(t)
		served := builder.Interface("back", "lan")
		served.Addresses, served.AddressDelivery = []v1alpha1.InterfaceAddress{"10.9.0.7"}, v1alpha1.DeliverByDHCP
		current := f.editNetworks(vm, map[string]v1alpha1.VMNetworkState{"back": v1alpha1.VMNetworkAttached}, served)
		assert.Contains(t, f.ownAttachments(vm)[current.Status.Networks[0].Attachment],
			`"ipam":{"type":"static","addresses":[{"address":"10.9.0.7/24"}]}`)
		assert.Contains(t, current.Status.Networks[0].AddressSources,
			v1alpha1.VMAddress{Address: "10.9.0.7", Source: v1alpha1.VMAddressAllocation})
		secret := testkit.Read(f, model.Child("web", "cloudinit"), &corev1.Secret{})
		assert.NotContains(t, string(secret.Data["networkdata"]), "10.9.0.7")
		assert.Contains(t, string(secret.Data["networkdata"]), "dhcp4: true")
	})
	t.Run("a network that cannot limit", func(t *testing.T) {
		f := f.in(t)
		passthru := builder.Network(f.Namespace, "cable", builder.Passthru("eth1"))
		other := f.newVM("other")
		entry := *limited.DeepCopy()
		entry.NetworkRef.Name = "cable"
		other.Spec.Networks = []v1alpha1.VMNetwork{entry}
		f.Create(passthru)
		f.Create(other)
		refused := testkit.Wait(f, other, metav1.ConditionFalse, v1alpha1.ReasonBandwidthUnsupported, "")
		assert.Contains(t, model.Ready(refused).Message, "of type Macvlan")
		assert.False(t, f.Exists("other", &kubevirtv1.VirtualMachine{}))
	})
	t.Run("Contract3: nothing is left to do", func(t *testing.T) {
		f := f.in(t)
		f.WaitIdle()
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(4)
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}
