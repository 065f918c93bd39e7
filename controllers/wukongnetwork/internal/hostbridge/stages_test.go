package hostbridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// statesOf are the interfaces of a policy, in their order, as name=state.
func statesOf(t *testing.T, policy *nmstatev1.NodeNetworkConfigurationPolicy) (found []string) {
	t.Helper()
	state, err := parsePolicy(policy)
	require.NoError(t, err)
	for _, one := range state.Interfaces {
		found = append(found, one.Name+"="+one.State)
	}
	return found
}

// NMState takes interfaces down in the order of the list: a port that goes before its bridge would be refused.
func TestTheOrderOfWithdrawal(t *testing.T) {
	for name, row := range map[string]struct {
		before, after *v1alpha1.ManagedBridge
		states        []string
	}{
		"a bond and its VLAN": {managed(bonded, vlan(7)), nil, []string{"br1=absent", "bond1.7=absent", "bond1=absent"}},
		"a bond that is left out": {managed(bonded), managed(),
			[]string{"br1=up", "bond1=absent"}},
		"a port that is added": {managed(), managed(func(bridge *v1alpha1.ManagedBridge) {
			bridge.Ports = append(bridge.Ports, "eth2")
		}), []string{"br1=up"}},
		"a VLAN that is left out": {managed(vlan(7)), managed(), []string{"br1=up", "eth1.7=absent"}},
		"another port with a VLAN": {managed(vlan(7)), managed(vlan(7), func(bridge *v1alpha1.ManagedBridge) {
			bridge.Ports = []v1alpha1.InterfaceName{"eth2"}
		}), []string{"eth2.7=up", "br1=up", "eth1.7=absent"}},
		"an MTU leaves the port as it is": {managed(mtu(9000)), nil, []string{"br1=absent"}},
	} {
		t.Run(name, func(t *testing.T) {
			live := ownPolicy(t, row.before)
			next := func(live *nmstatev1.NodeNetworkConfigurationPolicy) *nmstatev1.NodeNetworkConfigurationPolicy {
				if row.after != nil {
					return present(t, row.after, live)
				}
				policy, err := Absent("br1", live)
				require.NoError(t, err)
				return policy
			}
			after := next(live)
			assert.Equal(t, row.states, statesOf(t, after))
			assert.Equal(t, row.states, statesOf(t, next(after)), "the same again, or each pass would be a write")
		})
	}
}

// A bridge that comes back takes what was withdrawn, and nothing is asked for twice.
func TestWhatWasWithdrawnComesBack(t *testing.T) {
	first := ownPolicy(t, managed(vlan(7)))
	second := present(t, managed(vlan(8)), first)
	third := present(t, managed(vlan(7)), second)
	assert.Equal(t, []string{"eth1.7=up", "br1=up", "eth1.8=absent"}, statesOf(t, third))
	assert.Equal(t, map[string]bool{"eth1.7": true, "eth1.8": true, "br1": true}, made(third))
}

// What a user reads about each node.
func TestTheMessagesOfNodes(t *testing.T) {
	const (
		aborted     = shared.NodeNetworkConfigurationEnactmentConditionAborted
		progressing = shared.NodeNetworkConfigurationEnactmentConditionProgressing
	)
	policy := ownPolicy(t, managed())
	here, away := hostNode(t, "n1", plain), hostNode(t, "n1", plain)
	away.ready = false
	unset := enacting(t, here, 2, "", "")
	unset.enactment.Status.Conditions.Set(available, corev1.ConditionFalse, "Reason", "")
	for name, row := range map[string]struct {
		node    node
		message string
	}{
		"done":                       {enacting(t, here, 2, available, "configured"), ""},
		"done, and away since":       {enacting(t, away, 2, available, "configured"), ""},
		"away":                       {away, "the node is not ready"},
		"away while it failed":       {enacting(t, away, 2, failing, "no eth1"), "the node is not ready"},
		"no handler":                 {node{name: "n1", ready: true}, "NMState's handler does not run there"},
		"not begun":                  {here, "NMState has not started"},
		"done with what was before":  {enacting(t, here, 1, available, ""), "NMState has not started"},
		"failed with what was":       {enacting(t, here, 1, failing, "no eth1"), "NMState has not started"},
		"at work":                    {enacting(t, here, 2, progressing, ""), "NMState is applying the policy"},
		"a condition that is not so": {unset, "NMState is applying the policy"},
		"failed":                     {enacting(t, here, 2, failing, "no eth1"), "no eth1"},
		"failed without a word":      {enacting(t, here, 2, failing, ""), "Reason"},
		"aborted":                    {enacting(t, here, 2, aborted, "n2 failed"), "n2 failed"},
	} {
		_, message := stageOf(policy, &row.node)
		assert.Equal(t, row.message, message, name)
	}
}

