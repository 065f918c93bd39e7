package hostbridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
)

const (
	available = shared.NodeNetworkConfigurationEnactmentConditionAvailable
	failing   = shared.NodeNetworkConfigurationEnactmentConditionFailing
)

// ownPolicy is the policy of a managed bridge as Wukong wrote it, of generation 2.
func ownPolicy(t *testing.T, wanted *v1alpha1.ManagedBridge) *nmstatev1.NodeNetworkConfigurationPolicy {
	t.Helper()
	policy := present(t, wanted, nil)
	policy.Labels[v1alpha1.LabelManagedBy] = v1alpha1.LabelManagedByValue
	policy.Generation = 2
	return policy
}

// observing is what is observed of bridge br1 that one network manages.
func observing(t *testing.T, policy *nmstatev1.NodeNetworkConfigurationPolicy, nodes ...node) *Observation {
	t.Helper()
	one := network("lan", time.Hour, managed())
	observed := &Observation{bridge: "br1", Share: ShareOf([]v1alpha1.WukongNetwork{one}), policy: policy, nodes: nodes}
	observed.desired = present(t, managed(), observed.ours())
	return observed
}

// What a user reads while a bridge is made on the nodes, and why it is not.
func TestVerdict(t *testing.T) {
	foreign := present(t, managed(), nil)
	away, unreported := hostNode(t, "n2", plain), node{name: "n2", ready: true}
	away.ready = false
	done := func(name string) node { return enacting(t, hostNode(t, name, ours), 2, available, "") }
	for name, row := range map[string]struct {
		observed *Observation
		change   func(*Observation)
		reason   string
		waiting  bool
		message  string
		ready    int32
	}{
		"on all nodes":          {observed: observing(t, ownPolicy(t, managed()), done("n1"), done("n2")), ready: 2},
		"on all that are ready": {observed: observing(t, ownPolicy(t, managed()), done("n1"), away), ready: 1},
		"NMState is missing": {observed: observing(t, nil, hostNode(t, "n1", plain)),
			change: func(observed *Observation) { observed.Missing = &dependency.NodePolicies },
			reason: v1alpha1.ReasonDependencyMissing, message: "NMState (kubernetes-nmstate) is not installed"},
		"an administrator has the policy": {observed: observing(t, foreign, hostNode(t, "n1", plain)),
			reason:  v1alpha1.ReasonNameConflict,
			message: "NodeNetworkConfigurationPolicy wukong-br1 already exists and is not managed by Wukong"},
		"no node is selected": {observed: observing(t, nil), reason: v1alpha1.ReasonNodeFeatureMissing,
			message: "no node has the labels that bridge.managed.nodeSelector of bridge br1 asks for"},
		"a node would lose its address": {observed: observing(t, nil, hostNode(t, "n1", addressed)),
			reason: v1alpha1.ReasonHostAddressAtRisk, message: "eth1 of node n1 has the address 10.0.0.5"},
		"NMState has not reported a node": {observed: observing(t, nil, hostNode(t, "n1", plain), unreported),
			reason: v1alpha1.ReasonNodeStateUnknown, waiting: true, message: "the use of the interfaces of n2 is not known"},
		"a policy is to be written": {observed: observing(t, nil, hostNode(t, "n1", plain)),
			reason: v1alpha1.ReasonConfiguringNodes, waiting: true,
			message: "bridge br1 is on 0 of 1 nodes; node n1: NMState has not started"},
		"NMState is at work on one": {observed: observing(t, ownPolicy(t, managed()), done("n1"), hostNode(t, "n2", plain)),
			reason: v1alpha1.ReasonConfiguringNodes, waiting: true, ready: 1,
			message: "bridge br1 is on 1 of 2 nodes; node n2: NMState has not started"},
		"no selected node is ready": {observed: observing(t, ownPolicy(t, managed()), away),
			reason: v1alpha1.ReasonConfiguringNodes, waiting: true, message: "bridge br1 is on 0 of 1 nodes"},
		"NMState failed on one": {observed: observing(t, ownPolicy(t, managed()), done("n1"),
			enacting(t, hostNode(t, "n2", plain), 2, failing, "no such device eth1")),
			reason: v1alpha1.ReasonNodesFailed, ready: 1,
			message: "NMState could not create bridge br1 on node n2: no such device eth1"},
		"a failure is worse than a wait": {observed: observing(t, ownPolicy(t, managed()),
			enacting(t, hostNode(t, "n1", plain), 2, failing, "no such device eth1"), hostNode(t, "n2", plain)),
			reason: v1alpha1.ReasonNodesFailed, message: "on node n1: no such device eth1"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.change != nil {
				row.change(row.observed)
			}
			found := row.observed.Verdict(row.observed.Share.Decider)
			assert.Equal(t, row.reason, found.Reason, found.Message)
			assert.Equal(t, row.waiting, found.Waiting)
			assert.Contains(t, found.Message, row.message)
			if row.reason == "" {
				assert.Empty(t, found.Message)
			}
			if row.ready > 0 {
				assert.Equal(t, row.ready, found.Status.ReadyNodes)
			}
		})
	}
	assert.Nil(t, (&Observation{bridge: "br1"}).Verdict(ptr.To(network("lan", 0, nil))), "nobody manages the bridge")
}

