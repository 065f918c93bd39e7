package addresslock

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
)

// takePooled takes an address of a family: one that is reserved for the interface, else the one that a deleted
// WukongVM of the same name had, else one that is derived from the name of the interface. So a WukongVM that is
// created again usually gets its old address.
func (t *taking) takePooled(ctx context.Context, ipv4 bool) error {
	for _, take := range []func(context.Context, bool) (bool, error){t.takeReserved, t.takeKept, t.takeFree} {
		if taken, err := take(ctx, ipv4); taken || err != nil {
			return err
		}
	}
	exhausted := &ExhaustedError{Network: t.Network.Name}
	for i := range t.Pools {
		if t.Pools[i].Subnet.Addr().Is4() == ipv4 {
			exhausted.Pools = append(exhausted.Pools, t.Pools[i])
		}
	}
	return exhausted
}

func (t *taking) takeReserved(ctx context.Context, ipv4 bool) (bool, error) {
	for _, reservation := range addresspool.Reservations(&t.Network.Spec) {
		if reservation.Address.Is4() != ipv4 || !reservation.For(t.Holder.Name, t.Holder.InterfaceName) {
			continue
		}
		lock := t.lockOf(reservation.Address)
		other, err := t.claim(ctx, lock)
		switch {
		case err != nil:
			return false, err
		case other == nil:
			return true, nil
		case other.Spec.Holder.UID != t.Holder.UID: // another interface of the same WukongVM may have it
			return false, &InUseError{Interface: t.Holder.InterfaceName, Address: reservation.Address.String(),
				By: "it is reserved for this WukongVM, but " + t.describe(other.Spec.Holder), Lock: lock.Name}
		}
	}
	return false, nil
}

// takeKept takes over an address that a deleted WukongVM of the same name had.
func (t *taking) takeKept(ctx context.Context, ipv4 bool) (bool, error) {
	known, err := t.store.OfInterface(ctx, t.Holder)
	if err != nil {
		return false, err
	}
	for i := range known {
		lock := &known[i]
		address := AddressOf(lock)
		if lock.Spec.Segment != t.Segment || lock.Spec.Holder.UID == t.Holder.UID || !address.IsValid() ||
			address.Is4() != ipv4 ||
			!InSubnet(t.Network, address) || t.setAside[address] != "" {
			continue
		}
		live, err := t.store.Live(ctx, lock.Name)
		if err != nil {
			return false, err
		}
		if live == nil {
			continue
		}
		if adopted, err := t.adopt(ctx, live); adopted || err != nil {
			return adopted, err
		}
	}
	return false, nil
}

func (t *taking) takeFree(ctx context.Context, ipv4 bool) (taken bool, err error) {
	for i := range t.Pools {
		pool := &t.Pools[i]
		if pool.Subnet.Addr().Is4() != ipv4 {
			continue
		}
		// Prefer an address that no guest reports. A reported one can still be assigned: any guest can report any
		// address.
		var shown []netip.Addr
		err = pool.Candidates(t.seed(), func(address netip.Addr) (bool, error) {
			free, by, err := t.look(ctx, address)
			if err != nil || !free {
				return false, err
			}
			if by != "" {
				shown = append(shown, address)
				return false, nil
			}
			holder, err := t.claim(ctx, t.lockOf(address))
			taken = err == nil && holder == nil
			return taken, err
		})
		if taken || err != nil {
			return taken, err
		}
		if taken, err = t.takeShown(ctx, shown); taken || err != nil {
			return taken, err
		}
	}
	return false, nil
}

// takeShown takes the first free address of those that guests report.
func (t *taking) takeShown(ctx context.Context, addresses []netip.Addr) (bool, error) {
	for _, address := range addresses {
		holder, err := t.claim(ctx, t.lockOf(address))
		if err != nil {
			return false, err
		}
		if holder == nil {
			by, err := t.store.Observed(ctx, t.Request, address.String())
			t.reportShown(address.String(), by)
			return true, err
		}
	}
	return false, nil
}

// look reports whether a candidate has no known lock, and whose guest reports it nevertheless.
func (t *taking) look(ctx context.Context, address netip.Addr) (free bool, shownBy string, err error) {
	if t.setAside[address] != "" {
		return false, "", nil
	}
	known, err := t.store.Known(ctx, Name(t.Segment, address))
	if err != nil || known != nil {
		return false, "", err
	}
	shownBy, err = t.store.Observed(ctx, t.Request, address.String())
	return err == nil, shownBy, err
}

// setAside returns the gateways of the segment and the addresses that are reserved for another interface, each with
// the reason. Of the networks of other namespaces, only those of administrators count.
func (r *Request) setAside() map[netip.Addr]string {
	result := map[netip.Addr]string{}
	for i := range r.Neighbours {
		network := &r.Neighbours[i]
		if !hostaccess.Defines(network, r.Holder.Namespace) {
			continue
		}
		foreign := network.Namespace != r.Holder.Namespace
		for _, subnet := range network.Spec.Subnets {
			gateway, err := netip.ParseAddr(subnet.Gateway)
			switch {
			case err != nil:
			case foreign:
				result[gateway] = "it is a gateway of the segment"
			default:
				result[gateway] = "it is the gateway of subnet " + subnet.CIDR
			}
		}
		for _, reservation := range addresspool.Reservations(&network.Spec) {
			switch {
			case foreign:
				result[reservation.Address] = "an administrator has reserved it"
			case !reservation.For(r.Holder.Name, r.Holder.InterfaceName):
				result[reservation.Address] = "WukongNetwork " + network.Name + " reserves it for WukongVM " +
					reservation.Machine
			}
		}
	}
	return result
}

// seed returns the same value for every interface with the same namespace, WukongVM name and interface name.
func (t *taking) seed() uint64 {
	sum := sha256.Sum256([]byte(strings.Join([]string{t.Holder.Namespace, t.Holder.Name, t.Holder.InterfaceName}, "/")))
	return binary.BigEndian.Uint64(sum[:8])
}
