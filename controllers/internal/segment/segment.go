// Package segment tells on which layer-2 domain a WukongNetwork is, in which an address must have one holder. It is pure.
//
// Two networks that stand on the same thing, such as one bridge and VLAN, share a segment whatever their namespaces. What cannot be seen
// from here, such as two bridges on one switch, a person says by spec.segment; its form, without a slash, keeps it apart from those that are derived.
package segment

import (
	"fmt"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Of is the segment of a network. ok is false for the pod network, whose addresses are the cluster's.
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
