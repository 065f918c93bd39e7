package hostbridge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/nmstate/kubernetes-nmstate/api/shared"
	nmstatev1 "github.com/nmstate/kubernetes-nmstate/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

const policyPrefix = "wukong-"

// Types and states of NMState.
const (
	typeBridge   = "linux-bridge"
	typeVLAN     = "vlan"
	typeBond     = "bond"
	typeEthernet = "ethernet"
	stateUp      = "up"
	stateAbsent  = "absent"
)

// A port of a bridge is a trunk of all VLANs except the bridge's default one, which stays untagged.
const firstTag, lastTag = 2, 4094

// PolicyName returns the name of the NodeNetworkConfigurationPolicy of a bridge.
func PolicyName(bridge string) string { return policyPrefix + bridge }

type desiredState struct {
	Interfaces []desiredInterface `json:"interfaces"`
}

// desiredInterface has the NMState fields that a bridge and its uplinks need. An omitted field stays as it is on the
// node (nmstate.io, "Interfaces").
type desiredInterface struct {
	Name        string           `json:"name"`
	Type        string           `json:"type"`
	State       string           `json:"state"`
	MTU         int32            `json:"mtu,omitempty"`
	CopyMACFrom string           `json:"copy-mac-from,omitempty"`
	IPv4        *desiredIP       `json:"ipv4,omitempty"`
	IPv6        *desiredIP       `json:"ipv6,omitempty"`
	VLAN        *desiredVLAN     `json:"vlan,omitempty"`
	Bond        *desiredBond     `json:"link-aggregation,omitempty"`
	Bridge      *desiredSwitches `json:"bridge,omitempty"`
}

type desiredIP struct {
	Enabled  bool  `json:"enabled"`
	DHCP     *bool `json:"dhcp,omitempty"`
	AutoConf *bool `json:"autoconf,omitempty"`
}

type desiredVLAN struct {
	BaseInterface string `json:"base-iface"`
	ID            int32  `json:"id"`
}

type desiredBond struct {
	Mode string   `json:"mode"`
	Port []string `json:"port"`
}

type desiredSwitches struct {
	Options bridgeOptions `json:"options"`
	Port    []bridgePort  `json:"port"`
}

type bridgeOptions struct {
	STP stp `json:"stp"`
}

type stp struct {
	Enabled bool `json:"enabled"`
}

type bridgePort struct {
	Name string   `json:"name"`
	VLAN portVLAN `json:"vlan"`
}

// portVLAN without a mode leaves VLAN filtering off. kubernetes-nmstate makes a port without this field a trunk
// (pkg/bridge/bridge.go).
type portVLAN struct {
	Mode      string     `json:"mode,omitempty"`
	TrunkTags []trunkTag `json:"trunk-tags,omitempty"`
}

type trunkTag struct {
	IDRange idRange `json:"id-range"`
}

type idRange struct {
	Min int32 `json:"min"`
	Max int32 `json:"max"`
}

// Present returns the policy that creates a bridge as a network manages it. live is the existing policy, or nil.
func Present(
	bridge string, managed *v1alpha1.ManagedBridge, live *nmstatev1.NodeNetworkConfigurationPolicy,
) (*nmstatev1.NodeNetworkConfigurationPolicy, error) {
	return policy(bridge, managed.NodeSelector, interfaces(bridge, managed), live,
		ptr.Deref(managed.Adopt, false) || adopted(live))
}

// Absent returns the policy that removes the bridge from the nodes that have it.
func Absent(
	bridge string, live *nmstatev1.NodeNetworkConfigurationPolicy,
) (*nmstatev1.NodeNetworkConfigurationPolicy, error) {
	return policy(bridge, live.Spec.NodeSelector, nil, live, false)
}

// adopted reports whether a policy adopted existing interfaces of the nodes. That never changes, even if the network
// does.
func adopted(policy *nmstatev1.NodeNetworkConfigurationPolicy) bool {
	return policy != nil && policy.Annotations[v1alpha1.AnnotationAdopted] == "true"
}

// made returns the interfaces that a policy has created, or withdrawn, on the nodes.
func made(policy *nmstatev1.NodeNetworkConfigurationPolicy) map[string]bool {
	result := map[string]bool{}
	if policy == nil {
		return result
	}
	state, err := parsePolicy(policy)
	if err != nil {
		return result
	}
	for i := range state.Interfaces {
		result[state.Interfaces[i].Name] = state.Interfaces[i].Type != typeEthernet
	}
	return result
}

func policy(
	bridge string, selector map[string]string, wanted []desiredInterface,
	live *nmstatev1.NodeNetworkConfigurationPolicy, adopt bool,
) (*nmstatev1.NodeNetworkConfigurationPolicy, error) {
	if live != nil && !adopt {
		before, err := parsePolicy(live)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, withdrawn(before.Interfaces, wanted)...)
	}
	raw, err := yaml.Marshal(desiredState{Interfaces: wanted})
	if err != nil {
		return nil, fmt.Errorf("encode the desired state of bridge %s: %w", bridge, err)
	}
	result := &nmstatev1.NodeNetworkConfigurationPolicy{
		ObjectMeta: metav1.ObjectMeta{
			Name: PolicyName(bridge), Labels: map[string]string{v1alpha1.LabelHostBridge: bridge},
		},
		Spec: shared.NodeNetworkConfigurationPolicySpec{NodeSelector: selector, DesiredState: shared.State{Raw: raw}},
	}
	if adopt {
		result.Annotations = map[string]string{v1alpha1.AnnotationAdopted: "true"}
	}
	return result, nil
}

