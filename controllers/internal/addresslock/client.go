package addresslock

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/segment"
)

// ClientStore keeps locks in the API server.
type ClientStore struct {
	// Client reads from the cache.
	Client client.Client
	// Reader reads from the API server.
	Reader client.Reader
	// FieldManager of all writes.
	FieldManager string
}

var _ Store = &ClientStore{}

// OfInterface implements Store.
func (s *ClientStore) OfInterface(
	ctx context.Context, holder v1alpha1.AddressHolder,
) ([]v1alpha1.WukongAddress, error) {
	list := &v1alpha1.WukongAddressList{}
	if err := s.Client.List(ctx, list,
		client.MatchingFields{index.AddressByInterface: index.InterfaceKey(holder)}); err != nil {
		return nil, fmt.Errorf("list the WukongAddresses of interface %s: %w", holder.InterfaceName, err)
	}
	return list.Items, nil
}

// OfMachine implements Store.
func (s *ClientStore) OfMachine(ctx context.Context, uid string) ([]v1alpha1.WukongAddress, error) {
	list := &v1alpha1.WukongAddressList{}
	if err := s.Reader.List(ctx, list, client.MatchingLabels{v1alpha1.LabelVM: uid}); err != nil {
		return nil, fmt.Errorf("list the WukongAddresses of the WukongVM: %w", err)
	}
	return list.Items, nil
}

// Known implements Store.
func (s *ClientStore) Known(ctx context.Context, name string) (*v1alpha1.WukongAddress, error) {
	return read.Get(ctx, s.Client, "", name, &v1alpha1.WukongAddress{})
}

// Live implements Store.
func (s *ClientStore) Live(ctx context.Context, name string) (*v1alpha1.WukongAddress, error) {
	return read.Get(ctx, s.Reader, "", name, &v1alpha1.WukongAddress{})
}

// Create implements Store.
func (s *ClientStore) Create(ctx context.Context, lock *v1alpha1.WukongAddress) error {
	return s.Client.Create(ctx, lock, client.FieldOwner(s.FieldManager))
}

// Adopt implements Store.
func (s *ClientStore) Adopt(ctx context.Context, lock *v1alpha1.WukongAddress, request *Request) error {
	before := lock.DeepCopy()
	lock.Labels = Labels(request.Holder)
	lock.Spec.Holder.UID = request.Holder.UID
	lock.Spec.Reserved = nil
	if request.Reserved {
		lock.Spec.Reserved = ptr.To(true)
	}
	// The optimistic lock lets only one of two competing takeovers, or of a takeover and a deletion, succeed.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := s.Client.Patch(ctx, lock, patch, client.FieldOwner(s.FieldManager)); err != nil {
		return apply.Classify("WukongAddress", lock.Name, err)
	}
	return nil
}

// Abandoned implements Store. KubeVirt keeps a VirtualMachine until its instance is deleted, by a finalizer
// (pkg/virt-controller/watch/vm, VirtualMachineControllerFinalizer). The instance is read nevertheless.
func (s *ClientStore) Abandoned(ctx context.Context, holder v1alpha1.AddressHolder) (bool, error) {
	vm, err := read.Get(ctx, s.Reader, holder.Namespace, holder.Name, &v1alpha1.WukongVM{})
	if err != nil || vm != nil && string(vm.UID) == holder.UID {
		return false, err
	}
	virtualMachine, err := read.Get(ctx, s.Reader, holder.Namespace, holder.Name, &kubevirtv1.VirtualMachine{})
	if err != nil || virtualMachine != nil && virtualMachine.Labels[v1alpha1.LabelVM] == holder.UID {
		return false, err
	}
	instance, err := read.Get(ctx, s.Reader, holder.Namespace, holder.Name, &kubevirtv1.VirtualMachineInstance{})
	return err == nil && (instance == nil || instance.Labels[v1alpha1.LabelVM] != holder.UID), err
}

// Observed implements Store.
func (s *ClientStore) Observed(ctx context.Context, request *Request, address string) (string, error) {
	list := &v1alpha1.WukongVMList{}
	if err := s.Client.List(ctx, list, client.MatchingFields{index.VMByObservedAddress: address},
		client.DisableReadYourWritesConsistency); err != nil {
		return "", fmt.Errorf("list the WukongVMs that report address %s: %w", address, err)
	}
	for i := range list.Items {
		vm := &list.Items[i]
		if string(vm.UID) == request.Holder.UID {
			continue
		}
		for j := range vm.Status.Networks {
			shown, err := s.shows(ctx, vm, &vm.Status.Networks[j], request.Segment, address)
			switch {
			case err != nil:
				return "", err
			case shown && vm.Namespace != request.Holder.Namespace:
				return "the guest of a WukongVM in another namespace reports it", nil
			case shown:
				return fmt.Sprintf("the guest of WukongVM %s reports it on interface %s",
					vm.Name, vm.Status.Networks[j].Name), nil
			}
		}
	}
	return "", nil
}

func (s *ClientStore) shows(
	ctx context.Context, vm *v1alpha1.WukongVM, status *v1alpha1.VMNetworkStatus, segmentName, address string,
) (bool, error) {
	found := strings.EqualFold(status.MACAddress, address)
	for _, other := range status.Addresses {
		found = found || other == address
	}
	if !found || status.NetworkName == "" {
		return false, nil
	}
	network, err := read.Get(ctx, s.Client, vm.Namespace, status.NetworkName, &v1alpha1.WukongNetwork{})
	if err != nil || network == nil {
		return false, err
	}
	name, ok := segment.Of(network)
	return ok && name == segmentName, nil
}
