// Package cni creates the NetworkAttachmentDefinitions of WukongVMs: one for each managed network, and one for each
// interface that adds to its network a bandwidth limit or an address that KubeVirt serves.
package cni

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Extras are what an interface adds to its network. Only bridges support them.
type Extras struct {
	// Bandwidth limits the interface.
	Bandwidth *v1alpha1.Bandwidth
	// Address is the IPv4 address that KubeVirt's DHCP server offers to the guest. KubeVirt reads it from the pod's
	// interface, so that interface must have it (pkg/network/setup/netpod/discoverbridge.go).
	Address netip.Prefix
	// Routes of the address, without a default route: the pod has one.
	Routes []v1alpha1.Route
}

// Empty reports whether the attachment of the network is enough.
func (e Extras) Empty() bool { return e.Bandwidth == nil && !e.Address.IsValid() }

// ForNetwork returns the NetworkAttachmentDefinition of a network, or nil for a type without one. Its text is stable:
// encoding/json writes the fields of a struct in their order.
func ForNetwork(network *v1alpha1.WukongNetwork) (*networkv1.NetworkAttachmentDefinition, error) {
	config := pluginConfig(network)
	if config == nil {
		return nil, nil
	}
	return attachment(network, network.Name, config)
}

// ForInterface returns the NetworkAttachmentDefinition of one interface on a network of type Bridge. Its name depends
// on its content: the content matters only when a pod starts, so a change needs another attachment.
//
// Its configuration has its own name, too: the bandwidth plugin names its device on the node after it and the pod, so
// that otherwise two interfaces of one VirtualMachine would share one (plugins v1.7.1, plugins/meta/bandwidth/main.go,
// getIfbDeviceName).
func ForInterface(
	network *v1alpha1.WukongNetwork, vmName, name string, extras Extras,
) (*networkv1.NetworkAttachmentDefinition, error) {
	bridge, ok := pluginConfig(network).(bridgeConfig)
	if !ok {
		return nil, fmt.Errorf("network %s of type %s gives interfaces nothing of their own", network.Name,
			network.Spec.Type)
	}
	if extras.Address.IsValid() {
		bridge.DisableContainerInterface = false
		bridge.IPAM = staticAddress(extras)
	}
	content, err := json.Marshal([]any{bridge, limit(extras.Bandwidth)})
	if err != nil {
		return nil, fmt.Errorf("encode the CNI configuration of interface %s: %w", name, err)
	}
	digest := sha256.Sum256(content)
	name = model.Child(vmName, name+"-"+hex.EncodeToString(digest[:4]))
	bridge.Name = name
	if extras.Bandwidth == nil {
		return attachment(network, name, bridge)
	}
	bridge.pluginHead = pluginHead{Type: bridge.Type}
	return attachment(network, name,
		configList{CNIVersion: cniVersion, Name: name, Plugins: []any{bridge, limit(extras.Bandwidth)}})
}

func attachment(
	network *v1alpha1.WukongNetwork, name string, config any,
) (*networkv1.NetworkAttachmentDefinition, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode the CNI configuration of network %s: %w", network.Name, err)
	}
	result := &networkv1.NetworkAttachmentDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: network.Namespace},
		Spec:       networkv1.NetworkAttachmentDefinitionSpec{Config: string(text)},
	}
	if resource, _ := NodeResource(&network.Spec); resource != "" {
		result.Annotations = map[string]string{resourceAnnotation: resource}
	}
	return result, nil
}
