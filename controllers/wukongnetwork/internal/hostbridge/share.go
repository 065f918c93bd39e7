package hostbridge

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Share lists the networks that use one bridge.
type Share struct {
	// Decider is the oldest network that manages the bridge; nil when none does.
	Decider *v1alpha1.WukongNetwork
	// Dissenters manage the bridge too, with another desired state; the oldest first.
	Dissenters []*v1alpha1.WukongNetwork
	// Users is the number of networks on the bridge, including those that do not manage it.
	Users int
}

// ShareOf computes the share from all networks that name a bridge. A network that is being deleted is not a user.
func ShareOf(networks []v1alpha1.WukongNetwork) Share {
	var share Share
	var managers []*v1alpha1.WukongNetwork
	for i := range networks {
		network := &networks[i]
		if network.Spec.Type != v1alpha1.NetworkTypeBridge || !network.DeletionTimestamp.IsZero() {
			continue
		}
		share.Users++
		if network.Spec.Bridge.Managed != nil {
			managers = append(managers, network)
		}
	}
	slices.SortFunc(managers, older)
	for _, network := range managers {
		switch {
		case share.Decider == nil:
			share.Decider = network
		case !alike(share.Decider.Spec.Bridge.Managed, network.Spec.Bridge.Managed):
			share.Dissenters = append(share.Dissenters, network)
		}
	}
	return share
}

// Dissents reports whether a network is one of the dissenters.
func (s *Share) Dissents(network *v1alpha1.WukongNetwork) bool {
	return slices.ContainsFunc(s.Dissenters, func(one *v1alpha1.WukongNetwork) bool { return one.UID == network.UID })
}

// older orders networks by age. Within the same second the UID decides, which never changes.
func older(one, two *v1alpha1.WukongNetwork) int {
	return cmp.Or(one.CreationTimestamp.Compare(two.CreationTimestamp.Time), cmp.Compare(one.UID, two.UID))
}

// alike reports whether two desired states give the same bridge. The order of ports does not matter.
func alike(one, two *v1alpha1.ManagedBridge) bool {
	return ptr.Deref(one.MTU, 0) == ptr.Deref(two.MTU, 0) &&
		ptr.Deref(one.UplinkVLAN, 0) == ptr.Deref(two.UplinkVLAN, 0) &&
		ptr.Deref(one.KeepHostAddress, false) == ptr.Deref(two.KeepHostAddress, false) &&
		ptr.Deref(one.Adopt, false) == ptr.Deref(two.Adopt, false) &&
		maps.Equal(one.NodeSelector, two.NodeSelector) &&
		slices.Equal(sorted(one.Ports), sorted(two.Ports)) &&
		sameBond(one.Bond, two.Bond)
}

func sameBond(one, two *v1alpha1.Bond) bool {
	if one == nil || two == nil {
		return one == two
	}
	return one.Name == two.Name && one.Mode == two.Mode &&
		equality.Semantic.DeepEqual(sorted(one.Ports), sorted(two.Ports))
}

func sorted(list []v1alpha1.InterfaceName) []v1alpha1.InterfaceName {
	return slices.Sorted(slices.Values(list))
}
