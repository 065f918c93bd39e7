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

// Writers are the machines that may write to a WukongDisk, in order, as a message names them: those that use it and may run, and the one that
// holds it and is gone, or does not use it any more, whose guest has not let go of it. The reader's index VMByDisk is asked.
func Writers(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) ([]string, error) {
	return find(ctx, reader, disk, MayRun)
}

// Guests are the machines that have a WukongDisk on a node at this moment, as Writers are. One that waits for something, such as a copy of the
// very disk, is none.
func Guests(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) ([]string, error) {
	return find(ctx, reader, disk, HasGuest)
}

func find(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk, counts func(*v1alpha1.WukongVM) bool) ([]string, error) {
	vms := &v1alpha1.WukongVMList{}
	if err := reader.List(ctx, vms, client.InNamespace(disk.Namespace), client.MatchingFields{index.VMByDisk: disk.Name}); err != nil {
		return nil, fmt.Errorf("list the machines that use disk %s: %w", disk.Name, err)
	}
	return among(disk, vms.Items, counts), nil
}

func among(disk *v1alpha1.WukongDisk, vms []v1alpha1.WukongVM, counts func(*v1alpha1.WukongVM) bool) []string {
	var names []string
	holder := disk.Status.AttachedTo
	for i := range vms {
		if counts(&vms[i]) {
			names = append(names, vms[i].Name)
		}
		if vms[i].Name == holder {
			holder = ""
		}
	}
	if holder != "" {
		names = append(names, holder+" (given up, but its guest has not let go yet)")
	}
	// The cache lists in no order, and a message that changes its order is a write.
	slices.Sort(names)
	return names
}

// HasGuest tells whether a machine has an instance on a node.
func HasGuest(vm *v1alpha1.WukongVM) bool { return vm.Status.NodeName != "" }

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
