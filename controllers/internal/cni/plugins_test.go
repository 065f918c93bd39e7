package cni

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// Nodes act on the text: a field too many or in another order reaches each new pod, and makes an upgrade write.
func TestAttachmentsOfOtherTypes(t *testing.T) {
	for name, row := range map[string]struct {
		spec     v1alpha1.WukongNetworkSpec
		config   string
		resource string
	}{
		"macvlan, all of an interface": {v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeMacvlan, MTU: ptr.To[int32](9000),
			Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: v1alpha1.MacvlanPassthru}},
			`{"cniVersion":"1.0.0","name":"lan","type":"macvlan","master":"eth1","mode":"passthru","mtu":9000}`, ""},
		"macvlan, shared": {v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeMacvlan,
			Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: v1alpha1.MacvlanBridge}},
			`{"cniVersion":"0.4.0","name":"lan","type":"macvtap"}`, "macvtap.network.kubevirt.io/eth1"},
		"macvlan, of a device plugin's name": {v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeMacvlan,
			Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1", Mode: v1alpha1.MacvlanBridge, ResourceName: "example.com/tap"}},
			`{"cniVersion":"0.4.0","name":"lan","type":"macvtap"}`, "example.com/tap"},
		"Open vSwitch": {v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeOVS,
			OVS: &v1alpha1.OVSNetwork{Bridge: "br-ex", VLAN: ptr.To[int32](100)}},
			`{"cniVersion":"1.0.0","name":"lan","type":"ovs","bridge":"br-ex","vlan":100}`,
			"ovs-cni.network.kubevirt.io/br-ex"},
		"SR-IOV, as it comes": {v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeSRIOV,
			SRIOV: &v1alpha1.SRIOVNetwork{ResourceName: "example.com/nic"}},
			`{"cniVersion":"1.0.0","name":"lan","type":"sriov"}`, "example.com/nic"},
		"SR-IOV, with switches": {v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeSRIOV,
			SRIOV: &v1alpha1.SRIOVNetwork{ResourceName: "example.com/nic", VLAN: ptr.To[int32](7), VLANQoS: ptr.To[int32](3),
				SpoofCheck: ptr.To(false), Trust: ptr.To(true), LinkState: "Enable"}},
			`{"cniVersion":"1.0.0","name":"lan","type":"sriov","vlan":7,"vlanQoS":3,"spoofchk":"off","trust":"on",` +
				`"link_state":"enable"}`, "example.com/nic"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := ForNetwork(builder.Network("shop", "lan", builder.OfType(row.spec)))
			require.NoError(t, err)
			assert.Equal(t, row.config, made.Spec.Config)
			assert.Equal(t, row.resource, made.Annotations[resourceAnnotation], "KubeVirt requests it for the launcher pod")
		})
	}
}

// The pod network and an existing attachment get none, and only a bridge gives an interface something of its own.
func TestNetworksWithoutAnAttachment(t *testing.T) {
	for name, network := range map[string]*v1alpha1.WukongNetwork{
		"the pod network":        builder.Network("shop", "pods", builder.PodNetwork),
		"an existing attachment": builder.Network("shop", "trunk", builder.ExistingAttachment("lab", "trunk")),
	} {
		made, err := ForNetwork(network)
		require.NoError(t, err, name)
		assert.Nil(t, made, name)
		_, err = ForInterface(network, "web", "lan", Extras{Bandwidth: &v1alpha1.Bandwidth{}})
		assert.ErrorContains(t, err, "gives interfaces nothing of their own", name)
		resource, provider := NodeResource(&network.Spec)
		assert.Empty(t, resource+provider, name)
	}
	_, err := ForInterface(builder.Network("shop", "lan", builder.Passthru("eth1")), "web", "lan", Extras{})
	assert.EqualError(t, err, "network lan of type Macvlan gives interfaces nothing of their own")
}
