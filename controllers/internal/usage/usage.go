// Package usage tells which machines may write to a disk.
package usage

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
)

// Writers are the names, in order, of the machines that use a WukongDisk and may run. The caller's index VMByDisk is asked.
func Writers(ctx context.Context, reader client.Reader, namespace, disk string) ([]string, error) {
	vms := &v1alpha1.WukongVMList{}
	if err := reader.List(ctx, vms, client.InNamespace(namespace), client.MatchingFields{index.VMByDisk: disk}); err != nil {
		return nil, fmt.Errorf("list the machines that use disk %s: %w", disk, err)
	}
	var names []string
	for i := range vms.Items {
		if MayRun(&vms.Items[i]) {
			names = append(names, vms.Items[i].Name)
		}
	}
	// The cache lists in no order, and a message that changes its order is a write.
	slices.Sort(names)
	return names, nil
}

// MayRun tells whether a machine runs, or may be about to: its disks may change at any moment.
func MayRun(vm *v1alpha1.WukongVM) bool {
	wantsToRun := vm.Spec.PowerState != v1alpha1.PowerStopped
	switch vm.Status.Phase {
	case v1alpha1.PhaseStopped:
		// A guest that shut itself down stays so until its spec changes.
		return wantsToRun && vm.Status.ObservedGeneration != vm.Generation
	case "", v1alpha1.PhasePending, v1alpha1.PhaseError:
		return wantsToRun || vm.Status.NodeName != ""
	default:
		return true
	}
}
