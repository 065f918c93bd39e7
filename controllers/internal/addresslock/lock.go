package addresslock

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Name is the name of the lock of an address on a segment: 16 digits of the segment's SHA-256, and the address. It
// must never change. IPv6 is written in full, so that an address has one name.
func Name(segment string, address netip.Addr) string {
	return prefix(segment) + strings.NewReplacer(".", "-", ":", "-").Replace(address.StringExpanded())
}

// MACName is the name of the lock of a hardware address.
func MACName(segment, macAddress string) string {
	return prefix(segment) + "mac-" + strings.ReplaceAll(strings.ToLower(macAddress), ":", "-")
}

func prefix(segment string) string {
	sum := sha256.Sum256([]byte(segment))
	return hex.EncodeToString(sum[:8]) + "-"
}

// AddressOf returns the IP address of a lock. It is not valid for the lock of a hardware address.
func AddressOf(lock *v1alpha1.WukongAddress) netip.Addr {
	address, err := netip.ParseAddr(string(lock.Spec.Address))
	if err != nil {
		return netip.Addr{}
	}
	return address
}

// Chosen returns the address of a family that counts, of those that an interface has on a network's segment: two
// managers that both believed to be the leader may have taken two. An address in a subnet of the network comes first,
// then the oldest. The network is nil when it is deleted.
func Chosen(locks []v1alpha1.WukongAddress, network *v1alpha1.WukongNetwork, ipv4 bool) *v1alpha1.WukongAddress {
	var family []*v1alpha1.WukongAddress
	for i := range locks {
		if address := AddressOf(&locks[i]); address.IsValid() && address.Is4() == ipv4 {
			family = append(family, &locks[i])
		}
	}
	if len(family) == 0 {
		return nil
	}
	return slices.MinFunc(family, func(one, two *v1alpha1.WukongAddress) int {
		return cmp.Or(
			cmp.Compare(rank(network, one), rank(network, two)),
			one.CreationTimestamp.Compare(two.CreationTimestamp.Time),
			cmp.Compare(one.Name, two.Name),
		)
	})
}

func rank(network *v1alpha1.WukongNetwork, lock *v1alpha1.WukongAddress) int {
	if network == nil || InSubnet(network, AddressOf(lock)) {
		return 0
	}
	return 1
}

// InSubnet reports whether an address lies in a subnet of a network.
func InSubnet(network *v1alpha1.WukongNetwork, address netip.Addr) bool {
	return slices.ContainsFunc(network.Spec.Subnets, func(subnet v1alpha1.Subnet) bool {
		prefix, err := netip.ParsePrefix(subnet.CIDR)
		return err == nil && prefix.Contains(address)
	})
}

// newLock returns the lock that a request creates. The caller adds the address.
func (r *Request) newLock(name string) *v1alpha1.WukongAddress {
	lock := &v1alpha1.WukongAddress{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: Labels(r.Holder)},
		Spec: v1alpha1.WukongAddressSpec{
			Segment: r.Segment,
			Holder:  r.Holder,
			Network: v1alpha1.AddressNetwork{Namespace: r.Network.Namespace, Name: r.Network.Name},
		},
	}
	if r.Reserved {
		lock.Spec.Reserved = ptr.To(true)
	}
	return lock
}

// Labels returns the labels of a lock.
func Labels(holder v1alpha1.AddressHolder) map[string]string {
	return map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue, v1alpha1.LabelVM: holder.UID}
}

// sameInterface reports whether two holders have the same namespace, WukongVM name and interface name, whatever their
// UIDs.
func sameInterface(one, two v1alpha1.AddressHolder) bool {
	one.UID, two.UID = "", ""
	return one == two
}
