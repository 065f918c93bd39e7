package wukongvm

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/segment"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addressing"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/waiting"
)

// locks are the WukongAddresses of a machine's interfaces, by the name of the interface.
type locks struct {
	held map[string][]v1alpha1.WukongAddress
	// problems are why an interface does not hold all that it needs.
	problems map[string]*cause.Cause
	// unseen: what stands in the way of one is no lock, so that no watch tells when it is gone.
	unseen bool
}

// observeAddresses reads from the cache which addresses the machine holds.
func (r *Reconciler) observeAddresses(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	observed.locks = locks{held: map[string][]v1alpha1.WukongAddress{}, problems: map[string]*cause.Cause{}}
	for i := range vm.Spec.Networks {
		nic := &vm.Spec.Networks[i]
		request := addressRequest(vm, nic, observed.networks[index.NetworkName(vm, nic)])
		if request == nil {
			continue
		}
		held, err := request.Held(ctx, r.addresses)
		if err != nil {
			return err
		}
		observed.locks.held[nic.Name] = held
	}
	return nil
}

// takeAddresses takes the addresses that the machine needs and does not hold. It comes before anything that tells the guest about them. What
// an interface cannot have becomes a condition; an error is one that another pass may mend.
func (r *Reconciler) takeAddresses(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.kubevirtServed {
		return nil
	}
	if err := r.observeAddresses(ctx, vm, observed); err != nil {
		return err
	}
	r.waiting.Settle(vm, nil)
	var waits []waiting.Awaited
	for i := range vm.Spec.Networks {
		nic := &vm.Spec.Networks[i]
		request, found := observed.needs(vm, nic)
		if found != nil {
			observed.locks.problems[nic.Name] = found
		}
		if request == nil {
			continue
		}
		// It waits before it looks: what is let go in between wakes it.
		r.waiting.Enter(vm, waiting.By(request))
		held, err := r.take(ctx, vm, request)
		observed.locks.held[nic.Name] = held
		if err == nil {
			continue
		}
		wait, found := refusal(request, err)
		if found == nil {
			return fmt.Errorf("take the addresses of interface %s: %w", nic.Name, err)
		}
		observed.locks.problems[nic.Name] = found
		observed.locks.unseen = observed.locks.unseen || wait.Key == ""
		waits = append(waits, wait)
	}
	r.waiting.Settle(vm, waits)
	return nil
}

func (r *Reconciler) take(ctx context.Context, vm *v1alpha1.WukongVM, request *addresslock.Request) ([]v1alpha1.WukongAddress, error) {
	networks := &v1alpha1.WukongNetworkList{}
	if err := r.client.List(ctx, networks, client.MatchingFields{index.NetworkBySegment: request.Segment}); err != nil {
		return nil, fmt.Errorf("list the WukongNetworks of segment %s: %w", request.Segment, err)
	}
	request.Neighbours = networks.Items
	request.Shown = func(address, by string) {
		r.applier.Recorder.Eventf(vm, nil, corev1.EventTypeWarning, v1alpha1.ReasonAddressObservedElsewhere, "TakeAddress",
			"interface %s was given %s, but %s; take it off there", request.Holder.InterfaceName, address, by)
	}
	return addresslock.Take(ctx, r.addresses, request)
}

// refusal is what an interface waits for, and the condition that says so; nil for an error that another try may mend. What no lock keeps
// from it, it cannot wait for.
func refusal(request *addresslock.Request, err error) (wait waiting.Awaited, found *cause.Cause) {
	var exhausted *addresslock.ExhaustedError
	var inUse *addresslock.InUseError
	switch {
	case errors.As(err, &exhausted):
		return waiting.Awaited{Key: request.Segment, Pools: exhausted.Pools}, &cause.Cause{Reason: v1alpha1.ReasonPoolExhausted, Message: err.Error(), Blocking: true}
	case errors.As(err, &inUse) && inUse.MAC:
		return waiting.Awaited{Key: inUse.Lock}, &cause.Cause{Reason: v1alpha1.ReasonMACInUse, Message: err.Error(), Blocking: true}
	case errors.As(err, &inUse):
		return waiting.Awaited{Key: inUse.Lock}, &cause.Cause{Reason: v1alpha1.ReasonAddressInUse, Message: err.Error(), Blocking: true}
	default:
		return waiting.Awaited{}, nil
	}
}

// addressRequest is that of an interface on a segment, without what it needs; nil for one that is on none.
func addressRequest(vm *v1alpha1.WukongVM, nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) *addresslock.Request {
	if network == nil {
		return nil
	}
	name, ok := segment.Of(network)
	if !ok {
		return nil
	}
	return &addresslock.Request{
		Segment:  name,
		Holder:   v1alpha1.AddressHolder{Namespace: vm.Namespace, Name: vm.Name, UID: string(vm.UID), InterfaceName: nic.Name},
		Network:  network,
		Reserved: ptr.Deref(nic.KeepAddresses, false),
	}
}

