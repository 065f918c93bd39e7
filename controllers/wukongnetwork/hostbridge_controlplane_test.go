//go:build controlplane

package wukongnetwork_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// hosts are nodes of one test, with a label of their own. The test simulates NMState on them.
type hosts struct {
	networks
	bridge string
	nodes  []string
}

// newHosts creates ready nodes with an unused interface, and a unique name for a bridge.
func newHosts(f networks, count int) *hosts {
	f.Helper()
	h := &hosts{networks: f, bridge: "br-" + f.Namespace[max(0, len(f.Namespace)-8):]}
	for i := range count {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-n%d", f.Namespace, i+1),
			Labels: map[string]string{"test": f.Namespace}}}
		f.Create(node)
		f.Afterwards(func(ctx context.Context) { _ = f.Client.Delete(ctx, node) })
		node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
		f.SetStatus(node)
		h.nodes = append(h.nodes, node.Name)
		h.report(node.Name, "interfaces: [{name: eth1, type: ethernet}]")
	}
	return h
}

// report sets what NMState reports about a node.
func (h *hosts) report(node, text string) {
	h.Helper()
	state := &nmstatev1beta1.NodeNetworkState{ObjectMeta: metav1.ObjectMeta{Name: node}}
	if !h.Has(state) {
		state = &nmstatev1beta1.NodeNetworkState{ObjectMeta: metav1.ObjectMeta{Name: node}}
		h.Create(state)
		h.Afterwards(func(ctx context.Context) { _ = h.Client.Delete(ctx, state) })
	}
	state.Status.CurrentState = shared.State{Raw: []byte(text)}
	require.NoError(h, h.Client.Status().Update(h.Context(), state))
}

// policy returns the policy of the bridge, which must exist.
func (h *hosts) policy() *nmstatev1.NodeNetworkConfigurationPolicy {
	h.Helper()
	policy := &nmstatev1.NodeNetworkConfigurationPolicy{}
	h.Until(func() bool {
		return h.Client.Get(h.Context(), client.ObjectKey{Name: "wukong-" + h.bridge}, policy) == nil
	}, "there is no policy of bridge %s", h.bridge)
	return policy
}

func (h *hosts) noPolicy() bool {
	return !h.Has(&nmstatev1.NodeNetworkConfigurationPolicy{ObjectMeta: metav1.ObjectMeta{Name: "wukong-" + h.bridge}})
}

// enact sets the progress of a node with the current policy.
func (h *hosts) enact(node string, kind shared.ConditionType, message string) {
	h.Helper()
	policy := h.policy()
	enactment := &nmstatev1beta1.NodeNetworkConfigurationEnactment{ObjectMeta: metav1.ObjectMeta{
		Name:   shared.EnactmentKey(node, policy.Name).Name,
		Labels: map[string]string{shared.EnactmentPolicyLabel: policy.Name, shared.EnactmentNodeLabel: node},
	}}
	if !h.Has(enactment) {
		enactment.ResourceVersion = ""
		h.Create(enactment)
		h.Afterwards(func(ctx context.Context) { _ = h.Client.Delete(ctx, enactment) })
	}
	enactment.Status.PolicyGeneration = policy.Generation
	enactment.Status.Conditions = shared.ConditionList{}
	enactment.Status.Conditions.Set(kind, corev1.ConditionTrue, "Test", message)
	require.NoError(h, h.Client.Status().Update(h.Context(), enactment))
}

func (h *hosts) network(namespace, name string, edit ...func(*v1alpha1.ManagedBridge)) *v1alpha1.WukongNetwork {
	wanted := &v1alpha1.ManagedBridge{
		Ports: []v1alpha1.InterfaceName{"eth1"}, UplinkVLAN: ptr.To(int32(100)),
		NodeSelector: map[string]string{"test": h.Namespace},
	}
	for _, change := range edit {
		change(wanted)
	}
	network := h.newNetwork(name, func(spec *v1alpha1.WukongNetworkSpec) {
		spec.Bridge = &v1alpha1.BridgeNetwork{Name: h.bridge, Managed: wanted}
	}, builder.Unrestricted)
	network.Namespace = namespace
	return network
}

