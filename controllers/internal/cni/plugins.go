package cni

import (
	"strings"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// cniVersion is the newest version of the CNI specification that all components support: the plugins bridge and
// macvlan since v1.0.0, ovs and sriov since they use version 1.0 of the CNI library, and Multus v4.2.2, which refuses
// 1.1.0 where it rewrites routes (pkg/netutils/netutils.go). KubeVirt does not read it.
const cniVersion = "1.0.0"

// macvtapVersion is older: the macvtap plugin returns the last result format before 1.0 (pkg/cni/plugin.go,
// types/current).
const macvtapVersion = "0.4.0"

// resourceAnnotation on a NetworkAttachmentDefinition names the device that a pod on the network requests. KubeVirt
// adds it to the requests of the launcher pod (pkg/network/multus/annotation.go).
const resourceAnnotation = "k8s.v1.cni.cncf.io/resourceName"

// pluginHead begins the configuration of every plugin. In a chain, version and name are those of the chain.
type pluginHead struct {
	CNIVersion string `json:"cniVersion,omitempty"`
	Name       string `json:"name,omitempty"`
	Type       string `json:"type"`
}

// bridgeConfig is the configuration of the bridge CNI plugin (plugins v1.7.1, plugins/main/bridge/bridge.go, type
// NetConf).
//
// ipam and disableContainerInterface exclude each other: addresses belong to the guest, not to the pod, unless
// KubeVirt must pass on the pod's. macspoofchk is omitted on purpose: with it the plugin runs the program nft on the
// node (pkg/link/spoofcheck.go), so no instance could start on a node without nft or without nftables in its kernel.
// It would also cut off guests that are bridges or routers.
type bridgeConfig struct {
	pluginHead
	Bridge string `json:"bridge"`
	MTU    int32  `json:"mtu,omitempty"`
	VLAN   int32  `json:"vlan,omitempty"`
	// PreserveDefaultVLAN false removes the port from the bridge's default VLAN: otherwise a guest in VLAN 100 would
	// receive VLAN 1 as well. The plugin's default is true, and it reads the field only with a VLAN.
	PreserveDefaultVLAN *bool `json:"preserveDefaultVlan,omitempty"`
	// DisableContainerInterface keeps the pod's end of the link down until KubeVirt has put its own bridge and the
	// guest's MAC address on it, so that the pod itself never sends on the network.
	DisableContainerInterface bool  `json:"disableContainerInterface,omitempty"`
	IPAM                      *ipam `json:"ipam,omitempty"`
}

// macvlanConfig is the configuration of the macvlan plugin (plugins v1.7.1, plugins/main/macvlan/macvlan.go, type
// NetConf). Its mode is always passthru: KubeVirt puts a bridge over the device, and in all other modes the kernel
// delivers only frames for the device's own MAC address, and none for the guest behind the bridge.
type macvlanConfig struct {
	pluginHead
	Master string `json:"master"`
	Mode   string `json:"mode"`
	MTU    int32  `json:"mtu,omitempty"`
}

// macvtapConfig is the configuration of the macvtap plugin (macvtap-cni, pkg/cni/plugin.go, type NetConf). The device
// plugin sets master and mode.
type macvtapConfig struct {
	pluginHead
	MTU int32 `json:"mtu,omitempty"`
}

// ovsConfig is the configuration of the ovs plugin (ovs-cni, pkg/types/types.go, type NetConf).
type ovsConfig struct {
	pluginHead
	Bridge string `json:"bridge"`
	VLAN   int32  `json:"vlan,omitempty"`
	MTU    int32  `json:"mtu,omitempty"`
}

// sriovConfig is the configuration of the sriov plugin (sriov-cni, pkg/types/types.go, type NetConf). Its switches are
// strings.
type sriovConfig struct {
	pluginHead
	VLAN       int32  `json:"vlan,omitempty"`
	VLANQoS    int32  `json:"vlanQoS,omitempty"`
	SpoofCheck string `json:"spoofchk,omitempty"`
	Trust      string `json:"trust,omitempty"`
	LinkState  string `json:"link_state,omitempty"`
}

// pluginConfig returns the configuration of the node's CNI plugin for a managed network, or nil for a type without an
// attachment.
func pluginConfig(network *v1alpha1.WukongNetwork) any {
	spec := &network.Spec
	head := pluginHead{CNIVersion: cniVersion, Name: network.Name}
	mtu := ptr.Deref(spec.MTU, 0)
	switch spec.Type {
	case v1alpha1.NetworkTypeBridge:
		head.Type = "bridge"
		config := bridgeConfig{pluginHead: head, Bridge: spec.Bridge.Name, MTU: mtu, DisableContainerInterface: true}
		if vlan := spec.Bridge.VLAN; vlan != nil {
			config.VLAN = *vlan
			config.PreserveDefaultVLAN = ptr.To(false)
		}
		return config
	case v1alpha1.NetworkTypeMacvlan:
		if spec.Macvlan.Mode == v1alpha1.MacvlanPassthru {
			head.Type = "macvlan"
			return macvlanConfig{pluginHead: head, Master: spec.Macvlan.Master, Mode: "passthru", MTU: mtu}
		}
		head.Type, head.CNIVersion = "macvtap", macvtapVersion
		return macvtapConfig{pluginHead: head, MTU: mtu}
	case v1alpha1.NetworkTypeOVS:
		head.Type = "ovs"
		return ovsConfig{pluginHead: head, Bridge: spec.OVS.Bridge, VLAN: ptr.Deref(spec.OVS.VLAN, 0), MTU: mtu}
	case v1alpha1.NetworkTypeSRIOV:
		head.Type = "sriov"
		return sriovConfig{
			pluginHead: head,
			VLAN:       ptr.Deref(spec.SRIOV.VLAN, 0),
			VLANQoS:    ptr.Deref(spec.SRIOV.VLANQoS, 0),
			SpoofCheck: onOff(spec.SRIOV.SpoofCheck),
			Trust:      onOff(spec.SRIOV.Trust),
			LinkState:  strings.ToLower(string(spec.SRIOV.LinkState)),
		}
	default:
		return nil
	}
}

func onOff(value *bool) string {
	switch {
	case value == nil:
		return ""
	case *value:
		return "on"
	default:
		return "off"
	}
}

// NodeResource returns the node device that pods on a network request, and who provides it. Both are empty if the
// network needs none.
func NodeResource(spec *v1alpha1.WukongNetworkSpec) (resource, provider string) {
	switch {
	case spec.Type == v1alpha1.NetworkTypeSRIOV:
		return spec.SRIOV.ResourceName, "the SR-IOV device plugin"
	case spec.Type == v1alpha1.NetworkTypeOVS:
		return "ovs-cni.network.kubevirt.io/" + spec.OVS.Bridge, "the marker of ovs-cni"
	case spec.Type == v1alpha1.NetworkTypeMacvlan && spec.Macvlan.Mode != v1alpha1.MacvlanPassthru:
		if name := spec.Macvlan.ResourceName; name != "" {
			return name, "the macvtap device plugin"
		}
		return "macvtap.network.kubevirt.io/" + spec.Macvlan.Master, "the macvtap device plugin"
	default:
		return "", ""
	}
}