// needs is what an interface must hold and does not; nil for nothing. A problem is why that cannot be said.
func (o *observation) needs(vm *v1alpha1.WukongVM, nic *v1alpha1.VMNetwork) (*addresslock.Request, *cause.Cause) {
	network := o.networks[index.NetworkName(vm, nic)]
	request := addressRequest(vm, nic, network)
	// On a wire that its namespace may not use, or not before that is known, a machine takes no address from those who may.
	if request == nil || !network.DeletionTimestamp.IsZero() || hostaccess.Withheld(network) {
		return nil, nil
	}
	invalid := func(format string, arguments ...any) (*addresslock.Request, *cause.Cause) {
		return nil, &cause.Cause{Reason: v1alpha1.ReasonAddressInvalid, Message: fmt.Sprintf(format, arguments...), Blocking: true}
	}
	request.MACAddress = nic.MACAddress
	switch o.addressMode(nic, network) {
	case v1alpha1.AddressStatic:
		resolved, err := addressing.Resolve(nic, network, macAddress(vm, nic), nil)
		if err != nil {
			return nil, nil // resolveNetworks tells
		}
		for _, prefix := range resolved.Addresses {
			request.Static = append(request.Static, prefix.Addr())
		}
	case v1alpha1.AddressPooled:
		var err error
		if request.Pools, err = addresspool.Parse(&network.Spec); err != nil {
			return invalid("WukongNetwork %s: %s", network.Name, err)
		}
		if len(request.Pools) == 0 && len(o.pooled(nic, network)) == 0 {
			return invalid("WukongNetwork %s has no pool for interface %s of addressMode Pool; add pool to a subnet, or leave out addressMode",
				network.Name, nic.Name)
		}
	}
	if request.Satisfied(o.locks.held[nic.Name]) {
		return nil, nil
	}
	return request, nil
}

// addressMode is how an interface gets its addresses. Without a word in spec, one that holds an address keeps it, and one that the machine
// already runs with, by DHCP, stays so until the machine is stopped.
func (o *observation) addressMode(nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) v1alpha1.AddressMode {
	mode := addressing.Mode(nic, network)
	if nic.AddressMode != "" || network == nil || mode == v1alpha1.AddressStatic {
		return mode
	}
	switch {
	case len(o.pooled(nic, network)) > 0:
		return v1alpha1.AddressPooled
	case mode == v1alpha1.AddressPooled && o.Running() != nil && o.inTemplate(nic.Name):
		return v1alpha1.AddressDHCP
	default:
		return mode
	}
}

func (o *observation) inTemplate(interfaceName string) bool {
	if o.Machine == nil || o.Machine.Spec.Template == nil {
		return false
	}
	for i := range o.Machine.Spec.Template.Spec.Networks {
		if o.Machine.Spec.Template.Spec.Networks[i].Name == interfaceName {
			return true
		}
	}
	return false
}

// pooled are the addresses that an interface holds in subnets of its network, of each family the one that counts.
func (o *observation) pooled(nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) []netip.Addr {
	var result []netip.Addr
	for _, ipv4 := range []bool{true, false} {
		chosen := addresslock.Chosen(o.locks.held[nic.Name], network, ipv4)
		if chosen != nil && addresslock.InSubnet(network, addresslock.AddressOf(chosen)) {
			result = append(result, addresslock.AddressOf(chosen))
		}
	}
	return result
}

// addressProblem is why the addresses of an interface are not settled, or nil.
func (o *observation) addressProblem(nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) *cause.Cause {
	if found := o.locks.problems[nic.Name]; found != nil {
		return found
	}
	if network == nil || network.Spec.Type == v1alpha1.NetworkTypePod {
		return nil
	}
	if o.addressMode(nic, network) == v1alpha1.AddressPooled && len(o.pooled(nic, network)) == 0 {
		return &cause.Cause{Reason: v1alpha1.ReasonPending, Waiting: true, Blocking: true,
			Message: fmt.Sprintf("interface %s waits for an address of WukongNetwork %s", nic.Name, network.Name)}
	}
	return nil
}

// observeGuestAddresses says when a guest uses an address that another machine was given. It is told, and keeps nothing back: the guest has
// it already.
func (r *Reconciler) observeGuestAddresses(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	instance := observed.Running()
	if instance == nil {
		return nil
	}
	for i := range vm.Spec.Networks {
		nic := &vm.Spec.Networks[i]
		request := addressRequest(vm, nic, observed.networks[index.NetworkName(vm, nic)])
		if request == nil {
			continue
		}
		for _, shown := range instance.Status.Interfaces {
			if shown.Name != nic.Name {
				continue
			}
			for _, text := range shown.IPs {
				if err := r.checkShown(ctx, request, text, observed); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *Reconciler) checkShown(ctx context.Context, request *addresslock.Request, text string, observed *observation) error {
	address, err := netip.ParseAddr(text)
	if err != nil || address.IsLinkLocalUnicast() {
		return nil
	}
	lock, err := r.addresses.Known(ctx, addresslock.Name(request.Segment, address))
	if err != nil || lock == nil || lock.Spec.Holder.UID == request.Holder.UID {
		return err
	}
	owner := "a machine of another namespace"
	if lock.Spec.Holder.Namespace == request.Holder.Namespace {
		owner = "WukongVM " + lock.Spec.Holder.Name
	}
	observed.foreignAddress = &cause.Cause{Reason: v1alpha1.ReasonAddressObservedElsewhere, Message: fmt.Sprintf(
		"the guest uses %s on interface %s, which %s was given; take it off in the guest", address, request.Holder.InterfaceName, owner)}
	return nil
}