// The status is the same in whichever order nodes are read, but for equally bad ones, of which the first is named.
func TestTheStatusDoesNotDependOnTheOrder(t *testing.T) {
	policy, nodes := ownPolicy(t, managed()), []node(nil)
	for i := range 6 {
		nodes = append(nodes, enacting(t, hostNode(t, fmt.Sprint("n", i), ours), 2, available, ""))
	}
	nodes[3] = enacting(t, hostNode(t, "n3", plain), 2, failing, "no eth1")
	nodes[5] = hostNode(t, "n5", plain)
	wanted, worst, message := progress(policy, nodes)
	assert.Equal(t, stageFailed, worst)
	assert.Equal(t, "node n3: no eth1", message)
	for range nodes {
		nodes = append(nodes[1:], nodes[0])
		status, again, text := progress(policy, nodes)
		assert.Equal(t, wanted, status)
		assert.Equal(t, worst, again)
		assert.Equal(t, message, text)
	}
	none, worst, message := progress(policy, nil)
	assert.Equal(t, v1alpha1.HostBridgeStatus{Policy: "wukong-br1"}, none)
	assert.Equal(t, stageReady, worst)
	assert.Empty(t, message)
}

// A policy is deleted when no node that can still do something has the bridge.
func TestWhenABridgeIsReleased(t *testing.T) {
	policy := ownPolicy(t, managed())
	done := enacting(t, hostNode(t, "n1", plain), 2, available, "")
	late := hostNode(t, "n2", plain)
	away := hostNode(t, "n3", ours)
	away.ready = false
	for name, row := range map[string]struct {
		nodes    []node
		released bool
	}{
		"no node is left":              {nil, true},
		"all are done":                 {[]node{done}, true},
		"one is not":                   {[]node{done, late}, false},
		"one is away, with the bridge": {[]node{done, away}, false},
		"one never had a handler":      {[]node{done, {name: "n4", ready: true}}, true},
		"one is away, and never had":   {[]node{done, {name: "n4"}}, true},
	} {
		assert.Equal(t, row.released, released(policy, row.nodes), name)
		slices.Reverse(row.nodes)
		assert.Equal(t, row.released, released(policy, row.nodes), name)
	}
}

// What is kept of a state is read as the whole is: a node would lose its address otherwise.
func TestDangerIsFoundInEveryForm(t *testing.T) {
	for name, row := range map[string]struct{ text, loss string }{
		"an IPv6 address": {"interfaces: [{name: eth1, ipv6: {enabled: true, address: [{ip: '2001:db8::5', " +
			"prefix-length: 64}]}}]",
			"eth1 of node n1 has the address 2001:db8::5, which the node would lose; name another port, or set " +
				"keepHostAddress: true"},
		"an IPv6 route": {"interfaces: [{name: eth1}]\nroutes: {running: [{destination: '::/0', " +
			"next-hop-interface: eth1}]}",
			"node n1 has its default route on eth1; name another port, or set keepHostAddress: true"},
		"a loopback address": {"interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: 127.0.0.1, " +
			"prefix-length: 8}]}}]", ""},
		"what is no address": {"interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: dynamic}]}}]", ""},
		"a route elsewhere": {"interfaces: [{name: eth1}]\nroutes: {running: [{destination: 0.0.0.0/0, " +
			"next-hop-interface: eth0}]}", ""},
		"a smaller route": {"interfaces: [{name: eth1}]\nroutes: {running: [{destination: 10.0.0.0/8, " +
			"next-hop-interface: eth1}, {destination: 0.0.0.0/0, next-hop-interface: eth0}]}", ""},
		"the port of a bond": {"interfaces: [{name: eth1, controller: bond0}]",
			"eth1 of node n1 is a port of bond0 already; name another port"},
		"a port that is missing": {"interfaces: [{name: eth0}]", ""},
		"nothing at all":         {"interfaces: []", ""},
	} {
		found := danger("br1", managed(), nil, []node{hostNode(t, "n1", row.text)})
		if row.loss == "" {
			assert.Nil(t, found, name)
			continue
		}
		require.NotNil(t, found, name)
		assert.Equal(t, row.loss, found.Message, name)
	}
	assert.Equal(t, "a, b, c", some(strings.Split("a b c", " ")))
	assert.Equal(t, "a, b, c and 2 more nodes", some(strings.Split("a b c d e", " ")))
}
