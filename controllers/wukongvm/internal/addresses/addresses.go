package addresses

import (
	"errors"
	"fmt"
	"net/netip"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/addresspool"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/internal/segment"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addressing"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/waiting"
)

// Locks are the WukongAddresses of a WukongVM's interfaces, by the name of the interface.
type Locks struct {
	Held map[string][]v1alpha1.WukongAddress
	// Problems are why an interface does not hold all that it needs.
	Problems map[string]*cause.Cause
	// Unseen: what stands in the way of an interface is no lock, so that no watch reports when it is gone.
	Unseen bool
}

// NewLocks are none.
func NewLocks() Locks {
	return Locks{Held: map[string][]v1alpha1.WukongAddress{}, Problems: map[string]*cause.Cause{}}
}

// Inputs are what decides about the addresses.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// Networks are WukongNetworks by name; nil for one that does not exist.
	Networks map[string]*v1alpha1.WukongNetwork
	Locks    Locks
}

// Request is that of an interface on a segment, without what it needs; nil for one that is on none.
func (in Inputs) Request(nic *v1alpha1.VMNetwork) *addresslock.Request {
	network := in.Networks[model.NetworkName(in.VM, nic)]
	if network == nil {
		return nil
	}
	name, ok := segment.Of(network)
	if !ok {
		return nil
	}
	holder := v1alpha1.AddressHolder{
		Namespace: in.VM.Namespace, Name: in.VM.Name, UID: string(in.VM.UID), InterfaceName: nic.Name,
	}
	return &addresslock.Request{
		Segment: name, Holder: holder, Network: network, Reserved: ptr.Deref(nic.KeepAddresses, false),
	}
}

// Needs is what an interface must hold and does not; nil for nothing. A cause is why that cannot be said.
func (in Inputs) Needs(nic *v1alpha1.VMNetwork) (*addresslock.Request, *cause.Cause) {
	network := in.Networks[model.NetworkName(in.VM, nic)]
	request := in.Request(nic)
	// On a wire that its namespace may not use, or not before that is known, a machine takes no address from those who
	// may.
	if request == nil || !network.DeletionTimestamp.IsZero() || hostaccess.Withheld(network) {
		return nil, nil
	}
	invalid := func(format string, arguments ...any) (*addresslock.Request, *cause.Cause) {
		return nil, &cause.Cause{
			Reason: v1alpha1.ReasonAddressInvalid, Message: fmt.Sprintf(format, arguments...), Blocking: true,
		}
	}
	request.MACAddress = nic.MACAddress
	switch in.Mode(nic, network) {
	case v1alpha1.AddressStatic:
		resolved, err := addressing.Resolve(nic, network, model.MAC(in.VM, nic), nil)
		if err != nil {
			return nil, nil // the interface's own resolution reports it
		}
		for _, prefix := range resolved.Addresses {
			request.Static = append(request.Static, prefix.Addr())
		}
	case v1alpha1.AddressPooled:
		var err error
		if request.Pools, err = addresspool.Parse(&network.Spec); err != nil {
			return invalid("WukongNetwork %s: %s", network.Name, err)
		}
		if len(request.Pools) == 0 && len(in.Pooled(nic, network)) == 0 {
			return invalid("WukongNetwork %s has no pool for interface %s of addressMode Pool; add pool to a subnet, "+
				"or leave out addressMode",
				network.Name, nic.Name)
		}
	}
	if request.Satisfied(in.Locks.Held[nic.Name]) {
		return nil, nil
	}
	return request, nil
}

// Mode is how an interface gets its addresses. Without a word in spec, one that holds an address keeps it, and one that
// the machine already runs with, by DHCP, stays so until the machine is stopped.
func (in Inputs) Mode(nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) v1alpha1.AddressMode {
	mode := addressing.Mode(nic, network)
	if nic.AddressMode != "" || network == nil || mode == v1alpha1.AddressStatic {
		return mode
	}
	switch {
	case len(in.Pooled(nic, network)) > 0:
		return v1alpha1.AddressPooled
	case mode == v1alpha1.AddressPooled && in.Running() != nil && in.inTemplate(nic.Name):
		return v1alpha1.AddressDHCP
	default:
		return mode
	}
}

func (in Inputs) inTemplate(interfaceName string) bool {
	if in.Machine == nil || in.Machine.Spec.Template == nil {
		return false
	}
	networks := in.Machine.Spec.Template.Spec.Networks
	for i := range networks {
		if networks[i].Name == interfaceName {
			return true
		}
	}
	return false
}

// Pooled are the addresses that an interface holds in subnets of its network, of each family the one that counts.
func (in Inputs) Pooled(nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) []netip.Addr {
	var result []netip.Addr
	for _, ipv4 := range []bool{true, false} {
		chosen := addresslock.Chosen(in.Locks.Held[nic.Name], network, ipv4)
		if chosen != nil && addresslock.InSubnet(network, addresslock.AddressOf(chosen)) {
			result = append(result, addresslock.AddressOf(chosen))
		}
	}
	return result
}

// Problem is why the addresses of an interface are not settled, or nil.
func (in Inputs) Problem(nic *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork) *cause.Cause {
	if found := in.Locks.Problems[nic.Name]; found != nil {
		return found
	}
	if network == nil || network.Spec.Type == v1alpha1.NetworkTypePod {
		return nil
	}
	if in.Mode(nic, network) == v1alpha1.AddressPooled && len(in.Pooled(nic, network)) == 0 {
		return &cause.Cause{Reason: v1alpha1.ReasonPending, Waiting: true, Blocking: true,
			Message: fmt.Sprintf("interface %s waits for an address of WukongNetwork %s", nic.Name, network.Name)}
	}
	return nil
}

// Refusal is what an interface waits for, and the cause that says so; nil for an error that another try may mend. What
// no lock keeps from it, it cannot wait for.
func Refusal(request *addresslock.Request, err error) (wait waiting.Awaited, found *cause.Cause) {
	var exhausted *addresslock.ExhaustedError
	var inUse *addresslock.InUseError
	refused := func(reason string) *cause.Cause {
		return &cause.Cause{Reason: reason, Message: err.Error(), Blocking: true}
	}
	switch {
	case errors.As(err, &exhausted):
		return waiting.Awaited{Key: request.Segment, Pools: exhausted.Pools}, refused(v1alpha1.ReasonPoolExhausted)
	case errors.As(err, &inUse) && inUse.MAC:
		return waiting.Awaited{Key: inUse.Lock}, refused(v1alpha1.ReasonMACInUse)
	case errors.As(err, &inUse):
		return waiting.Awaited{Key: inUse.Lock}, refused(v1alpha1.ReasonAddressInUse)
	default:
		return waiting.Awaited{}, nil
	}
}

// SeenElsewhere is that the guest shows an address whose lock another machine holds; nil when the lock is the
// requester's own. It keeps nothing back: the guest has the address already.
func SeenElsewhere(request *addresslock.Request, address netip.Addr, lock *v1alpha1.WukongAddress) *cause.Cause {
	if lock == nil || lock.Spec.Holder.UID == request.Holder.UID {
		return nil
	}
	owner := "a WukongVM of another namespace"
	if lock.Spec.Holder.Namespace == request.Holder.Namespace {
		owner = "WukongVM " + lock.Spec.Holder.Name
	}
	return &cause.Cause{Reason: v1alpha1.ReasonAddressObservedElsewhere, Message: fmt.Sprintf(
		"the guest uses %s on interface %s, which is assigned to %s; remove it in the guest",
		address, request.Holder.InterfaceName, owner)}
}
