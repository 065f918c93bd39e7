package addresslock

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// Store reads and writes locks. Known objects come from a cache and may be stale; live ones are read from the API
// server.
type Store interface {
	// OfInterface returns the known locks of an interface, by namespace, WukongVM name and interface name, for any UID.
	OfInterface(ctx context.Context, holder v1alpha1.AddressHolder) ([]v1alpha1.WukongAddress, error)
	// OfMachine returns the live locks of the WukongVM with a UID.
	OfMachine(ctx context.Context, uid string) ([]v1alpha1.WukongAddress, error)
	// Known returns a known lock, or nil.
	Known(ctx context.Context, name string) (*v1alpha1.WukongAddress, error)
	// Live returns a live lock, or nil.
	Live(ctx context.Context, name string) (*v1alpha1.WukongAddress, error)
	// Create creates a lock. It returns an AlreadyExists error when the name is taken.
	Create(ctx context.Context, lock *v1alpha1.WukongAddress) error
	// Adopt assigns a lock, at the version that was read, to another WukongVM with the name of its holder.
	Adopt(ctx context.Context, lock *v1alpha1.WukongAddress, request *Request) error
	// Abandoned reports, by live reads, whether a holder and its guest are gone.
	Abandoned(ctx context.Context, holder v1alpha1.AddressHolder) (bool, error)
	// Observed describes the other WukongVM whose guest reports an address on a segment, or returns "". An address is
	// an IP or a MAC address.
	Observed(ctx context.Context, request *Request, address string) (string, error)
}

// Request is what an interface asks for.
type Request struct {
	Segment string
	Holder  v1alpha1.AddressHolder
	Network *v1alpha1.WukongNetwork
	// Neighbours are all networks on the segment, for their gateways and reservations.
	Neighbours []v1alpha1.WukongNetwork
	// Reserved keeps the addresses after the WukongVM is deleted.
	Reserved bool
	// MACAddress, when the user chose it.
	MACAddress string
	// Static addresses.
	Static []netip.Addr
	// Shown is called for an address that is taken although the guest of another WukongVM reports it, with a
	// description of that one. It can be nil.
	Shown func(address, by string)
	// Pools give one address of each of their families.
	Pools []addresspool.Pool
}

// Held returns the known locks of an interface on the segment.
func (r *Request) Held(ctx context.Context, store Store) ([]v1alpha1.WukongAddress, error) {
	known, err := store.OfInterface(ctx, r.Holder)
	return r.own(known), err
}

func (r *Request) own(locks []v1alpha1.WukongAddress) []v1alpha1.WukongAddress {
	return slices.DeleteFunc(slices.Clone(locks), func(lock v1alpha1.WukongAddress) bool {
		return lock.Spec.Holder != r.Holder || lock.Spec.Segment != r.Segment
	})
}

// Take takes what an interface asks for and does not have, and returns all locks that it has then. The error is an
// *ExhaustedError, an *InUseError, or one that a retry may resolve.
func Take(ctx context.Context, store Store, request *Request) ([]v1alpha1.WukongAddress, error) {
	held, err := request.Held(ctx, store)
	if err != nil || request.Satisfied(held) {
		return held, err
	}
	// Once in an interface's life: find what a former leader took and this manager's cache has not seen.
	live, err := store.OfMachine(ctx, request.Holder.UID)
	if err != nil {
		return nil, err
	}
	taking := &taking{Request: request, store: store, held: request.own(live), setAside: request.setAside()}
	err = taking.run(ctx)
	return taking.held, err
}

// Satisfied reports whether locks are all that an interface asks for.
func (r *Request) Satisfied(held []v1alpha1.WukongAddress) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(held, func(lock v1alpha1.WukongAddress) bool { return lock.Name == name })
	}
	if r.MACAddress != "" && !has(MACName(r.Segment, r.MACAddress)) {
		return false
	}
	for _, address := range r.Static {
		if !has(Name(r.Segment, address)) {
			return false
		}
	}
	for _, ipv4 := range r.families() {
		if r.pooled(held, ipv4) == nil {
			return false
		}
	}
	return true
}

// Awaited returns what an interface may have to wait for: the names of locks, and, with a pool, the segment.
func (r *Request) Awaited() []string {
	var result []string
	if r.MACAddress != "" {
		result = append(result, MACName(r.Segment, r.MACAddress))
	}
	for _, address := range r.Static {
		result = append(result, Name(r.Segment, address))
	}
	if len(r.Pools) == 0 {
		return result
	}
	for _, reservation := range addresspool.Reservations(&r.Network.Spec) {
		if reservation.For(r.Holder.Name, r.Holder.InterfaceName) {
			result = append(result, Name(r.Segment, reservation.Address))
		}
	}
	return append(result, r.Segment)
}

// families returns the address families of the pools: true is IPv4.
func (r *Request) families() []bool {
	var result []bool
	for i := range r.Pools {
		if ipv4 := r.Pools[i].Subnet.Addr().Is4(); !slices.Contains(result, ipv4) {
			result = append(result, ipv4)
		}
	}
	return result
}

