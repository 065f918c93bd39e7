package wukongaddress

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/scope"
)

// fieldManager owns the fields that this controller writes.
const fieldManager = "wukong-address-controller"

// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongaddresses,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongvms;wukongnetworks,verbs=get;list;watch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachines;virtualmachineinstances,verbs=get;list;watch

// Reconciler releases addresses that nobody can use any longer.
type Reconciler struct {
	client client.Client
	// live reads from the API server: everything is read again before a deletion.
	live client.Reader
	// namespaces whose WukongVMs are visible. Addresses of others are left alone: they seem to have no owner.
	namespaces scope.Namespaces
}

// Reconcile runs a pass over one WukongAddress.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	lock := &v1alpha1.WukongAddress{}
	if err := r.client.Get(ctx, request.NamespacedName, lock); err != nil || !lock.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !r.namespaces.Contain(lock.Spec.Holder.Namespace) {
		return reconcile.Result{}, nil
	}
	found, err := r.observe(ctx, r.client, lock)
	if err != nil {
		return reconcile.Result{}, err
	}
	switch decide(lock, found) {
	case fateMark:
		return reconcile.Result{}, r.mark(ctx, lock, found)
	case fateFree:
		return reconcile.Result{}, r.free(ctx, lock)
	default:
		return reconcile.Result{}, nil
	}
}

func (r *Reconciler) observe(ctx context.Context, reader client.Reader, lock *v1alpha1.WukongAddress) (*facts, error) {
	holder, found := lock.Spec.Holder, &facts{}
	var err error
	if found.vm, err = read.Get(ctx, reader, holder.Namespace, holder.Name, &v1alpha1.WukongVM{}); err != nil {
		return nil, err
	}
	if found.virtualMachine, err = read.Get(ctx, reader, holder.Namespace, holder.Name,
		&kubevirtv1.VirtualMachine{}); err != nil {
		return nil, err
	}
	if found.instance, err = read.Get(ctx, reader, holder.Namespace, holder.Name,
		&kubevirtv1.VirtualMachineInstance{}); err != nil {
		return nil, err
	}
	network := lock.Spec.Network
	if found.network, err = read.Get(
		ctx, reader, network.Namespace, network.Name, &v1alpha1.WukongNetwork{},
	); err != nil {
		return nil, err
	}
	// Siblings are read from the cache: a missing one only keeps an address longer, and two addresses cannot both be
	// the younger one.
	list := &v1alpha1.WukongAddressList{}
	if err := r.client.List(ctx, list,
		client.MatchingFields{index.AddressByInterface: index.InterfaceKey(holder)}); err != nil {
		return nil, fmt.Errorf("list the WukongAddresses of interface %s: %w", holder.InterfaceName, err)
	}
	for i := range list.Items {
		if list.Items[i].Spec.Holder == holder {
			found.held = append(found.held, list.Items[i])
		}
	}
	return found, nil
}

// free deletes an address when the API server agrees with the cache.
func (r *Reconciler) free(ctx context.Context, lock *v1alpha1.WukongAddress) error {
	found, err := r.observe(ctx, r.live, lock)
	if err != nil || decide(lock, found) != fateFree {
		return err
	}
	uid, version := lock.UID, lock.ResourceVersion
	err = r.client.Delete(ctx, lock, client.Preconditions{UID: ptr.To[types.UID](uid), ResourceVersion: &version})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete WukongAddress %s: %w", lock.Name, err)
	}
	return nil
}

// mark copies keepAddresses of the WukongVM to the address.
func (r *Reconciler) mark(ctx context.Context, lock *v1alpha1.WukongAddress, found *facts) error {
	after := lock.DeepCopy()
	after.Spec.Reserved = nil
	if nic := interfaceOf(found.vm, lock.Spec.Holder.InterfaceName); ptr.Deref(nic.KeepAddresses, false) {
		after.Spec.Reserved = ptr.To(true)
	}
	patch := client.MergeFromWithOptions(lock, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patch WukongAddress %s: %w", lock.Name, err)
	}
	return nil
}
