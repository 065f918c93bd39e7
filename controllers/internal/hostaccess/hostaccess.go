package hostaccess

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// use is what a network uses of the nodes' networks.
type use struct {
	// text describes it in messages.
	text string
	// listed reports whether an entry of the policy names it.
	listed func(*v1alpha1.PermittedHostNetwork) bool
	// vlan is the VLAN of the network, 0 for none. It is nil where the network cannot choose one.
	vlan *int32
}

// Uses reports whether a network uses a node network that must be permitted.
func Uses(network *v1alpha1.WukongNetwork) bool { return usedBy(network) != nil }

// Withheld reports whether a network may not use the node networks that it names, by its status, or whether that is
// not known yet for its spec.
func Withheld(network *v1alpha1.WukongNetwork) bool {
	if !Uses(network) {
		return false
	}
	ready := meta.FindStatusCondition(network.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || network.Status.ObservedGeneration != network.Generation {
		return true
	}
	// An error that lasts replaces a refusal in Ready.
	return ready.Reason == v1alpha1.ReasonHostAccessDenied || ready.Reason == v1alpha1.ReasonReconcileError
}

// Defines reports whether gateways and reservations of a network apply to the WukongVMs of another namespace on its
// segment. Only those of an administrator do: otherwise a tenant could keep addresses from others.
func Defines(network *v1alpha1.WukongNetwork, namespace string) bool {
	return network.Namespace == namespace || network.Spec.HostAccess == v1alpha1.HostAccessUnrestricted
}

// Refusal returns why a network may not use the node networks that it names, or "". The policy is nil when none
// exists.
func Refusal(
	network *v1alpha1.WukongNetwork, namespaceLabels map[string]string, policy *v1alpha1.WukongHostNetworkPolicy,
) string {
	wanted := usedBy(network)
	if wanted == nil {
		return ""
	}
	if policy == nil {
		return fmt.Sprintf("namespace %s may not use %s: there is no WukongHostNetworkPolicy %s; ask an "+
			"administrator to create it and to permit this network",
			network.Namespace, wanted.text, v1alpha1.HostNetworkPolicyName)
	}
	for i := range policy.Spec.Permitted {
		entry := &policy.Spec.Permitted[i]
		if !holdsFor(entry, network.Namespace, namespaceLabels) {
			continue
		}
		if ptr.Deref(entry.Everything, false) || wanted.listed(entry) && permitsVLAN(entry, wanted.vlan) {
			return ""
		}
	}
	return fmt.Sprintf("namespace %s may not use %s: WukongHostNetworkPolicy %s does not permit it; "+
		"use a network that it permits, or ask an administrator to "+
		"permit this network", network.Namespace, wanted.text, v1alpha1.HostNetworkPolicyName)
}

// usedBy returns what a network uses of the nodes' networks and must be permitted, or nil.
func usedBy(network *v1alpha1.WukongNetwork) *use {
	spec := &network.Spec
	if spec.HostAccess == v1alpha1.HostAccessUnrestricted {
		return nil
	}
	switch {
	case spec.Bridge != nil:
		name := v1alpha1.InterfaceName(spec.Bridge.Name)
		return tagged("bridge "+spec.Bridge.Name, spec.Bridge.VLAN,
			func(p *v1alpha1.PermittedHostNetwork) bool { return slices.Contains(p.Bridges, name) })
	case spec.OVS != nil:
		name := v1alpha1.InterfaceName(spec.OVS.Bridge)
		return tagged("Open vSwitch bridge "+spec.OVS.Bridge, spec.OVS.VLAN,
			func(p *v1alpha1.PermittedHostNetwork) bool { return slices.Contains(p.OVSBridges, name) })
	case spec.SRIOV != nil:
		name := v1alpha1.ResourceName(spec.SRIOV.ResourceName)
		return tagged("SR-IOV resource "+spec.SRIOV.ResourceName, spec.SRIOV.VLAN,
			func(p *v1alpha1.PermittedHostNetwork) bool { return slices.Contains(p.SRIOVResources, name) })
	case spec.Macvlan != nil:
		return usedByMacvlan(spec.Macvlan)
	case spec.NetworkAttachmentDefinition != nil:
		namespace := spec.NetworkAttachmentDefinition.Namespace
		if namespace == "" || namespace == network.Namespace {
			return nil
		}
		name := v1alpha1.NamespacedName(network.AttachmentName())
		return &use{
			text:   "NetworkAttachmentDefinition " + network.AttachmentName(),
			listed: func(p *v1alpha1.PermittedHostNetwork) bool { return slices.Contains(p.Attachments, name) },
		}
	default:
		return nil
	}
}

func tagged(text string, vlan *int32, listed func(*v1alpha1.PermittedHostNetwork) bool) *use {
	if vlan == nil {
		return &use{text: text + " without a VLAN", listed: listed, vlan: ptr.To[int32](0)}
	}
	return &use{text: fmt.Sprintf("%s with VLAN %d", text, *vlan), listed: listed, vlan: vlan}
}

func usedByMacvlan(wanted *v1alpha1.MacvlanNetwork) *use {
	mode := wanted.Mode
	if mode == "" {
		mode = v1alpha1.MacvlanBridge
	}
	text := fmt.Sprintf("interface %s in mode %s", wanted.Master, mode)
	if wanted.ResourceName != "" {
		text += " as " + wanted.ResourceName
	}
	return &use{text: text, listed: func(p *v1alpha1.PermittedHostNetwork) bool {
		return slices.ContainsFunc(p.Macvlan, func(one v1alpha1.PermittedMacvlan) bool {
			modes := one.Modes
			if len(modes) == 0 {
				modes = []v1alpha1.MacvlanMode{v1alpha1.MacvlanBridge}
			}
			return string(one.Master) == wanted.Master && slices.Contains(modes, mode) &&
				(wanted.ResourceName == "" || string(one.ResourceName) == wanted.ResourceName)
		})
	}}
}

func holdsFor(entry *v1alpha1.PermittedHostNetwork, namespace string, labels map[string]string) bool {
	if slices.Contains(entry.Namespaces, v1alpha1.AllNamespaces) ||
		slices.Contains(entry.Namespaces, v1alpha1.NamespaceNameOrAll(namespace)) {
		return true
	}
	for key, value := range entry.NamespaceLabels {
		if found, exists := labels[key]; !exists || found != value {
			return false
		}
	}
	return len(entry.NamespaceLabels) > 0
}

func permitsVLAN(entry *v1alpha1.PermittedHostNetwork, vlan *int32) bool {
	switch {
	case vlan == nil:
		return true
	case *vlan == 0:
		return ptr.Deref(entry.Untagged, len(entry.VLANs) == 0)
	}
	return slices.ContainsFunc(entry.VLANs, func(one v1alpha1.VLANRange) bool {
		return one.First <= *vlan && *vlan <= ptr.Deref(one.Last, one.First)
	})
}