const done, failing = shared.NodeNetworkConfigurationEnactmentConditionAvailable,
	shared.NodeNetworkConfigurationEnactmentConditionFailing

// TestAManagedBridgeIsSharedAndGoesWithItsLastUser: one policy for two namespaces, ready when all nodes are, and
// absent before it is deleted.
func TestAManagedBridgeIsSharedAndGoesWithItsLastUser(t *testing.T) {
	f := alone(t)
	elsewhere := f.Elsewhere().Namespace
	manager := f.StartManagerOfAll()
	h := newHosts(f, 2)
	one, two := h.network(f.Namespace, "one"), h.network(elsewhere, "two")
	h.Create(one, two)
	waiting := testkit.Wait(f, one, metav1.ConditionFalse, v1alpha1.ReasonConfiguringNodes, "on 0 of 2 nodes")
	assert.Equal(t, v1alpha1.NetworkPending, waiting.Status.Phase)
	policy := h.policy()
	assert.Equal(t, map[string]string{"test": f.Namespace}, policy.Spec.NodeSelector)
	assert.Contains(t, string(policy.Spec.DesiredState.Raw), "eth1.100")

	h.enact(h.nodes[0], done, "")
	testkit.Wait(f, one, metav1.ConditionFalse, v1alpha1.ReasonConfiguringNodes, "on 1 of 2 nodes")
	h.enact(h.nodes[1], failing, "libnm: no such device")
	failed := testkit.Wait(f, one, metav1.ConditionFalse, v1alpha1.ReasonNodesFailed, "no such device")
	assert.Equal(t, h.nodes[1], failed.Status.HostBridge.Nodes[0].Name, "who is not ready comes first")
	h.enact(h.nodes[1], done, "")
	ready := f.waitReady(one)
	assert.Equal(t, int32(2), ready.Status.HostBridge.ReadyNodes)
	f.waitReady(two)
	assert.Equal(t, policy.UID, h.policy().UID)
	f.WaitIdle()
	assert.Equal(t, 1, manager.Writes.Counts()[testenv.Write{
		Verb: "patch", Resource: "nodenetworkconfigurationpolicies",
	}],
		manager.Writes)

	t.Run("Contract3: no writes at rest, after a restart", func(t *testing.T) {
		manager.Stop()
		second := f.StartManagerOfAll()
		f.WaitPasses(2)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	t.Run("it outlives the first", func(t *testing.T) {
		f := f.in(t)
		f.Remove(one)
		f.WaitGone(one)
		f.WaitIdle()
		assert.Equal(t, policy.Generation, h.policy().Generation, "nothing changed for the nodes")
		f.waitReady(two)
	})
	t.Run("machines hang on it", func(t *testing.T) {
		f := f.in(t)
		h.report(h.nodes[0],
			fmt.Sprintf("interfaces: [{name: %s, type: linux-bridge, bridge: {port: [{name: eth1.100}, "+
				"{name: veth7}]}}]", h.bridge))
		f.Remove(two)
		f.WaitGone(two)
		f.WaitIdle()
		assert.Equal(t, policy.Generation, h.policy().Generation, "the machines keep their network")
	})
	t.Run("it goes with the last", func(t *testing.T) {
		h.report(h.nodes[0],
			fmt.Sprintf("interfaces: [{name: %s, type: linux-bridge, bridge: {port: [{name: eth1.100}]}}]", h.bridge))
		f.Until(func() bool { return strings.Contains(string(h.policy().Spec.DesiredState.Raw), "absent") })
		h.enact(h.nodes[0], done, "")
		f.WaitIdle()
		require.False(t, h.noPolicy(), "a node has the bridge still")
		h.enact(h.nodes[1], done, "")
		f.Until(h.noPolicy)
	})
}

// TestABridgeThatTwoWantDifferently: both networks report it, the older works, and the younger does when they agree.
func TestABridgeThatTwoWantDifferently(t *testing.T) {
	f := alone(t)
	f.StartManagerOfAll()
	h := newHosts(f, 1)
	older := h.network(f.Namespace, "older")
	h.Create(older)
	h.enact(h.nodes[0], done, "")
	f.waitReady(older)
	younger := h.network(f.Namespace, "younger",
		func(wanted *v1alpha1.ManagedBridge) { wanted.UplinkVLAN = ptr.To(int32(200)) })
	// Ages are in seconds; within the same second the UID decides, so the younger could win.
	f.Until(func() bool { return metav1.Now().Sub(older.CreationTimestamp.Time).Seconds() > 2 })
	h.Create(younger)
	testkit.Wait(f, younger, metav1.ConditionFalse, v1alpha1.ReasonBridgeConflict,
		"WukongNetwork older manages bridge "+h.bridge+" with other settings")
	shown := f.waitReady(older)
	f.Until(func() bool {
		require.NoError(t, f.Client.Get(t.Context(), client.ObjectKeyFromObject(older), shown))
		condition := meta.FindStatusCondition(shown.Status.Conditions, v1alpha1.ConditionHostBridgeReady)
		return condition.Reason == v1alpha1.ReasonBridgeConflict &&
			strings.Contains(condition.Message, "WukongNetwork younger asks for other settings of bridge")
	})
	assert.NotContains(t, string(h.policy().Spec.DesiredState.Raw), "200")

	f.Patch(younger, `{"spec":{"bridge":{"managed":{"uplinkVLAN":100}}}}`)
	f.waitReady(younger)
}

// TestNoNodeLosesItsNetwork (fault A.3): a port with an address of the node is refused before any write, and unknown
// states are waited for.
func TestNoNodeLosesItsNetwork(t *testing.T) {
	f := alone(t)
	f.StartManagerOfAll()
	h := newHosts(f, 2)
	h.report(h.nodes[1],
		"interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: 10.0.0.5, prefix-length: 24}]}}]")
	network := h.network(f.Namespace, "lan", func(wanted *v1alpha1.ManagedBridge) { wanted.UplinkVLAN = nil })
	h.Create(network)
	testkit.Wait(f, network, metav1.ConditionFalse, v1alpha1.ReasonHostAddressAtRisk,
		"eth1 of node "+h.nodes[1]+" has the address 10.0.0.5, which the node would lose")
	f.WaitIdle()
	require.True(t, h.noPolicy())
	h.report(h.nodes[1], "interfaces: [{name: eth1}]")
	h.policy()
	for _, node := range h.nodes {
		h.enact(node, done, "")
	}
	f.waitReady(network)
}

// TestTypesThatNodesMustOffer: a network that needs a device, or a plugin of KubeVirt, reports it before any guest
// starts, and recovers.
func TestTypesThatNodesMustOffer(t *testing.T) {
	f := alone(t)
	f.StartManagerOfAll()
	h := newHosts(f, 1)
	add := func(name string, spec v1alpha1.WukongNetworkSpec) *v1alpha1.WukongNetwork {
		network := f.newNetwork(name, builder.OfType(spec))
		f.Create(network)
		return network
	}
	fast := add("fast", v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeSRIOV,
		SRIOV: &v1alpha1.SRIOVNetwork{ResourceName: "example.com/" + f.Namespace, VLAN: ptr.To(int32(7))}})
	testkit.Wait(f, fast, metav1.ConditionFalse, v1alpha1.ReasonNodeFeatureMissing,
		"no node offers example.com/"+f.Namespace)
	ovs := add("ovs", v1alpha1.WukongNetworkSpec{
		Type: v1alpha1.NetworkTypeOVS, OVS: &v1alpha1.OVSNetwork{Bridge: "ovs0"},
	})
	testkit.Wait(f, ovs, metav1.ConditionFalse, v1alpha1.ReasonNodeFeatureMissing, "ovs-cni.network.kubevirt.io/ovs0")
	passt := add("passt", v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod,
		Pod: &v1alpha1.PodNetwork{Binding: v1alpha1.PodBindingPasst}})
	testkit.Wait(f, passt, metav1.ConditionFalse, v1alpha1.ReasonBindingMissing, "spec.configuration.network.binding")
	cable := add("cable", v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeMacvlan,
		Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: v1alpha1.MacvlanPassthru}})
	f.waitReady(cable)
	assert.Equal(t, `{"cniVersion":"1.0.0","name":"cable","type":"macvlan","master":"eth1","mode":"passthru"}`,
		f.readAttachment("cable").Spec.Config)

	node := &corev1.Node{}
	require.NoError(t, f.Client.Get(t.Context(), client.ObjectKey{Name: h.nodes[0]}, node))
	node.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceName("example.com/" + f.Namespace): resource.MustParse("4")}
	f.SetStatus(node)
	f.waitReady(fast)
	attachment := f.readAttachment("fast")
	assert.Equal(t, "example.com/"+f.Namespace, attachment.Annotations["k8s.v1.cni.cncf.io/resourceName"])
	assert.Equal(t, `{"cniVersion":"1.0.0","name":"fast","type":"sriov","vlan":7}`, attachment.Spec.Config)
}

