//go:build e2e

package networks

import (
	"context"
	"fmt"
	"strings"
	"testing"

	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// managedNetwork is a bridge that NMState makes on the spare NIC of each node, in one VLAN.
func managedNetwork(namespace, name, bridge string, tag int32) *v1alpha1.WukongNetwork {
	return builder.Network(namespace, name, builder.OnBridge(bridge), builder.Subnet("10.77.0.0/24"),
		builder.Managed(tag, testbed.SpareNIC))
}

// onNode lets a machine run on one node.
func onNode(vm *v1alpha1.WukongVM, node string) *v1alpha1.WukongVM {
	builder.OnNode(node)(&vm.Spec)
	return vm
}

// remove deletes objects, and waits until they are gone.
func remove(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		require.NoError(t, cluster.Delete(t.Context(), object))
	}
	for _, object := range objects {
		cluster.WaitGone(t, object, patience)
	}
}

// waitBridge waits until NMState reports a bridge on all nodes, or on none.
func waitBridge(t *testing.T, bridge string, wanted bool) {
	t.Helper()
	harness.Until(t, harness.CauseNetwork, patience, fmt.Sprintf("NMState reports %s on the nodes: %t", bridge, wanted),
		func(ctx context.Context) string {
			states := &nmstatev1beta1.NodeNetworkStateList{}
			if err := cluster.List(ctx, states); err != nil {
				return err.Error()
			}
			for i := range states.Items {
				if text := string(states.Items[i].Status.CurrentState.Raw); wanted != strings.Contains(
					text, "name: "+bridge+"\n",
				) {
					return "not so on node " + states.Items[i].Name
				}
			}
			if len(states.Items) == 0 {
				return "no node has a state"
			}
			return ""
		})
}

// TestVLANsOnManagedBridges: guests of two nodes and two namespaces talk in their VLAN and not to another; the bridge
// goes with its last user.
func TestVLANsOnManagedBridges(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	here, elsewhere := cluster.Namespace(t), cluster.Namespace(t)
	nodes := &corev1.NodeList{}
	require.NoError(t, cluster.List(t.Context(), nodes))
	require.GreaterOrEqual(t, len(nodes.Items), 2)
	first, second := nodes.Items[0].Name, nodes.Items[1].Name
	blue, alsoBlue, green := managedNetwork(here, "blue", "br-blue", 100),
		managedNetwork(elsewhere, "blue", "br-blue", 100), managedNetwork(here, "green", "br-green", 200)
	one := onNode(guestVM(here, "one", builder.Interface("lan", "blue", "10.77.0.1")), first)
	two := onNode(guestVM(elsewhere, "two", builder.Interface("lan", "blue", "10.77.0.2")), second)
	three := onNode(guestVM(here, "three", builder.Interface("lan", "green", "10.77.0.3")), second)
	cluster.Make(t, guestSecret(here), guestSecret(elsewhere), blue, alsoBlue, green, one, two, three)
	for _, network := range []*v1alpha1.WukongNetwork{blue, alsoBlue, green} {
		cluster.WaitReady(t, network, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
		assert.Equal(t, int32(len(nodes.Items)), network.Status.HostBridge.ReadyNodes)
	}
	for _, vm := range []*v1alpha1.WukongVM{one, two, three} {
		cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	}
	for _, vm := range []*v1alpha1.WukongVM{one, two, three} {
		waitBooted(t, vm)
	}

	t.Run("TheyTalkInTheirVLAN", func(t *testing.T) {
		waitPing(t, one, "10.77.0.2", true)
		waitPing(t, one, "10.77.0.3", false)
		waitPing(t, three, "10.77.0.2", false)
	})
	t.Run("AddressesSurviveAStopAndAnotherManager", func(t *testing.T) {
		mac := two.Status.Networks[0].MACAddress
		change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped })
		cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonStopped, patience)
		cluster.RestartOperator(t)
		change(t, two, func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerRunning })
		cluster.WaitReady(t, two, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
		assert.Equal(t, mac, two.Status.Networks[0].MACAddress)
		waitBooted(t, two)
		waitPing(t, one, "10.77.0.2", true)
	})
	t.Run("TheBridgeOutlivesItsFirstUser", func(t *testing.T) {
		remove(t, one, three, blue, green)
		waitBridge(t, "br-green", false)
		waitBridge(t, "br-blue", true)
		cluster.WaitReady(t, alsoBlue, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
	})
	t.Run("AndTheMachineThatHangsOnIt", func(t *testing.T) {
		remove(t, alsoBlue)
		assert.Equal(t, "two", cluster.Ask(t, two, "hostname"))
		waitBridge(t, "br-blue", true)
		remove(t, two)
		waitBridge(t, "br-blue", false)
		cluster.WaitGone(t,
			&nmstatev1.NodeNetworkConfigurationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "wukong-br-blue"}}, patience)
	})
}

// TestANodeKeepsItsNetwork: a bridge that would take the NIC with the node's own address is refused, and nothing is
// applied; in a VLAN on the same NIC it is made, and the nodes stay.
func TestANodeKeepsItsNetwork(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	network := managedNetwork(cluster.Namespace(t), "uplink", "br-uplink", 300)
	builder.Managed(0, testbed.NodeNIC)(&network.Spec)
	cluster.Make(t, network)
	cluster.WaitCause(t, network, v1alpha1.ReasonHostAddressAtRisk, testbed.NodeNIC, patience)
	policy := &nmstatev1.NodeNetworkConfigurationPolicy{}
	assert.True(t, apierrors.IsNotFound(cluster.Get(t.Context(), client.ObjectKey{Name: "wukong-br-uplink"}, policy)),
		"nothing is applied")

	change(t, network, func(network *v1alpha1.WukongNetwork) {
		network.Spec.Bridge.Managed.UplinkVLAN = ptr.To[int32](300)
	})
	cluster.WaitReady(t, network, metav1.ConditionTrue, v1alpha1.ReasonReady, patience)
	remove(t, network)
	waitBridge(t, "br-uplink", false)
	nodes := &corev1.NodeList{}
	require.NoError(t, cluster.List(t.Context(), nodes))
	for i := range nodes.Items {
		for _, condition := range nodes.Items[i].Status.Conditions {
			assert.True(t, condition.Type != corev1.NodeReady || condition.Status == corev1.ConditionTrue,
				"%s is not ready", nodes.Items[i].Name)
		}
	}
}
