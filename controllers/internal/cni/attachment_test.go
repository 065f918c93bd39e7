package cni

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Nodes act on the text of the configuration, and a changed text makes an upgrade of the operator write.
func TestAttachmentOfANetworkB7(t *testing.T) {
	tests := map[string]struct {
		bridge v1alpha1.BridgeNetwork
		mtu    *int32
		config string
	}{
		"untagged": {
			bridge: v1alpha1.BridgeNetwork{Name: "br0"},
			config: `{"cniVersion":"1.0.0","name":"lan","type":"bridge","bridge":"br0",` +
				`"disableContainerInterface":true}`,
		},
		"VLAN and MTU": {
			bridge: v1alpha1.BridgeNetwork{Name: "br-ex", VLAN: ptr.To(int32(100))},
			mtu:    ptr.To(int32(9000)),
			config: `{"cniVersion":"1.0.0","name":"lan","type":"bridge","bridge":"br-ex","mtu":9000,"vlan":100,` +
				`"preserveDefaultVlan":false,"disableContainerInterface":true}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			network := &v1alpha1.WukongNetwork{
				ObjectMeta: metav1.ObjectMeta{Name: "lan", Namespace: "shop"},
				Spec: v1alpha1.WukongNetworkSpec{
					Type:   v1alpha1.NetworkTypeBridge,
					Bridge: &test.bridge,
					MTU:    test.mtu,
					// Addresses belong to the guest: the configuration must not contain them.
					Subnets: []v1alpha1.Subnet{{CIDR: "192.168.10.0/24", Gateway: "192.168.10.1"}},
				},
			}
			attachment, err := ForNetwork(network)
			require.NoError(t, err)
			assert.Equal(t, "lan", attachment.Name)
			assert.Equal(t, "shop", attachment.Namespace)
			assert.Equal(t, test.config, attachment.Spec.Config)
		})
	}
}
