// Package segment computes the layer-2 domain of a WukongNetwork, in which an address must have one owner. It is pure.
//
// Two networks on the same bridge and VLAN, for example, share a segment whatever their namespaces. What cannot be
// detected, such as two bridges on one switch, the user declares in spec.segment. Its format, without a slash, keeps
// it apart from derived ones.
package segment

import (
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Of returns the segment of a network. ok is false for the pod network, whose addresses the cluster assigns.
func Of(network *v1alpha1.WukongNetwork) (name string, ok bool) {
	spec := &network.Spec
	switch {
	case spec.Type == v1alpha1.NetworkTypePod:
		return "", false
	case spec.Segment != "":
		return spec.Segment, true
	case spec.Bridge != nil:
		return fmt.Sprintf("bridge/%s/%d", spec.Bridge.Name, ptr.Deref(spec.Bridge.VLAN, 0)), true
	case spec.Macvlan != nil:
		return "macvlan/" + spec.Macvlan.Master, true
	case spec.SRIOV != nil:
		return fmt.Sprintf("sriov/%s/%d", spec.SRIOV.ResourceName, ptr.Deref(spec.SRIOV.VLAN, 0)), true
	case spec.OVS != nil:
		return fmt.Sprintf("ovs/%s/%d", spec.OVS.Bridge, ptr.Deref(spec.OVS.VLAN, 0)), true
	case spec.NetworkAttachmentDefinition != nil:
		return "nad/" + network.AttachmentName(), true
	default:
		return "", false
	}
}
