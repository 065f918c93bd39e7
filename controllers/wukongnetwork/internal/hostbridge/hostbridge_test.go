package hostbridge

import (
	"testing"
	"time"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	nmstatev1beta1 "github.com/nmstate/kubernetes-nmstate/api/v1beta1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func managed(edit ...func(*v1alpha1.ManagedBridge)) *v1alpha1.ManagedBridge {
	result := &v1alpha1.ManagedBridge{Ports: []v1alpha1.InterfaceName{"eth1"}}
	for _, change := range edit {
		change(result)
	}
	return result
}

func vlan(tag int32) func(*v1alpha1.ManagedBridge) {
	return func(bridge *v1alpha1.ManagedBridge) { bridge.UplinkVLAN = &tag }
}

func bonded(bridge *v1alpha1.ManagedBridge) {
	bridge.Ports = nil
	bridge.Bond = &v1alpha1.Bond{
		Name: "bond1", Mode: v1alpha1.BondLACP, Ports: []v1alpha1.InterfaceName{"eth1", "eth2"},
	}
}

func adopt(bridge *v1alpha1.ManagedBridge) { bridge.Adopt = ptr.To(true) }

func mtu(bytes int32) func(*v1alpha1.ManagedBridge) {
	return func(bridge *v1alpha1.ManagedBridge) { bridge.MTU = &bytes }
}

func keep(bridge *v1alpha1.ManagedBridge) { bridge.KeepHostAddress = ptr.To(true) }

func present(
	t *testing.T, wanted *v1alpha1.ManagedBridge, live *nmstatev1.NodeNetworkConfigurationPolicy,
) *nmstatev1.NodeNetworkConfigurationPolicy {
	t.Helper()
	policy, err := Present("br1", wanted, live)
	require.NoError(t, err)
	return policy
}

// NMState applies this text to nodes, so it is compared as a whole.
func TestDesiredState(t *testing.T) {
	const trunk = "\n      vlan:\n        mode: trunk\n        trunk-tags:\n        - id-range:\n            max: " +
		"4094\n            min: 2"
	const bridge = "- bridge:\n    options:\n      stp:\n        enabled: false\n    port:\n    - name: "
	for name, test := range map[string]struct {
		wanted *v1alpha1.ManagedBridge
		text   string
	}{
		"a trunk of all VLANs": {managed(), "interfaces:\n" + bridge + "eth1" + trunk +
			"\n  name: br1\n  state: up\n  type: linux-bridge\n"},
		"one VLAN, by an interface of its own": {managed(vlan(100)),
			"interfaces:\n- name: eth1.100\n  state: up\n  type: " +
				"vlan\n  vlan:\n    base-iface: eth1\n    id: 100\n" +
				bridge + "eth1.100\n      vlan: {}\n  name: br1\n  state: up\n  type: linux-bridge\n"},
		"a bond": {managed(bonded),
			"interfaces:\n- link-aggregation:\n    mode: 802.3ad\n    port:\n    - eth1\n    - " +
				"eth2\n  name: bond1\n  state: up\n  type: bond\n" +
				bridge + "bond1" + trunk + "\n  name: br1\n  state: up\n  type: linux-bridge\n"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := present(t, test.wanted, nil)
			assert.Equal(t, "wukong-br1", policy.Name)
			assert.Equal(t, test.text, string(policy.Spec.DesiredState.Raw))
		})
	}
}