// Of two networks in one namespace, each names the other.
func TestAConflictWithinANamespaceNamesTheOther(t *testing.T) {
	old, young := network("old", time.Hour, managed()), network("young", time.Minute, managed(vlan(7)))
	young.Namespace = old.Namespace
	observed := observing(t, ownPolicy(t, managed()), enacting(t, hostNode(t, "n1", ours), 2, available, ""))
	observed.Share = ShareOf([]v1alpha1.WukongNetwork{old, young})
	refused := observed.Verdict(&young)
	assert.Equal(t, v1alpha1.ReasonBridgeConflict, refused.Reason)
	assert.Contains(t, refused.Message, "WukongNetwork old manages bridge br1 with other settings, and is older")
	assert.Nil(t, refused.Status, "the bridge is not the one that it asks for")
	winner := observed.Verdict(&old)
	assert.Empty(t, winner.Reason)
	assert.Contains(t, winner.Note, "WukongNetwork young asks for other settings of bridge br1")
	assert.EqualValues(t, 1, winner.Status.ReadyNodes)
}

// The status of a bridge on many nodes shows those first that a user has to look at.
func TestTheStatusOfManyNodes(t *testing.T) {
	policy := ownPolicy(t, managed())
	var nodes []node
	for i := range maxNodes + 8 {
		nodes = append(nodes, enacting(t, hostNode(t, fmt.Sprintf("n%02d", i), ours), 2, available, ""))
	}
	nodes[maxNodes+7] = enacting(t, hostNode(t, "z", plain), 2, failing, strings.Repeat("log line\n", 1000))
	status, worst, message := progress(policy, nodes)
	assert.Equal(t, stageFailed, worst)
	assert.EqualValues(t, maxNodes+8, status.SelectedNodes)
	assert.EqualValues(t, maxNodes+7, status.ReadyNodes)
	require.Len(t, status.Nodes, maxNodes)
	assert.Equal(t, "z", status.Nodes[0].Name)
	assert.LessOrEqual(t, len(status.Nodes[0].Message), maxNodeMessage, "NMState reports a whole log")
	assert.Contains(t, message, "node z: ")
	assert.Equal(t, "n00", status.Nodes[1].Name, "in one order, or each pass would be a write")
}

// A message about many nodes names a few.
func TestDangerOnManyNodes(t *testing.T) {
	var losing, unknown []node
	for i := range 5 {
		losing = append(losing, hostNode(t, fmt.Sprint("n", i), addressed))
		unknown = append(unknown, node{name: fmt.Sprint("u", i), ready: true})
	}
	found := danger("br1", managed(), nil, append(losing, unknown...))
	assert.False(t, found.Unknown, "what is known counts first")
	assert.Contains(t, found.Message, "eth1 of node n2")
	assert.NotContains(t, found.Message, "node n3 has")
	assert.Contains(t, found.Message, "; and so on 2 more nodes")
	found = danger("br1", managed(), nil, unknown)
	assert.True(t, found.Unknown)
	assert.Contains(t, found.Message, "of u0, u1, u2 and 2 more nodes is not known")
	unknown[0].ready = false
	assert.Nil(t, danger("br1", managed(), nil, unknown[:1]), "a node that is not ready cannot get the bridge now")
}

// NMState changes what the text names, and nothing else.
func TestWhatAPolicyTouches(t *testing.T) {
	for name, row := range map[string]struct {
		wanted  *v1alpha1.ManagedBridge
		parts   []string
		without []string
	}{
		"an MTU is that of the port and the bridge": {managed(mtu(9000)),
			[]string{"mtu: 9000\n  name: eth1", "mtu: 9000\n  name: br1"}, []string{"ipv4"}},
		"without one the port is left alone": {managed(), nil, []string{"name: eth1\n  state", "mtu"}},
		"a kept address moves from the port to the bridge": {managed(keep),
			[]string{"copy-mac-from: eth1", "dhcp: true", "enabled: false"}, nil},
		"a VLAN of a bond": {managed(bonded, vlan(100)),
			[]string{"base-iface: bond1", "name: bond1.100\n", "mode: 802.3ad"}, []string{"trunk"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := string(present(t, row.wanted, nil).Spec.DesiredState.Raw)
			for _, part := range row.parts {
				assert.Contains(t, text, part)
			}
			for _, part := range row.without {
				assert.NotContains(t, text, part)
			}
		})
	}
}

// A policy that somebody made unreadable is no reason to forget what is on the nodes.
func TestAPolicyThatCannotBeRead(t *testing.T) {
	broken := ownPolicy(t, managed())
	broken.Spec.DesiredState.Raw = []byte("interfaces: {")
	_, err := Present("br1", managed(), broken)
	require.ErrorContains(t, err, "read NodeNetworkConfigurationPolicy wukong-br1")
	_, err = Absent("br1", broken)
	require.ErrorContains(t, err, "read NodeNetworkConfigurationPolicy wukong-br1")
	assert.Empty(t, made(broken), "nothing counts as made by Wukong, and is taken over")
	assert.False(t, same(broken, ownPolicy(t, managed())))
	assert.Empty(t, made(nil))
	assert.Equal(t, map[string]bool{"br1": true, "eth1": false}, made(ownPolicy(t, managed(mtu(9000)))),
		"the nodes' own interfaces are not made")
}

// The text of a policy may be formatted otherwise by whoever wrote it last.
func TestPoliciesThatAskForTheSame(t *testing.T) {
	one, other := ownPolicy(t, managed()), ownPolicy(t, managed())
	text := string(other.Spec.DesiredState.Raw)
	other.Spec.DesiredState.Raw = []byte("# by hand\n" + text)
	assert.True(t, same(one, other))
	other.Spec.NodeSelector = map[string]string{"zone": "a"}
	assert.False(t, same(one, other), "on other nodes")
	assert.False(t, same(one, ownPolicy(t, managed(vlan(7)))))
}
