package wukongvm

import (
	"context"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addresses"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/waiting"
)

// observeAddresses reads from the cache which addresses the machine holds.
func (r *Reconciler) observeAddresses(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	observed.locks = addresses.NewLocks()
	for i := range vm.Spec.Networks {
		nic := &vm.Spec.Networks[i]
		request := observed.nicInputs(vm).Addresses().Request(nic)
		if request == nil {
			continue
		}
		held, err := request.Held(ctx, r.addresses)
		if err != nil {
			return err
		}
		observed.locks.Held[nic.Name] = held
	}
	return nil
}

// takeAddresses takes the addresses that the machine needs and does not hold. It comes before anything that tells the guest about them.
// What an interface cannot have becomes a condition; an error is one that another pass may mend.
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
		request, found := observed.nicInputs(vm).Addresses().Needs(nic)
		if found != nil {
			observed.locks.Problems[nic.Name] = found
		}
		if request == nil {
			continue
		}
		// It waits before it looks: what is released in between wakes it.
		r.waiting.Enter(vm, waiting.By(request))
		held, err := r.take(ctx, vm, request)
		observed.locks.Held[nic.Name] = held
		if err == nil {
			continue
		}
		wait, found := addresses.Refusal(request, err)
		if found == nil {
			return fmt.Errorf("take the addresses of interface %s: %w", nic.Name, err)
		}
		observed.locks.Problems[nic.Name] = found
		observed.locks.Unseen = observed.locks.Unseen || wait.Key == ""
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

// observeGuestAddresses finds an address that the guest uses and another machine was given.
func (r *Reconciler) observeGuestAddresses(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	instance := observed.Running()
	if instance == nil {
		return nil
	}
	for i := range vm.Spec.Networks {
		request := observed.nicInputs(vm).Addresses().Request(&vm.Spec.Networks[i])
		if request == nil {
			continue
		}
		for _, shown := range instance.Status.Interfaces {
			if shown.Name != request.Holder.InterfaceName {
				continue
			}
			if err := r.checkShown(ctx, request, shown.IPs, observed); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reconciler) checkShown(ctx context.Context, request *addresslock.Request, shown []string, observed *observation) error {
	for _, text := range shown {
		address, err := netip.ParseAddr(text)
		if err != nil || address.IsLinkLocalUnicast() {
			continue
		}
		lock, err := r.addresses.Known(ctx, addresslock.Name(request.Segment, address))
		if err != nil {
			return err
		}
		if found := addresses.SeenElsewhere(request, address, lock); found != nil {
			observed.seenElsewhere = found
		}
	}
	return nil
}
