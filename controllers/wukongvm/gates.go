package wukongvm

import (
	"context"
	"fmt"

	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// observeGates finds out what KubeVirt does to the disks of running machines, when a disk waits for it.
func (r *Reconciler) observeGates(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.diskInputs(vm).AwaitsGates() {
		return nil
	}
	served, err := r.dependencies.Served(ctx, dependency.KubeVirts)
	if err != nil || !served {
		return err
	}
	list := &kubevirtv1.KubeVirtList{}
	if err := r.client.List(ctx, list); err != nil {
		return fmt.Errorf("list KubeVirt objects: %w", err)
	}
	for i := range list.Items {
		off := &observed.gatesOff
		off.Plugs, off.Grows = off.Plugs || !virt.PlugsDisks(&list.Items[i]), off.Grows || !virt.GrowsDisks(&list.Items[i])
	}
	return nil
}

// gatesChanged accepts a KubeVirt that does by now what it did not do to the disks of running machines, or the other way round.
func gatesChanged() predicate.TypedPredicate[client.Object] {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*kubevirtv1.KubeVirt), e.ObjectNew.(*kubevirtv1.KubeVirt)
			return virt.PlugsDisks(before) != virt.PlugsDisks(after) || virt.GrowsDisks(before) != virt.GrowsDisks(after)
		},
	}
}