// What was created before and is no longer desired is withdrawn; the nodes' own interfaces are not.
func TestWithdrawn(t *testing.T) {
	states := func(policy *nmstatev1.NodeNetworkConfigurationPolicy) map[string]string {
		parsed, err := parsePolicy(policy)
		require.NoError(t, err)
		found := map[string]string{}
		for _, one := range parsed.Interfaces {
			found[one.Name] = one.State
		}
		return found
	}
	first := present(t, managed(vlan(100)), nil)
	second := present(t, managed(vlan(200)), first)
	assert.Equal(t, map[string]string{"eth1.100": "absent", "eth1.200": "up", "br1": "up"}, states(second))
	assert.True(t, same(present(t, managed(vlan(200)), second), second),
		"absent stays in it, and nothing is written again")

	gone, err := Absent("br1", second)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"eth1.100": "absent", "eth1.200": "absent", "br1": "absent"}, states(gone))
	assert.True(t, withdrawing(gone))
	assert.False(t, withdrawing(second))

	kept := present(t, managed(keep), nil)
	assert.Equal(t, map[string]string{"eth1": "up", "br1": "up"}, states(kept))
	back, err := Absent("br1", kept)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"eth1": "up", "br1": "absent"}, states(back), "the port gets its lease back")
	assert.Contains(t, string(back.Spec.DesiredState.Raw), "dhcp: true")
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func network(name string, age time.Duration, wanted *v1alpha1.ManagedBridge) v1alpha1.WukongNetwork {
	return v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns-" + name, Name: name, UID: types.UID(name),
			CreationTimestamp: metav1.NewTime(noon.Add(-age))},
		Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge,
			Bridge: &v1alpha1.BridgeNetwork{Name: "br1", Managed: wanted}},
	}
}

func TestShare(t *testing.T) {
	dying := network("dying", 4*time.Hour, managed(vlan(7)))
	dying.DeletionTimestamp = &metav1.Time{Time: noon}
	two := func(bridge *v1alpha1.ManagedBridge) { bridge.Ports = []v1alpha1.InterfaceName{"eth2", "eth1"} }
	other := func(bridge *v1alpha1.ManagedBridge) { bridge.Ports = []v1alpha1.InterfaceName{"eth1", "eth2"} }
	share := ShareOf([]v1alpha1.WukongNetwork{
		network("young", time.Minute, managed(vlan(200))), network("guest", time.Hour, nil), dying,
		network("twin", 2*time.Minute, managed(other)), network("old", time.Hour, managed(two)),
	})
	assert.Equal(t, "old", share.Decider.Name)
	assert.Equal(t, 4, share.Users)
	require.Len(t, share.Dissenters, 1)
	young, twin := network("young", 0, nil), network("twin", 0, nil)
	assert.True(t, share.Dissents(&young))
	assert.False(t, share.Dissents(&twin), "the order of ports says nothing")

	one, two2 := network("b", time.Hour, managed()), network("a", time.Hour, managed(vlan(1)))
	assert.Equal(t, "a", ShareOf([]v1alpha1.WukongNetwork{one, two2}).Decider.Name,
		"of one second: alike for all who look")
	assert.Nil(t, ShareOf(nil).Decider)
}

func TestOurOwnBridgeIsNoDanger(t *testing.T) {
	live := present(t, managed(), nil)
	assert.Nil(t, danger("br1", managed(), made(live), []node{hostNode(t, "n1", ours)}))
}

// Fault A.3: what was adopted is never withdrawn, even if the network changes later.
func TestAdoptedStays(t *testing.T) {
	first := present(t, managed(vlan(100), adopt), nil)
	first.Labels[v1alpha1.LabelManagedBy] = v1alpha1.LabelManagedByValue
	second := present(t, managed(vlan(200)), first)
	assert.NotContains(t, string(second.Spec.DesiredState.Raw), "absent")
	assert.True(t, adopted(second))
	assert.Equal(t, stepDelete,
		(&Observation{bridge: "br1", policy: first, nodes: []node{hostNode(t, "n1", ours)}}).next())
}

// hostNode returns a node that NMState reports with some interfaces, in NMState's format.
func hostNode(t *testing.T, name, text string) node {
	t.Helper()
	reported := keeptest.Object(&nmstatev1beta1.NodeNetworkState{
		Status: shared.NodeNetworkStateStatus{CurrentState: shared.State{Raw: []byte(text)}},
	}, KeepState)
	state, err := parseState(reported.Status.CurrentState)
	require.NoError(t, err)
	return node{name: name, ready: true, state: state}
}