func parsePolicy(policy *nmstatev1.NodeNetworkConfigurationPolicy) (*desiredState, error) {
	state := &desiredState{}
	if err := yaml.Unmarshal(policy.Spec.DesiredState.Raw, state); err != nil {
		return nil, fmt.Errorf("read NodeNetworkConfigurationPolicy %s: %w", policy.Name, err)
	}
	return state, nil
}

// interfaces returns the bridge and its uplinks, from the hardware up.
func interfaces(bridge string, managed *v1alpha1.ManagedBridge) []desiredInterface {
	mtu := ptr.Deref(managed.MTU, 0)
	keep := ptr.Deref(managed.KeepHostAddress, false)
	bases := hardware(managed)
	var result []desiredInterface
	for _, port := range bases {
		one := desiredInterface{Name: port, Type: typeEthernet, State: stateUp, MTU: mtu}
		if keep {
			one.IPv4, one.IPv6 = &desiredIP{}, &desiredIP{}
		}
		if keep || mtu != 0 {
			result = append(result, one)
		}
	}
	if bond := managed.Bond; bond != nil {
		result = append(result, desiredInterface{Name: bond.Name, Type: typeBond, State: stateUp, MTU: mtu,
			Bond: &desiredBond{Mode: string(bond.Mode), Port: bases}})
		bases = []string{bond.Name}
	}
	vlan := portVLAN{Mode: "trunk", TrunkTags: []trunkTag{{IDRange: idRange{Min: firstTag, Max: lastTag}}}}
	if tag := managed.UplinkVLAN; tag != nil {
		vlan = portVLAN{}
		for _, base := range bases {
			result = append(result,
				desiredInterface{Name: vlanInterface(base, *tag), Type: typeVLAN, State: stateUp, MTU: mtu,
					VLAN: &desiredVLAN{BaseInterface: base, ID: *tag}})
		}
	}
	ports := uplinks(managed)
	top := desiredInterface{Name: bridge, Type: typeBridge, State: stateUp, MTU: mtu, Bridge: &desiredSwitches{}}
	for _, port := range ports {
		top.Bridge.Port = append(top.Bridge.Port, bridgePort{Name: port, VLAN: vlan})
	}
	if keep {
		top.CopyMACFrom = ports[0]
		top.IPv4, top.IPv6 = lease()
	}
	return append(result, top)
}

// lease returns a configuration that asks servers for addresses.
func lease() (four, six *desiredIP) {
	return &desiredIP{Enabled: true, DHCP: ptr.To(true)},
		&desiredIP{Enabled: true, DHCP: ptr.To(true), AutoConf: ptr.To(true)}
}

// withdrawn returns the interfaces that were created before and are no longer desired: absent, from the bridge down.
// The nodes' own interfaces are left alone, except one whose addresses had moved to the bridge: it gets them back.
func withdrawn(before, wanted []desiredInterface) []desiredInterface {
	var result []desiredInterface
	for i := range before {
		old := &before[i]
		if slices.ContainsFunc(wanted, func(one desiredInterface) bool { return one.Name == old.Name }) {
			continue
		}
		switch {
		case old.Type != typeEthernet:
			result = append(result, desiredInterface{Name: old.Name, Type: old.Type, State: stateAbsent})
		case old.IPv4 != nil:
			back := desiredInterface{Name: old.Name, Type: typeEthernet, State: stateUp}
			back.IPv4, back.IPv6 = lease()
			result = append(result, back)
		}
	}
	slices.SortFunc(result, func(one, two desiredInterface) int {
		return cmp.Or(cmp.Compare(rank(one.Type), rank(two.Type)), cmp.Compare(one.Name, two.Name))
	})
	return result
}

func rank(kind string) int {
	return slices.Index([]string{typeBridge, typeVLAN, typeBond, typeEthernet}, kind)
}

// hardware returns the nodes' own interfaces that a managed bridge uses.
func hardware(managed *v1alpha1.ManagedBridge) []string {
	if managed.Bond != nil {
		return names(managed.Bond.Ports)
	}
	return names(managed.Ports)
}

// created returns the interfaces that a managed bridge creates.
func created(bridge string, managed *v1alpha1.ManagedBridge) []string {
	result := []string{bridge}
	if managed.Bond != nil {
		result = append(result, managed.Bond.Name)
	}
	if managed.UplinkVLAN != nil {
		result = append(result, uplinks(managed)...)
	}
	return result
}

// taken returns the interfaces that become ports of the bridge or of its bond, and lose their addresses. One under a
// VLAN interface keeps its own.
func taken(managed *v1alpha1.ManagedBridge) []string {
	ports := uplinks(managed)
	if managed.Bond != nil {
		ports = append(names(managed.Bond.Ports), ports...)
	}
	return ports
}

// uplinks returns the ports of the bridge.
func uplinks(managed *v1alpha1.ManagedBridge) []string {
	ports := names(managed.Ports)
	if managed.Bond != nil {
		ports = []string{managed.Bond.Name}
	}
	if tag := managed.UplinkVLAN; tag != nil {
		for i := range ports {
			ports[i] = vlanInterface(ports[i], *tag)
		}
	}
	return ports
}

func vlanInterface(base string, tag int32) string { return fmt.Sprintf("%s.%d", base, tag) }

func names(list []v1alpha1.InterfaceName) []string {
	result := make([]string, 0, len(list))
	for _, name := range list {
		result = append(result, string(name))
	}
	return result
}
