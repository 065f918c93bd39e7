package cni

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func lan() *v1alpha1.WukongNetwork {
	return &v1alpha1.WukongNetwork{
		ObjectMeta: metav1.ObjectMeta{Name: "lan", Namespace: "shop"},
		Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge,
			Bridge: &v1alpha1.BridgeNetwork{Name: "br0", VLAN: ptr.To(int32(100))}},
	}
}

func TestAttachmentOfAnInterface(t *testing.T) {
	const bridge = `"type":"bridge","bridge":"br0","vlan":100,"preserveDefaultVlan":false`
	limit := &v1alpha1.Bandwidth{Ingress: ptr.To(resource.MustParse("10M")), Egress: ptr.To(resource.MustParse("1G"))}
	for name, test := range map[string]struct {
		extras Extras
		config string
	}{
		"limited both ways": {Extras{Bandwidth: limit}, `{"cniVersion":"1.0.0","name":"NAME","plugins":[{` + bridge +
			`,"disableContainerInterface":true},` +
			`{"type":"bandwidth","ingressRate":10000000,"ingressBurst":1048576,` +
			`"egressRate":1000000000,"egressBurst":100000000}]}`},
		"limited one way": {Extras{Bandwidth: &v1alpha1.Bandwidth{Egress: limit.Ingress}},
			`{"cniVersion":"1.0.0","name":"NAME","plugins":[{` + bridge +
				`,"disableContainerInterface":true},{"type":"bandwidth","egressRate":10000000,` +
				`"egressBurst":1048576}]}`},
		"an address that KubeVirt serves": {Extras{Address: netip.MustParsePrefix("10.0.0.5/24"),
			Routes: []v1alpha1.Route{{To: "10.1.0.0/16", Via: "10.0.0.1"}}},
			`{"cniVersion":"1.0.0","name":"NAME",` + bridge +
				`,"ipam":{"type":"static","addresses":[{"address":"10.0.0.5/24"}],` +
				`"routes":[{"dst":"10.1.0.0/16","gw":"10.0.0.1"}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			attachment, err := ForInterface(lan(), "web", "front", test.extras)
			require.NoError(t, err)
			assert.Equal(t, "shop", attachment.Namespace)
			assert.True(t, strings.HasPrefix(attachment.Name, "web-front-"), attachment.Name)
			assert.Equal(t, strings.ReplaceAll(test.config, "NAME", attachment.Name), attachment.Spec.Config)
		})
	}
}

// A change of content changes the name: a running pod keeps the configuration that it started with.
func TestNameOfAnAttachmentFollowsItsContent(t *testing.T) {
	name := func(network *v1alpha1.WukongNetwork, rate string) string {
		attachment, err := ForInterface(network, "web", "front",
			Extras{Bandwidth: &v1alpha1.Bandwidth{Egress: ptr.To(resource.MustParse(rate))}})
		require.NoError(t, err)
		return attachment.Name
	}
	other := lan()
	other.Spec.Bridge.Name = "br1"
	assert.Equal(t, name(lan(), "10M"), name(lan(), "10000k"))
	assert.NotEqual(t, name(lan(), "10M"), name(lan(), "20M"))
	assert.NotEqual(t, name(lan(), "10M"), name(other, "10M"))
}

func TestOnlyABridgeGivesExtras(t *testing.T) {
	network := &v1alpha1.WukongNetwork{Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeOVS,
		OVS: &v1alpha1.OVSNetwork{Bridge: "ovs0"}}}
	_, err := ForInterface(network, "web", "front", Extras{Bandwidth: &v1alpha1.Bandwidth{}})
	assert.ErrorContains(t, err, "type OVS")
}
