//go:build e2e

package networks

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// named selects a machine by its name.
func named(name string) []v1alpha1.TrafficPeer {
	return []v1alpha1.TrafficPeer{
		{PodSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"vmi.kubevirt.io/id": name}}},
	}
}

// policyBlocks: a policy holds for guests and pods, for the port and the peer that it names and no other, and follows
// its edits while the guests run. None is left.
func policyBlocks(t *testing.T, kubectl harness.Tool, server, visitor *v1alpha1.WukongVM) {
	t.Helper()
	namespace := server.Namespace
	for _, vm := range []*v1alpha1.WukongVM{server, visitor} {
		require.Nil(t, meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionPolicyReady))
	}
	address := server.Status.PrimaryAddress
	web, other := fmt.Sprintf("%s:%d", address, webPort), fmt.Sprintf("%s:%d", address, otherPort)
	boot := cluster.Ask(t, server, "cat /proc/sys/kernel/random/boot_id")
	holds := func(vm *v1alpha1.WukongVM) {
		t.Helper()
		cluster.Wait(t, vm, patience, "under its policy", func() bool {
			found := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionPolicyReady)
			return found != nil && found.ObservedGeneration == vm.Generation && found.Status == metav1.ConditionTrue
		})
	}

	t.Run("WithoutOneEverythingPasses", func(t *testing.T) {
		for _, port := range []int{webPort, otherPort} {
			waitConnects(t, visitor, address, port, true)
		}
		waitAnswers(t, kubectl, namespace, web, server.Name)
		waitAnswers(t, kubectl, namespace, other, server.Name)
	})
	t.Run("OnlyWhatIsAllowedComesIn", func(t *testing.T) {
		change(t, server, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Policy = &v1alpha1.TrafficPolicy{Ingress: []v1alpha1.TrafficRule{
				{Peers: named(visitor.Name), Ports: []v1alpha1.TrafficPort{{Port: webPort}}},
			}}
		})
		holds(server)
		waitConnects(t, visitor, address, otherPort, false)
		waitConnects(t, visitor, address, webPort, true)
		waitAnswers(t, kubectl, namespace, web)
		waitAnswers(t, kubectl, namespace, other)
	})
	t.Run("AnotherRuleLetsThePodIn", func(t *testing.T) {
		pod := &corev1.Pod{}
		require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "shell"}, pod))
		change(t, server, func(vm *v1alpha1.WukongVM) {
			block := &v1alpha1.IPBlock{CIDR: v1alpha1.PolicyCIDR(pod.Status.PodIP + "/32")}
			vm.Spec.Policy.Ingress = append(vm.Spec.Policy.Ingress,
				v1alpha1.TrafficRule{Peers: []v1alpha1.TrafficPeer{{IPBlock: block}}})
		})
		waitAnswers(t, kubectl, namespace, other, server.Name)
	})
	t.Run("OnlyWhatIsAllowedGoesOut", func(t *testing.T) {
		dns := &corev1.Service{}
		require.NoError(t,
			cluster.Get(t.Context(), client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "kube-dns"}, dns))
		waitConnects(t, visitor, dns.Spec.ClusterIP, 53, true)
		change(t, visitor, func(vm *v1alpha1.WukongVM) {
			vm.Spec.Policy = &v1alpha1.TrafficPolicy{
				DefaultDeny: v1alpha1.TrafficBoth,
				Egress: []v1alpha1.TrafficRule{
					{Peers: named(server.Name), Ports: []v1alpha1.TrafficPort{{Port: webPort}}},
				},
			}
		})
		holds(visitor)
		waitConnects(t, visitor, dns.Spec.ClusterIP, 53, false)
		waitConnects(t, visitor, address, webPort, true)
	})
	t.Run("WithoutOneEverythingPassesAgain", func(t *testing.T) {
		for _, vm := range []*v1alpha1.WukongVM{server, visitor} {
			change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Policy = nil })
		}
		waitAnswers(t, kubectl, namespace, web, server.Name)
		assert.Equal(t, boot, cluster.Ask(t, server, "cat /proc/sys/kernel/random/boot_id"),
			"the guest noticed nothing")
	})
}
