package hostaccess

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

func permitting(entries ...v1alpha1.PermittedHostNetwork) *v1alpha1.WukongHostNetworkPolicy {
	return &v1alpha1.WukongHostNetworkPolicy{Spec: v1alpha1.WukongHostNetworkPolicySpec{Permitted: entries}}
}

// toAll is an entry for all namespaces.
func toAll(change func(*v1alpha1.PermittedHostNetwork)) v1alpha1.PermittedHostNetwork {
	entry := v1alpha1.PermittedHostNetwork{Namespaces: []v1alpha1.NamespaceNameOrAll{v1alpha1.AllNamespaces}}
	change(&entry)
	return entry
}

func br0(entry *v1alpha1.PermittedHostNetwork) { entry.Bridges = []v1alpha1.InterfaceName{"br0"} }

func macvlan(mode v1alpha1.MacvlanMode, resource string) builder.NetworkOption {
	return builder.OfType(v1alpha1.WukongNetworkSpec{
		Type:    v1alpha1.NetworkTypeMacvlan,
		Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: mode, ResourceName: resource},
	})
}

func onVLAN(tag int32) builder.NetworkOption {
	return func(spec *v1alpha1.WukongNetworkSpec) { spec.Bridge.VLAN = ptr.To(tag) }
}

// A tenant gets what an administrator has listed for the namespace, and no more: what is beside it is the network of
// the nodes.
func TestWhatATenantMayUse(t *testing.T) {
	vlans := func(first int32, last *int32) func(*v1alpha1.PermittedHostNetwork) {
		return func(entry *v1alpha1.PermittedHostNetwork) {
			br0(entry)
			entry.VLANs = []v1alpha1.VLANRange{{First: first, Last: last}}
		}
	}
	untaggedToo := func(entry *v1alpha1.PermittedHostNetwork) {
		vlans(100, nil)(entry)
		entry.Untagged = ptr.To(true)
	}
	labelled := v1alpha1.PermittedHostNetwork{NamespaceLabels: map[string]string{"tier": "lab", "zone": "a"}}
	br0(&labelled)
	everything := toAll(func(entry *v1alpha1.PermittedHostNetwork) { entry.Everything = ptr.To(true) })
	masters := func(modes ...v1alpha1.MacvlanMode) v1alpha1.PermittedHostNetwork {
		return toAll(func(entry *v1alpha1.PermittedHostNetwork) {
			entry.Macvlan = []v1alpha1.PermittedMacvlan{{Master: "eth1", Modes: modes}}
		})
	}
	bridge := builder.OnBridge("br0")
	for name, row := range map[string]struct {
		network []builder.NetworkOption
		labels  map[string]string
		policy  *v1alpha1.WukongHostNetworkPolicy
		// refused is what the message says that the namespace may not use; empty when it may.
		refused string
	}{
		"no policy exists":     {network: []builder.NetworkOption{bridge}, refused: "bridge br0 without a VLAN"},
		"nothing is permitted": {[]builder.NetworkOption{bridge}, nil, permitting(), "bridge br0 without a VLAN"},
		"the bridge":           {[]builder.NetworkOption{bridge}, nil, permitting(toAll(br0)), ""},
		"another bridge": {[]builder.NetworkOption{builder.OnBridge("br1")}, nil, permitting(toAll(br0)),
			"bridge br1 without a VLAN"},
		"a VLAN of a bridge that is permitted untagged": {[]builder.NetworkOption{bridge, onVLAN(100)}, nil,
			permitting(toAll(br0)), "bridge br0 with VLAN 100"},
		"the only VLAN": {[]builder.NetworkOption{bridge, onVLAN(100)}, nil, permitting(toAll(vlans(100, nil))), ""},
		"the next VLAN": {[]builder.NetworkOption{bridge, onVLAN(101)}, nil, permitting(toAll(vlans(100, nil))),
			"bridge br0 with VLAN 101"},
		"the last VLAN of a range": {[]builder.NetworkOption{bridge, onVLAN(199)}, nil,
			permitting(toAll(vlans(100, ptr.To[int32](199)))), ""},
		"no VLAN, where VLANs are listed": {[]builder.NetworkOption{bridge}, nil, permitting(toAll(vlans(100, nil))),
			"bridge br0 without a VLAN"},
		"no VLAN, where that is permitted too": {[]builder.NetworkOption{bridge}, nil, permitting(toAll(untaggedToo)), ""},
		"by the labels of the namespace": {[]builder.NetworkOption{bridge},
			map[string]string{"tier": "lab", "zone": "a", "more": ""}, permitting(labelled), ""},
		"with one label of two": {[]builder.NetworkOption{bridge}, map[string]string{"tier": "lab"}, permitting(labelled),
			"bridge br0 without a VLAN"},
		"another namespace's entry": {[]builder.NetworkOption{bridge}, nil, permitting(v1alpha1.PermittedHostNetwork{
			Namespaces: []v1alpha1.NamespaceNameOrAll{"lab"}, Bridges: []v1alpha1.InterfaceName{"br0"},
		}), "bridge br0 without a VLAN"},
		"an entry for nobody": {[]builder.NetworkOption{bridge}, nil, permitting(v1alpha1.PermittedHostNetwork{
			Bridges: []v1alpha1.InterfaceName{"br0"},
		}), "bridge br0 without a VLAN"},
		"everything": {[]builder.NetworkOption{bridge, onVLAN(7)}, nil, permitting(everything), ""},
		"the second entry": {[]builder.NetworkOption{bridge, onVLAN(7)}, nil,
			permitting(toAll(br0), toAll(vlans(7, nil))), ""},
		"macvlan, in the usual mode": {[]builder.NetworkOption{macvlan("", "")}, nil, permitting(masters()), ""},
		"macvlan, in a mode that sees all traffic": {[]builder.NetworkOption{macvlan(v1alpha1.MacvlanPassthru, "")}, nil,
			permitting(masters()), "interface eth1 in mode Passthru"},
		"macvlan, as a device that is not listed": {[]builder.NetworkOption{macvlan("", "example.com/nic")}, nil,
			permitting(masters()), "interface eth1 in mode Bridge as example.com/nic"},
		"an attachment of another namespace": {[]builder.NetworkOption{builder.ExistingAttachment("lab", "trunk")}, nil,
			permitting(toAll(br0)), "NetworkAttachmentDefinition lab/trunk"},
		"an attachment of its own":   {[]builder.NetworkOption{builder.ExistingAttachment("", "trunk")}, nil, nil, ""},
		"an administrator's network": {[]builder.NetworkOption{bridge, builder.Unrestricted}, nil, nil, ""},
		"the pod network":            {[]builder.NetworkOption{builder.PodNetwork}, nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := Refusal(builder.Network("shop", "lan", row.network...), row.labels, row.policy)
			if row.refused == "" {
				assert.Empty(t, refusal)
				return
			}
			assert.Contains(t, refusal, "namespace shop may not use "+row.refused+": ")
		})
	}
}

// A tenant must not keep addresses from others by gateways and reservations of a network on the same segment.
func TestWhoseGatewaysCount(t *testing.T) {
	own := builder.Network("shop", "lan", builder.OnBridge("br0"))
	assert.True(t, Defines(own, "shop"))
	assert.False(t, Defines(own, "lab"))
	assert.True(t, Defines(builder.Network("net", "lan", builder.OnBridge("br0"), builder.Unrestricted), "lab"))
}