// pooled returns the lock that serves a family, or nil. A lock outside all subnets of the network does not count.
func (r *Request) pooled(held []v1alpha1.WukongAddress, ipv4 bool) *v1alpha1.WukongAddress {
	chosen := Chosen(held, r.Network, ipv4)
	if chosen == nil || !InSubnet(r.Network, AddressOf(chosen)) {
		return nil
	}
	return chosen
}

// taking is the state of a request while it is served.
type taking struct {
	*Request
	store Store
	held  []v1alpha1.WukongAddress
	// setAside are the addresses that the interface must not have, and why.
	setAside map[netip.Addr]string
}

func (t *taking) run(ctx context.Context) error {
	if t.MACAddress != "" {
		if err := t.takeMAC(ctx); err != nil {
			return err
		}
	}
	for _, address := range t.Static {
		if err := t.takeStatic(ctx, address); err != nil {
			return err
		}
	}
	for _, ipv4 := range t.families() {
		if t.pooled(t.held, ipv4) != nil {
			continue
		}
		if err := t.takePooled(ctx, ipv4); err != nil {
			return err
		}
	}
	return nil
}

func (t *taking) takeMAC(ctx context.Context) error {
	lock := t.newLock(MACName(t.Segment, t.MACAddress))
	lock.Spec.MACAddress = strings.ToLower(t.MACAddress)
	return t.takeGiven(ctx, lock, lock.Spec.MACAddress, true)
}

func (t *taking) takeStatic(ctx context.Context, address netip.Addr) error {
	if why := t.setAside[address]; why != "" {
		return &InUseError{Interface: t.Holder.InterfaceName, Address: address.String(), By: why}
	}
	return t.takeGiven(ctx, t.lockOf(address), address.String(), false)
}

func (t *taking) lockOf(address netip.Addr) *v1alpha1.WukongAddress {
	lock := t.newLock(Name(t.Segment, address))
	lock.Spec.Address = v1alpha1.IPAddress(address.String())
	return lock
}

// takeGiven takes an address that the user chose, and no other.
func (t *taking) takeGiven(ctx context.Context, lock *v1alpha1.WukongAddress, address string, mac bool) error {
	if slices.ContainsFunc(t.held, func(held v1alpha1.WukongAddress) bool { return held.Name == lock.Name }) {
		return nil
	}
	shownBy, err := t.store.Observed(ctx, t.Request, address)
	if err != nil {
		return err
	}
	// KubeVirt reports the MAC address that an interface was given. An IP address is reported by the guest, and any
	// guest can report any: so it blocks nobody, and both WukongVMs get a report.
	if mac && shownBy != "" {
		return &InUseError{Interface: t.Holder.InterfaceName, Address: address, MAC: true, By: shownBy}
	}
	other, err := t.claim(ctx, lock)
	if err != nil {
		return err
	}
	if other != nil {
		return &InUseError{
			Interface: t.Holder.InterfaceName, Address: address, MAC: mac, By: t.describe(other.Spec.Holder),
			Lock: lock.Name,
		}
	}
	t.reportShown(address, shownBy)
	return nil
}

func (t *taking) reportShown(address, shownBy string) {
	if shownBy != "" && t.Shown != nil {
		t.Shown(address, shownBy)
	}
}

// describe describes a holder. It names the WukongVM only within its own namespace.
func (t *taking) describe(holder v1alpha1.AddressHolder) string {
	if holder.Namespace != t.Holder.Namespace {
		return "a WukongVM of another namespace has it"
	}
	return fmt.Sprintf("WukongVM %s has it, on interface %s", holder.Name, holder.InterfaceName)
}

var errLockChanged = errors.New("the lock changes hands; look again")

// claim creates a lock, finds that the interface has it already, or takes it over from a deleted WukongVM of the same
// name. Otherwise it returns the conflicting lock.
func (t *taking) claim(ctx context.Context, lock *v1alpha1.WukongAddress) (*v1alpha1.WukongAddress, error) {
	err := t.store.Create(ctx, lock)
	if err == nil {
		t.held = append(t.held, *lock)
		return nil, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, apply.Classify("WukongAddress", lock.Name, err)
	}
	live, err := t.store.Live(ctx, lock.Name)
	switch {
	case err != nil:
		return nil, err
	case live == nil:
		return nil, fmt.Errorf("WukongAddress %s: %w", lock.Name, errLockChanged)
	case live.Spec.Holder == t.Holder:
		t.held = append(t.held, *live)
		return nil, nil
	default:
		adopted, err := t.adopt(ctx, live)
		if adopted || err != nil {
			return nil, err
		}
		return live, nil
	}
}

// adopt takes over the lock of a WukongVM of the same name that is gone with its guest.
func (t *taking) adopt(ctx context.Context, live *v1alpha1.WukongAddress) (bool, error) {
	if !sameInterface(live.Spec.Holder, t.Holder) {
		return false, nil
	}
	gone, err := t.store.Abandoned(ctx, live.Spec.Holder)
	if err != nil || !gone {
		return false, err
	}
	if err := t.store.Adopt(ctx, live, t.Request); err != nil {
		return false, err
	}
	t.held = append(t.held, *live)
	return true, nil
}