// TestB7TheSampleOfThreeNetworks: each field of the sample is implemented, or refused with what is missing.
func TestB7TheSampleOfThreeNetworks(t *testing.T) {
	f := alone(t)
	f.StartManagerOfAll()
	h := newHosts(f, 1)
	text, err := os.ReadFile("../../config/samples/three-networks.yaml")
	require.NoError(t, err)
	networks := map[string]*v1alpha1.WukongNetwork{}
	for _, document := range strings.Split(string(text), "---\n") {
		if !strings.Contains(document, "kind: WukongNetwork") {
			continue
		}
		network := &v1alpha1.WukongNetwork{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), network))
		network.Namespace = f.Namespace
		if bridge := network.Spec.Bridge; bridge != nil {
			// Nodes and bridges are cluster-wide, and other tests have theirs.
			bridge.Name, bridge.Managed.NodeSelector = h.bridge, map[string]string{"test": f.Namespace}
		}
		networks[network.Name] = network
		f.Create(network)
	}
	require.Len(t, networks, 3)
	state := string(h.policy().Spec.DesiredState.Raw)
	assert.Contains(t, state, "base-iface: eth1\n    id: 100")
	assert.Contains(t, state, "- name: eth1.100\n      vlan: {}", "one layer tags")
	h.enact(h.nodes[0], done, "")
	f.waitReady(networks["management"])
	assert.Equal(t, `{"cniVersion":"1.0.0","name":"management","type":"bridge","bridge":"`+
		h.bridge+`","disableContainerInterface":true}`,
		f.readAttachment("management").Spec.Config)
	testkit.Wait(f, networks["business"], metav1.ConditionFalse, v1alpha1.ReasonNodeFeatureMissing,
		"no node offers openshift.io/business; install and configure the SR-IOV device plugin")
	f.waitReady(networks["storage"])
	assert.Equal(t, `{"cniVersion":"1.0.0","name":"storage","type":"macvlan","master":"eth2","mode":"passthru",`+
		`"mtu":9000}`,
		f.readAttachment("storage").Spec.Config)

	f.Patch(networks["storage"], `{"spec":{"macvlan":{"mode":"Bridge"}}}`)
	testkit.Wait(f, networks["storage"], metav1.ConditionFalse, v1alpha1.ReasonNodeFeatureMissing,
		"macvtap.network.kubevirt.io/eth2")
}
