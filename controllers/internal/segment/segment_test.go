package segment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestOf(t *testing.T) {
	bridge := func(vlan *int32) v1alpha1.WukongNetworkSpec {
		return v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge,
			Bridge: &v1alpha1.BridgeNetwork{Name: "br0", VLAN: vlan}}
	}
	named := bridge(nil)
	named.Segment = "floor-2"
	for _, test := range []struct {
		name, wanted string
		spec         v1alpha1.WukongNetworkSpec
	}{
		{"a bridge", "bridge/br0/0", bridge(nil)},
		{"a VLAN of a bridge", "bridge/br0/100", bridge(ptr.To[int32](100))},
		{"named by a person", "floor-2", named},
		{"an interface of the nodes", "macvlan/eth1.100", v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeMacvlan, Macvlan: &v1alpha1.MacvlanNetwork{Master: "eth1.100"}}},
		{"a VLAN of virtual functions", "sriov/openshift.io/fast/7", v1alpha1.WukongNetworkSpec{
			Type:  v1alpha1.NetworkTypeSRIOV,
			SRIOV: &v1alpha1.SRIOVNetwork{ResourceName: "openshift.io/fast", VLAN: ptr.To[int32](7)}}},
		{"an Open vSwitch bridge", "ovs/ovs0/0", v1alpha1.WukongNetworkSpec{
			Type: v1alpha1.NetworkTypeOVS, OVS: &v1alpha1.OVSNetwork{Bridge: "ovs0"}}},
		{"an attachment of the same namespace", "nad/web/lan", v1alpha1.WukongNetworkSpec{
			Type:                        v1alpha1.NetworkTypeAttachment,
			NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Name: "lan"}}},
		{"an attachment of another namespace", "nad/shared/lan", v1alpha1.WukongNetworkSpec{
			Type:                        v1alpha1.NetworkTypeAttachment,
			NetworkAttachmentDefinition: &v1alpha1.AttachmentReference{Namespace: "shared", Name: "lan"}}},
		{"the pod network has none", "", v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, ok := Of(&v1alpha1.WukongNetwork{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "office"},
				Spec: test.spec})
			assert.Equal(t, test.wanted, found)
			assert.Equal(t, test.wanted != "", ok)
		})
	}
}
