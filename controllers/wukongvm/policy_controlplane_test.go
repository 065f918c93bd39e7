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
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// waitPolicy waits for what a machine says of its policy; reason "" is for no word.
func (f machines) waitPolicy(vm *v1alpha1.WukongVM, status metav1.ConditionStatus, reason string) string {
	f.Helper()
	message := ""
	testkit.WaitUntil(f, vm, func(now *testkit.Attempt, current *v1alpha1.WukongVM) {
		require.Equal(now, current.Generation, current.Status.ObservedGeneration)
		found := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionPolicyReady)
		if reason == "" {
			require.Nil(now, found)
			return
		}
		require.NotNil(now, found)
		assert.Equal(now, string(status)+" "+reason, string(found.Status)+" "+found.Reason, found.Message)
		message = found.Message
	})
	return message
}

func allowFrom(app string) *v1alpha1.TrafficPolicy {
	return &v1alpha1.TrafficPolicy{Ingress: []v1alpha1.TrafficRule{{
		Peers: []v1alpha1.TrafficPeer{
			{PodSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"app": app}}},
		},
	}}}
}

// A machine's NetworkPolicy comes with the first policy that holds for it, is written before the machine, follows, is
// mended when someone spoils it, and goes with the last.
func TestPolicyOfAMachine(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.Enforcing("Enforced").StartManager()
	network := builder.Network(f.Namespace, "pods", builder.PodNetwork, func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Policy = allowFrom("shop")
	})
	vm := f.newVM("web", on("pods"))
	f.Create(network, vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Empty(t, f.waitPolicy(vm, metav1.ConditionTrue, v1alpha1.ReasonReady))
	policy := testkit.Read(f, "web-policy", &networkingv1.NetworkPolicy{})
	assert.True(t, metav1.IsControlledBy(policy, vm))
	require.Len(t, policy.Spec.Ingress, 1)
	machine := testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})
	assert.False(t, machine.CreationTimestamp.Before(&policy.CreationTimestamp), "no pod is ever open")
	assert.Equal(t, string(vm.UID), machine.Spec.Template.ObjectMeta.Labels[v1alpha1.LabelVM],
		"it selects the machine's pod")

	f.Until(func() bool {
		policy = testkit.Read(f, "web-policy", &networkingv1.NetworkPolicy{})
		return slices.ContainsFunc(policy.OwnerReferences, func(owner metav1.OwnerReference) bool {
			return owner.UID == machine.UID
		})
	}, "it stays until the guest has ended, when the WukongVM is gone before")

	before := policy.DeepCopy()
	policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{})
	require.NoError(t, f.Client.Patch(t.Context(), policy, client.MergeFrom(before)))
	f.Until(func() bool {
		return len(testkit.Read(f, "web-policy", &networkingv1.NetworkPolicy{}).Spec.Ingress) == 1
	}, "a hole that someone made is closed")

	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) {
		spec.Policy = allowFrom("admin")
		spec.Policy.DefaultDeny = v1alpha1.TrafficBoth
	})
	f.Until(func() bool {
		found := testkit.Read(f, "web-policy", &networkingv1.NetworkPolicy{}).Spec
		return len(found.Ingress) == 2 && len(found.PolicyTypes) == 2
	}, "both hold")

	current := testkit.Read(f, "pods", &v1alpha1.WukongNetwork{})
	beforeNetwork := current.DeepCopy()
	current.Spec.Policy = nil
	require.NoError(t, f.Client.Patch(t.Context(), current, client.MergeFrom(beforeNetwork)))
	f.Until(func() bool {
		return len(testkit.Read(f, "web-policy", &networkingv1.NetworkPolicy{}).Spec.Ingress) == 1
	})

	// A network that is gone for a moment opens nothing.
	require.NoError(t,
		f.Client.Patch(t.Context(), current,
			client.RawPatch(types.MergePatchType, []byte(`{"spec":{"policy":{"defaultDeny":"Egress"}}}`))))
	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) { spec.Policy.DefaultDeny = "" })
	closed := func() []networkingv1.PolicyType {
		return testkit.Read(f, "web-policy", &networkingv1.NetworkPolicy{}).Spec.PolicyTypes
	}
	f.Until(func() bool {
		return testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.ObservedGeneration == testkit.Read(f, "web",
			&v1alpha1.WukongVM{}).Generation
	})
	assert.Len(t, closed(), 2)
	f.Remove(current)
	f.waitPolicy(vm, metav1.ConditionFalse, v1alpha1.ReasonWaitingForNetwork)
	assert.Len(t, closed(), 2)
	network.ResourceVersion, network.Spec.Policy = "", nil
	f.Create(network)
	f.Until(func() bool { return len(closed()) == 1 })

	f.WaitIdle()
	writes := manager.Writes.Total()
	f.WaitIdle()
	assert.Equal(t, writes, manager.Writes.Total(), "Contract 3: nothing is written at rest")

	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) { spec.Policy = nil })
	f.Until(func() bool { return !f.Exists("web-policy", &networkingv1.NetworkPolicy{}) })
	f.waitPolicy(vm, "", "")
	assert.Zero(t, manager.Writes.Conflicts())
}

// When nobody told whether policies are enforced, the machine runs and says so, and names the interfaces that no policy
// can hold on.
func TestEnforcementThatNobodyToldOf(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	vm := f.newVM("web")
	vm.Spec.Networks = []v1alpha1.VMNetwork{builder.PodInterface("pod"), builder.Interface("lan", "lan")}
	vm.Spec.Policy = allowFrom("shop")
	f.Create(f.bridge("lan"), vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	message := f.waitPolicy(vm, metav1.ConditionUnknown, v1alpha1.ReasonEnforcementUnverified)
	assert.Contains(t, message, "NetworkPolicy web-policy is written")
	assert.Contains(t, message, "the policy does not apply to interfaces that are not on the pod network: lan")
}

// A machine that its policy would not protect is not started. It is as soon as that is mended.
func TestAMachineThatWouldBeOpenIsHeldBack(t *testing.T) {
	t.Run("NothingEnforces", func(t *testing.T) {
		f := newMachines(t)
		f.Simulate()
		f.Enforcing("None").StartManager()
		vm := f.newVM("web")
		vm.Spec.Networks, vm.Spec.Policy = nil, allowFrom("shop")
		f.Create(vm)
		testkit.Wait(f, vm, metav1.ConditionFalse, v1alpha1.ReasonEnforcementMissing, "")
		assert.False(t, f.Exists("web", &kubevirtv1.VirtualMachine{}))
		f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) { spec.Policy = nil })
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	})
	t.Run("NoPodNetwork", func(t *testing.T) {
		f := newMachines(t)
		f.Simulate()
		f.Enforcing("Enforced").StartManager()
		vm := f.newVM("web", on("lan"))
		vm.Spec.Policy = &v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficBoth}
		f.Create(f.bridge("lan"), vm)
		testkit.Wait(f, vm, metav1.ConditionFalse, v1alpha1.ReasonPolicyUnsupported, "")
		assert.False(t, f.Exists("web", &kubevirtv1.VirtualMachine{}))
		f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) {
			spec.Networks = append(spec.Networks, builder.PodInterface("pod"))
		})
		testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
		assert.True(t, f.Exists("web-policy", &networkingv1.NetworkPolicy{}))
	})
}
