package addresses

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/waiting"
)

// Assigner assigns addresses to the interfaces of WukongVMs: it writes the locks (WukongAddresses).
type Assigner struct {
	// Reader finds the WukongNetworks of a segment.
	Reader client.Reader
	Store  addresslock.Store
	// Room has the WukongVMs that wait for an address.
	Room *waiting.Room
	// Recorder makes an event when a guest shows an address that is assigned to another WukongVM.
	Recorder events.EventRecorder
}

// Held reads the locks of the WukongVM's interfaces.
func (a Assigner) Held(ctx context.Context, in Inputs) (Locks, error) {
	locks := NewLocks()
	for i := range in.VM.Spec.Networks {
		nic := &in.VM.Spec.Networks[i]
		request := in.Request(nic)
		if request == nil {
			continue
		}
		held, err := request.Held(ctx, a.Store)
		if err != nil {
			return locks, err
		}
		locks.Held[nic.Name] = held
	}
	return locks, nil
}

// Assign reads the locks of the interfaces, and assigns the addresses that are missing. An address that an interface
// cannot have is in the Problems of the locks; an error is one that a retry may resolve. The locks are those that are
// known, also with an error.
func (a Assigner) Assign(ctx context.Context, in Inputs) (Locks, error) {
	var err error
	if in.Locks, err = a.Held(ctx, in); err != nil {
		return in.Locks, err
	}
	a.Room.Settle(in.VM, nil)
	var waits []waiting.Awaited
	for i := range in.VM.Spec.Networks {
		nic := &in.VM.Spec.Networks[i]
		request, found := in.Needs(nic)
		if found != nil {
			in.Locks.Problems[nic.Name] = found
		}
		if request == nil {
			continue
		}
		// The WukongVM waits before it reads: an address that is released in between starts a pass.
		a.Room.Enter(in.VM, waiting.By(request))
		held, err := a.take(ctx, in.VM, request)
		in.Locks.Held[nic.Name] = held
		if err == nil {
			continue
		}
		wait, found := Refusal(request, err)
		if found == nil {
			return in.Locks, fmt.Errorf("take the addresses of interface %s: %w", nic.Name, err)
		}
		in.Locks.Problems[nic.Name] = found
		in.Locks.Unseen = in.Locks.Unseen || wait.Key == ""
		waits = append(waits, wait)
	}
	a.Room.Settle(in.VM, waits)
	return in.Locks, nil
}

func (a Assigner) take(
	ctx context.Context, vm *v1alpha1.WukongVM, request *addresslock.Request,
) ([]v1alpha1.WukongAddress, error) {
	networks := &v1alpha1.WukongNetworkList{}
	bySegment := client.MatchingFields{index.NetworkBySegment: request.Segment}
	if err := a.Reader.List(ctx, networks, bySegment); err != nil {
		return nil, fmt.Errorf("list the WukongNetworks of segment %s: %w", request.Segment, err)
	}
	request.Neighbours = networks.Items
	request.Shown = func(address, by string) {
		a.Recorder.Eventf(vm, nil, corev1.EventTypeWarning, v1alpha1.ReasonAddressObservedElsewhere, "TakeAddress",
			"interface %s was assigned %s, but %s; remove it there", request.Holder.InterfaceName, address, by)
	}
	return addresslock.Take(ctx, a.Store, request)
}

// Conflict is that the guest uses an address that is assigned to another WukongVM; nil when it does not.
func (a Assigner) Conflict(ctx context.Context, in Inputs) (*cause.Cause, error) {
	instance := in.Running()
	if instance == nil {
		return nil, nil
	}
	var last *cause.Cause
	for i := range in.VM.Spec.Networks {
		request := in.Request(&in.VM.Spec.Networks[i])
		if request == nil {
			continue
		}
		for _, shown := range instance.Status.Interfaces {
			if shown.Name != request.Holder.InterfaceName {
				continue
			}
			found, err := a.conflict(ctx, request, shown.IPs)
			if err != nil {
				return nil, err
			}
			if found != nil {
				last = found
			}
		}
	}
	return last, nil
}

func (a Assigner) conflict(
	ctx context.Context, request *addresslock.Request, shown []string,
) (last *cause.Cause, err error) {
	for _, text := range shown {
		address, err := netip.ParseAddr(text)
		if err != nil || address.IsLinkLocalUnicast() {
			continue
		}
		lock, err := a.Store.Known(ctx, addresslock.Name(request.Segment, address))
		if err != nil {
			return nil, err
		}
		if found := SeenElsewhere(request, address, lock); found != nil {
			last = found
		}
	}
	return last, nil
}
