//go:build controlplane

package wukongvm_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

// waitPolicy waits for what a machine says of its policy; reason "" is for no word.
func waitPolicy(t *testing.T, vm *v1alpha1.WukongVM, status metav1.ConditionStatus, reason string) string {
	t.Helper()
	message := ""
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		current := &v1alpha1.WukongVM{}
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
		require.Equal(collect, current.Generation, current.Status.ObservedGeneration)
		found := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionPolicyReady)
		if reason == "" {
			require.Nil(collect, found)
			return
		}
		require.NotNil(collect, found)
		assert.Equal(collect, string(status)+" "+reason, string(found.Status)+" "+found.Reason, found.Message)
		message = found.Message
	}, patience, interval)
	return message
}

func allowFrom(app string) *v1alpha1.TrafficPolicy {
	return &v1alpha1.TrafficPolicy{Ingress: []v1alpha1.TrafficRule{{
		Peers: []v1alpha1.TrafficPeer{{PodSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"app": app}}}},
	}}}
}

// A machine's NetworkPolicy comes with the first policy that holds for it, is written before the machine, follows, is mended when someone spoils it,
// and goes with the last.
func TestPolicyOfAMachine(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace, Enforcement: "Enforced"})
	network := &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pods"},
		Spec:       v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod, Policy: allowFrom("shop")},
	}
	vm := newVM(namespace, "web", on("pods"))
	createAll(t, network, vm)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Empty(t, waitPolicy(t, vm, metav1.ConditionTrue, v1alpha1.ReasonReady))
	policy := read(t, namespace, "web-policy", &networkingv1.NetworkPolicy{})
	assert.True(t, metav1.IsControlledBy(policy, vm))
	require.Len(t, policy.Spec.Ingress, 1)
	machine := read(t, namespace, "web", &kubevirtv1.VirtualMachine{})
	assert.False(t, machine.CreationTimestamp.Before(&policy.CreationTimestamp), "no pod is ever open")
	assert.Equal(t, string(vm.UID), machine.Spec.Template.ObjectMeta.Labels[v1alpha1.LabelVM], "it selects the machine's pod")

	require.Eventually(t, func() bool {
		policy = read(t, namespace, "web-policy", &networkingv1.NetworkPolicy{})
		return slices.ContainsFunc(policy.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == machine.UID })
	}, patience, interval, "it stays until the guest has ended, when the WukongVM is gone before")

	before := policy.DeepCopy()
	policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{})
	require.NoError(t, environment.Client.Patch(t.Context(), policy, client.MergeFrom(before)))
	require.Eventually(t, func() bool {
		return len(read(t, namespace, "web-policy", &networkingv1.NetworkPolicy{}).Spec.Ingress) == 1
	}, patience, interval, "a hole that someone made is closed")

	editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) {
		spec.Policy = allowFrom("admin")
		spec.Policy.DefaultDeny = v1alpha1.TrafficBoth
	})
	require.Eventually(t, func() bool {
		found := read(t, namespace, "web-policy", &networkingv1.NetworkPolicy{}).Spec
		return len(found.Ingress) == 2 && len(found.PolicyTypes) == 2
	}, patience, interval, "both hold")

	current := read(t, namespace, "pods", &v1alpha1.WukongNetwork{})
	beforeNetwork := current.DeepCopy()
	current.Spec.Policy = nil
	require.NoError(t, environment.Client.Patch(t.Context(), current, client.MergeFrom(beforeNetwork)))
	require.Eventually(t, func() bool {
		return len(read(t, namespace, "web-policy", &networkingv1.NetworkPolicy{}).Spec.Ingress) == 1
	}, patience, interval)

	// A network that is gone for a moment opens nothing.
	require.NoError(t, environment.Client.Patch(t.Context(), current, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"policy":{"defaultDeny":"Egress"}}}`))))
	editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) { spec.Policy.DefaultDeny = "" })
	closed := func() []networkingv1.PolicyType {
		return read(t, namespace, "web-policy", &networkingv1.NetworkPolicy{}).Spec.PolicyTypes
	}
	require.Eventually(t, func() bool {
		return read(t, namespace, "web", &v1alpha1.WukongVM{}).Status.ObservedGeneration == read(t, namespace, "web", &v1alpha1.WukongVM{}).Generation
	}, patience, interval)
	assert.Len(t, closed(), 2)
	require.NoError(t, environment.Client.Delete(t.Context(), current))
	waitPolicy(t, vm, metav1.ConditionFalse, v1alpha1.ReasonWaitingForNetwork)
	assert.Len(t, closed(), 2)
	network.ResourceVersion, network.Spec.Policy = "", nil
	createAll(t, network)
	require.Eventually(t, func() bool { return len(closed()) == 1 }, patience, interval)

	testenv.WaitIdle(t, 0)
	writes := manager.Writes.Total()
	testenv.WaitIdle(t, 0)
	assert.Equal(t, writes, manager.Writes.Total(), "Contract 3: nothing is written at rest")

	editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) { spec.Policy = nil })
	require.Eventually(t, func() bool { return !exists(t, namespace, "web-policy", &networkingv1.NetworkPolicy{}) }, patience, interval)
	waitPolicy(t, vm, "", "")
	assert.Zero(t, manager.Writes.Conflicts())
}

// When nobody told whether policies are enforced, the machine runs and says so, and names the interfaces that no policy can hold on.
func TestEnforcementThatNobodyToldOf(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web")
	vm.Spec.Networks = []v1alpha1.VMNetwork{{Name: "pod", Pod: &v1alpha1.PodNetwork{}}, onNetwork("lan", "lan")}
	vm.Spec.Policy = allowFrom("shop")
	createAll(t, bridgeNetwork(namespace, "lan"), vm)
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	message := waitPolicy(t, vm, metav1.ConditionUnknown, v1alpha1.ReasonEnforcementUnverified)
	assert.Contains(t, message, "NetworkPolicy web-policy is written")
	assert.Contains(t, message, "the policy does not hold on lan")
}

// A machine that its policy would not protect is not started. It is as soon as that is mended.
func TestAMachineThatWouldBeOpenIsHeldBack(t *testing.T) {
	t.Run("NothingEnforces", func(t *testing.T) {
		namespace := environment.Namespace(t)
		environment.Simulate(t)
		environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace, Enforcement: "None"})
		vm := newVM(namespace, "web")
		vm.Spec.Networks, vm.Spec.Policy = nil, allowFrom("shop")
		createAll(t, vm)
		waitReady(t, vm, metav1.ConditionFalse, v1alpha1.ReasonEnforcementMissing)
		assert.False(t, exists(t, namespace, "web", &kubevirtv1.VirtualMachine{}))
		editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) { spec.Policy = nil })
		waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	})
	t.Run("NoPodNetwork", func(t *testing.T) {
		namespace := environment.Namespace(t)
		environment.Simulate(t)
		environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace, Enforcement: "Enforced"})
		vm := newVM(namespace, "web", on("lan"))
		vm.Spec.Policy = &v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficBoth}
		createAll(t, bridgeNetwork(namespace, "lan"), vm)
		waitReady(t, vm, metav1.ConditionFalse, v1alpha1.ReasonPolicyUnsupported)
		assert.False(t, exists(t, namespace, "web", &kubevirtv1.VirtualMachine{}))
		editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) {
			spec.Networks = append(spec.Networks, v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}})
		})
		waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
		assert.True(t, exists(t, namespace, "web-policy", &networkingv1.NetworkPolicy{}))
	})
}