const (
	plain     = "interfaces: [{name: eth1, type: ethernet}]"
	linkLocal = "interfaces: [{name: eth1, ipv6: {enabled: true, address: [{ip: 'fe80::1', prefix-length: 64}]}}]"
	tagged    = "interfaces: [{name: eth1, mtu: 1500}, {name: eth1.100, vlan: {base-iface: eth1}, ipv4: {enabled: " +
		"true, address: [{ip: 10.0.0.5, prefix-length: 24}]}}]"
	addressed = "interfaces: [{name: eth1, mtu: 1500, ipv4: {enabled: true, address: [{ip: 10.0.0.5, " +
		"prefix-length: 24}]}}]"
	leased = "interfaces: [{name: eth1, ipv4: {enabled: true, dhcp: true, address: [{ip: 10.0.0.5, " +
		"prefix-length: 24}]}}]"
	routed     = "interfaces: [{name: eth1}]\nroutes: {running: [{destination: 0.0.0.0/0, next-hop-interface: eth1}]}"
	enslaved   = "interfaces: [{name: eth1, controller: br-other}]"
	ours       = "interfaces: [{name: eth1, controller: br1}, {name: br1, bridge: {port: [{name: eth1}]}}]"
	withGuests = "interfaces: [{name: eth1, controller: br1}, {name: br1, bridge: {port: [{name: eth1}, {name: " +
		"veth12}]}}]"
)

