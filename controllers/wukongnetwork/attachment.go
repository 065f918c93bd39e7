package wukongnetwork

import (
	"context"
	"encoding/json"
	"fmt"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// cniVersion is the newest version of the CNI specification that everything on the way speaks: the bridge plugin since v1.0.0, and
// Multus v4.2.2, which refuses 1.1.0 where it rewrites routes (pkg/netutils/netutils.go). KubeVirt does not read it.
const cniVersion = "1.0.0"

// bridgeConfig is the configuration of the bridge CNI plugin (plugins v1.7.1, plugins/main/bridge/bridge.go, type NetConf).
//
// Two fields are left out on purpose. ipam: the plugin refuses it together with disableContainerInterface, and addresses belong to
// the guest, not to the pod. macspoofchk: the plugin then runs the program nft on the node (pkg/link/spoofcheck.go), and a node
// without it, or without nftables in its kernel, could start no machine at all; it would also cut off guests that are bridges or
// routers themselves.
type bridgeConfig struct {
	CNIVersion string `json:"cniVersion"`
	Name       string `json:"name"`
	Type       string `json:"type"`
	Bridge     string `json:"bridge"`
	MTU        int32  `json:"mtu,omitempty"`
	VLAN       int32  `json:"vlan,omitempty"`
	// PreserveDefaultVLAN false takes the port out of the bridge's default VLAN: otherwise a machine in VLAN 100 would hear VLAN 1
	// as well. The plugin's default is true, and it reads the field only with a VLAN.
	PreserveDefaultVLAN *bool `json:"preserveDefaultVlan,omitempty"`
	// DisableContainerInterface leaves the pod's end of the cable down until KubeVirt has put its own bridge and the machine's MAC
	// address on it, so that the pod itself never speaks on the network.
	DisableContainerInterface bool `json:"disableContainerInterface"`
}

// applyAttachment writes the NetworkAttachmentDefinition of a bridge, unless something stands in its way, and records it in the
// observation.
func (r *Reconciler) applyAttachment(ctx context.Context, network *v1alpha1.WukongNetwork, observed *observation) error {
	if network.Spec.Type != v1alpha1.NetworkTypeBridge || obstacle(network, observed) != nil {
		return nil
	}
	desired, err := desiredAttachment(network)
	if err != nil {
		return err
	}
	applied, err := apply.Child(ctx, r.applier, network, desired)
	if err != nil {
		return err
	}
	observed.attachment = applied
	return nil
}

// desiredAttachment is the NetworkAttachmentDefinition of a bridge. Its text is stable: encoding/json writes a struct's fields
// in their order.
func desiredAttachment(network *v1alpha1.WukongNetwork) (*networkv1.NetworkAttachmentDefinition, error) {
	config := bridgeConfig{
		CNIVersion:                cniVersion,
		Name:                      network.Name,
		Type:                      "bridge",
		Bridge:                    network.Spec.Bridge.Name,
		MTU:                       ptr.Deref(network.Spec.MTU, 0),
		DisableContainerInterface: true,
	}
	if vlan := network.Spec.Bridge.VLAN; vlan != nil {
		config.VLAN = *vlan
		config.PreserveDefaultVLAN = ptr.To(false)
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the CNI configuration of network %s: %w", network.Name, err)
	}
	return &networkv1.NetworkAttachmentDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: network.Name, Namespace: network.Namespace},
		Spec:       networkv1.NetworkAttachmentDefinitionSpec{Config: string(text)},
	}, nil
}
