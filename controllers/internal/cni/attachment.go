// Package cni makes the NetworkAttachmentDefinitions by which machines attach: one for each network of ours, and one for each interface that has
// more than its network gives, a limit or an address that KubeVirt serves.
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

// Extras are what an interface has beyond its network. Only bridges can give them.
type Extras struct {
	// Bandwidth limits the interface.
	Bandwidth *v1alpha1.Bandwidth
	// Address is what KubeVirt's DHCP server gives to the guest: it takes it from the pod's interface, which must have it therefore
	// (pkg/network/setup/netpod/discoverbridge.go). IPv4.
	Address netip.Prefix
	// Routes that go with the address. A default route is not among them: the pod has one.
	Routes []v1alpha1.Route
}

// Empty tells whether the network's own attachment is enough.
func (e Extras) Empty() bool { return e.Bandwidth == nil && !e.Address.IsValid() }

// ForNetwork is the NetworkAttachmentDefinition of a network; nil for a type that has none of its own. Its text is stable: encoding/json
// writes a struct's fields in their order.
func ForNetwork(network *v1alpha1.WukongNetwork) (*networkv1.NetworkAttachmentDefinition, error) {
	config := pluginConfig(network)
	if config == nil {
		return nil, nil
	}
	return attachment(network, network.Name, config)
}

// ForInterface is the NetworkAttachmentDefinition of one interface of a machine, on a network of type Bridge. Its name changes with its content:
// what is written in one matters when a pod starts, so that a change needs another one.
//
// It has a name of its own in its configuration too: the bandwidth plugin calls its device on the node after it and the pod, and two interfaces
// of one machine would share one (plugins v1.7.1, plugins/meta/bandwidth/main.go, getIfbDeviceName).
func ForInterface(network *v1alpha1.WukongNetwork, machine, name string, extras Extras) (*networkv1.NetworkAttachmentDefinition, error) {
	bridge, ok := pluginConfig(network).(bridgeConfig)
	if !ok {
		return nil, fmt.Errorf("network %s of type %s gives interfaces nothing of their own", network.Name, network.Spec.Type)
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
	name = model.Child(machine, name+"-"+hex.EncodeToString(digest[:4]))
	bridge.Name = name
	if extras.Bandwidth == nil {
		return attachment(network, name, bridge)
	}
	bridge.pluginHead = pluginHead{Type: bridge.Type}
	return attachment(network, name, configList{CNIVersion: cniVersion, Name: name, Plugins: []any{bridge, limit(extras.Bandwidth)}})
}

func attachment(network *v1alpha1.WukongNetwork, name string, config any) (*networkv1.NetworkAttachmentDefinition, error) {
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