// Fault A.3: no node may lose its network.
func TestDanger(t *testing.T) {
	for name, test := range map[string]struct {
		wanted   *v1alpha1.ManagedBridge
		text     string
		reported string
	}{
		"a spare port":                      {managed(), plain, ""},
		"link-local addresses are nobody's": {managed(), linkLocal, ""},
		"an address": {managed(), addressed,
			"eth1 of node n1 has the address 10.0.0.5"},
		"an address under a VLAN stays": {managed(vlan(100)), addressed, ""},
		"the way to the world":          {managed(), routed, "node n1 has its default route on eth1"},
		"another bridge's port": {managed(), enslaved,
			"eth1 of node n1 is a port of br-other already"},
		"a bridge that an administrator made": {managed(), ours,
			"br1 exists on node n1, and is not managed by Wukong"},
		"a bridge that is adopted":                    {managed(adopt), ours, ""},
		"a VLAN interface that an administrator made": {managed(vlan(100)), tagged, "eth1.100 exists on node n1"},
		"the MTU of the port by which it is reached": {managed(vlan(200), mtu(576)), addressed,
			"would change the MTU of eth1 from 1500 to 576"},
		"the MTU under a VLAN by which it is reached": {managed(vlan(200), mtu(576)), tagged,
			"node n1 is reached by eth1.100"},
		"the MTU that the port has":       {managed(vlan(200), mtu(1500)), addressed, ""},
		"the MTU of a spare port":         {managed(vlan(200), mtu(9000)), plain, ""},
		"a lease moves along":             {managed(keep), leased, ""},
		"an address set by hand does not": {managed(keep), addressed, "which is static"},
		"a port of the bond":              {managed(bonded), addressed, "eth1 of node n1 has the address"},
	} {
		t.Run(name, func(t *testing.T) {
			found := danger("br1", test.wanted, nil, []node{hostNode(t, "n1", test.text)})
			if test.reported == "" {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.False(t, found.Unknown)
			assert.Contains(t, found.Message, test.reported)
		})
	}
	assert.True(t, danger("br1", managed(), nil, []node{{name: "n1", ready: true}}).Unknown,
		"what a node carries is not known")
	assert.Nil(t, danger("br1", managed(), nil, []node{{name: "n1"}}), "a node that is away is not waited for")
}

func enacting(t *testing.T, one node, generation int64, kind shared.ConditionType, message string) node {
	t.Helper()
	one.enactment = keeptest.Object(&nmstatev1beta1.NodeNetworkConfigurationEnactment{}, KeepEnactment)
	one.enactment.Status.PolicyGeneration = generation
	if kind != "" {
		one.enactment.Status.Conditions.Set(kind, corev1.ConditionTrue, "Reason", message)
	}
	return one
}

func TestStages(t *testing.T) {
	const (
		available = shared.NodeNetworkConfigurationEnactmentConditionAvailable
		failing   = shared.NodeNetworkConfigurationEnactmentConditionFailing
		aborted   = shared.NodeNetworkConfigurationEnactmentConditionAborted
	)
	policy := &nmstatev1.NodeNetworkConfigurationPolicy{ObjectMeta: metav1.ObjectMeta{Generation: 2}}
	here := hostNode(t, "n1", plain)
	for name, test := range map[string]struct {
		node   node
		stage  stage
		letsGo bool
	}{
		"done":                       {enacting(t, here, 2, available, ""), stageReady, true},
		"done with what was before":  {enacting(t, here, 1, available, ""), stageWaiting, false},
		"not begun":                  {here, stageWaiting, false},
		"at work":                    {enacting(t, here, 2, "", ""), stageWaiting, false},
		"failed":                     {enacting(t, here, 2, failing, "no such device"), stageFailed, false},
		"aborted":                    {enacting(t, here, 2, aborted, "another failed"), stageFailed, false},
		"no handler there":           {node{name: "n1", ready: true}, stageWaiting, true},
		"away, and never had a part": {node{name: "n1"}, stageAway, true},
	} {
		t.Run(name, func(t *testing.T) {
			found, _ := stageOf(policy, &test.node)
			assert.Equal(t, test.stage, found)
			assert.Equal(t, test.letsGo, released(policy, []node{test.node}))
		})
	}
}

func TestNext(t *testing.T) {
	mine := func(policy *nmstatev1.NodeNetworkConfigurationPolicy) *nmstatev1.NodeNetworkConfigurationPolicy {
		policy.Labels[v1alpha1.LabelManagedBy] = v1alpha1.LabelManagedByValue
		policy.Generation = 2
		return policy
	}
	decided := Share{Decider: ptr.To(network("old", time.Hour, managed())), Users: 1}
	up := mine(present(t, managed(), nil))
	gone, err := Absent("br1", up)
	require.NoError(t, err)
	absent := mine(gone)
	unmanaged := present(t, managed(), nil)
	const available = shared.NodeNetworkConfigurationEnactmentConditionAvailable
	for name, test := range map[string]struct {
		observed Observation
		step     step
	}{
		"made": {Observation{Share: decided, nodes: []node{hostNode(t, "n1", plain)}}, stepApply},
		"not made over an address": {Observation{Share: decided, nodes: []node{hostNode(t, "n1", addressed)}},
			stepNothing},
		"kept, also when an address came": {
			Observation{Share: decided, policy: up, nodes: []node{hostNode(t, "n1", addressed)}}, stepApply},
		"someone else's": {
			Observation{Share: decided, policy: unmanaged, nodes: []node{hostNode(t, "n1", plain)}}, stepNothing},
		"others use it still": {
			Observation{Share: Share{Users: 1}, policy: up, nodes: []node{hostNode(t, "n1", ours)}}, stepNothing},
		"nobody does": {Observation{policy: up, nodes: []node{hostNode(t, "n1", ours)}}, stepWithdraw},
		"machines hang on it": {
			Observation{policy: up, nodes: []node{hostNode(t, "n1", ours), hostNode(t, "n2", withGuests)}},
			stepNothing},
		"on its way": {Observation{policy: absent, nodes: []node{hostNode(t, "n1", plain)}},
			stepNothing},
		"off all nodes": {
			Observation{policy: absent, nodes: []node{enacting(t, hostNode(t, "n1", plain), 2, available, "")}},
			stepDelete},
		"nothing to do": {Observation{}, stepNothing},
	} {
		t.Run(name, func(t *testing.T) {
			test.observed.bridge = "br1"
			if decider := test.observed.Share.Decider; decider != nil {
				test.observed.desired = present(t, decider.Spec.Bridge.Managed, test.observed.ours())
			}
			assert.Equal(t, test.step, test.observed.next())
		})
	}
}

// The message of a conflict names only objects of the same namespace.
func TestVerdictOfAConflict(t *testing.T) {
	old, young := network("old", time.Hour, managed()), network("young", time.Minute, managed(vlan(7)))
	observed := &Observation{bridge: "br1", Share: ShareOf([]v1alpha1.WukongNetwork{old, young}),
		nodes: []node{hostNode(t, "n1", plain)}}
	observed.desired = present(t, managed(), nil)
	refused := observed.Verdict(&young)
	assert.Equal(t, v1alpha1.ReasonBridgeConflict, refused.Reason)
	assert.NotContains(t, refused.Message, "WukongNetwork old")
	winner := observed.Verdict(&old)
	assert.Contains(t, winner.Note, "a WukongNetwork of another namespace asks for other settings of bridge br1")
	assert.NotEqual(t, v1alpha1.ReasonBridgeConflict, winner.Reason)
}

// A node with many guests reports an interface for each of them, and routes to their pods.
func TestWhatIsKeptOfANodesState(t *testing.T) {
	found := hostNode(t, "n1", `
interfaces:
- {name: veth1, type: veth}
- {name: veth2, type: veth, ipv4: {enabled: true, address: [{ip: 10.0.0.5, prefix-length: 24}]}}
- {name: veth3, type: veth, controller: br1}
- {name: eth1, type: ethernet, mtu: 1500}
routes:
  running:
  - {destination: 10.1.0.0/16, next-hop-interface: eth1}
  - {destination: "::/0", next-hop-interface: eth1}
`).state
	var names []string
	for _, one := range found.Interfaces {
		names = append(names, one.Name)
	}
	assert.Equal(t, []string{"veth2", "veth3", "eth1"}, names)
	assert.Equal(t, []nodeRoute{{Destination: "::/0", NextHopInterface: "eth1"}}, found.Routes.Running)
	unread := keeptest.Object(&nmstatev1beta1.NodeNetworkState{
		Status: shared.NodeNetworkStateStatus{CurrentState: shared.State{Raw: []byte("[")}},
	}, KeepState)
	assert.Empty(t, unread.Status.CurrentState.Raw, "it counts as not reported, and the cache goes on")
}

// What is kept of a state does not change when it is kept again: a node without a default route, a bridge without
// ports and an interface without addresses have empty lists only in the full state.
func TestAKeptStateIsKeptAsItIs(t *testing.T) {
	for name, text := range map[string]string{
		"no route": plain,
		"no default route": "interfaces: [{name: eth1}]\nroutes: {running: [{destination: 10.0.0.0/8, " +
			"next-hop-interface: eth1}]}",
		"no routes":        "interfaces: [{name: eth1}]\nroutes: {config: [], running: []}",
		"no ports":         "interfaces: [{name: br1, bridge: {options: {mac-ageing-time: 300}, port: []}}]",
		"no addresses":     "interfaces: [{name: eth1, ipv4: {enabled: false, address: []}, ipv6: {address: []}}]",
		"no base":          "interfaces: [{name: eth1, vlan: {id: 7}}]",
		"only guests":      "interfaces: [{name: veth1, type: veth}]",
		"nothing":          "{}",
		"a bridge":         ours,
		"addresses":        tagged,
		"a default route":  routed,
		"a lease":          leased,
		"an enabled stack": "interfaces: [{name: eth1, ipv6: {enabled: true, autoconf: true, dhcp: true, address: []}}]",
	} {
		once := keeptest.Object(&nmstatev1beta1.NodeNetworkState{
			Status: shared.NodeNetworkStateStatus{CurrentState: shared.State{Raw: []byte(text)}},
		}, KeepState)
		twice := keeptest.Object(once, KeepState)
		assert.NotEmpty(t, once.Status.CurrentState.Raw, name)
		assert.Equal(t, string(once.Status.CurrentState.Raw), string(twice.Status.CurrentState.Raw), name)
	}
}
