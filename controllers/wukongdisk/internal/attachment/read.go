package attachment

import (
	"context"
	"fmt"
	"slices"

	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// Reader reads who uses a disk.
type Reader struct {
	// Cached has only objects that Wukong manages. Live has all.
	Cached, Live client.Reader
	Dependencies *dependency.Registry
}

// Read decides which WukongVM may use a disk whose bytes are in a claim.
func (r Reader) Read(ctx context.Context, disk *v1alpha1.WukongDisk, claim string) (Attachment, error) {
	found := Attachment{Inputs: custody.Inputs{Disk: disk}}
	var err error
	if found.VMs, err = r.users(ctx, disk); err != nil {
		return found, err
	}
	if found.LostSight() {
		if found.Left, err = r.remains(ctx, disk); err != nil {
			return found, err
		}
	}
	found.AttachedTo = found.Inputs.AttachedTo()
	if found.AttachedTo == "" || found.AttachedTo == disk.Status.AttachedTo {
		return found, nil
	}
	if found.OutsideUser, err = r.outsideUser(ctx, disk, claim, found.AttachedTo); found.OutsideUser != "" {
		found.AttachedTo = ""
	}
	return found, err
}

// users are the WukongVMs that list the disk, or have not released it.
func (r Reader) users(ctx context.Context, disk *v1alpha1.WukongDisk) ([]v1alpha1.WukongVM, error) {
	vms := &v1alpha1.WukongVMList{}
	err := r.Cached.List(ctx, vms, client.InNamespace(disk.Namespace), client.MatchingFields{index.VMByDisk: disk.Name})
	if err != nil {
		return nil, fmt.Errorf("list the WukongVMs that use disk %s: %w", disk.Name, err)
	}
	return slices.DeleteFunc(vms.Items, func(vm v1alpha1.WukongVM) bool { return !model.Uses(&vm, disk) }), nil
}

// remains is the VirtualMachine or instance that the deleted WukongVM of the disk left behind; nil for none.
func (r Reader) remains(ctx context.Context, disk *v1alpha1.WukongDisk) (client.Object, error) {
	if served, err := r.kubevirtServed(ctx); err != nil || !served {
		return nil, err
	}
	name := disk.Status.AttachedTo
	instance, err := read.Get(ctx, r.Cached, disk.Namespace, name, &kubevirtv1.VirtualMachineInstance{})
	if err != nil {
		return nil, err
	}
	virtualMachine, err := read.Get(ctx, r.Cached, disk.Namespace, name, &kubevirtv1.VirtualMachine{})
	if err != nil {
		return nil, err
	}
	return custody.Remains(disk, virtualMachine, instance), nil
}

func (r Reader) kubevirtServed(ctx context.Context) (bool, error) {
	for _, api := range []dependency.API{dependency.VirtualMachines, dependency.VirtualMachineInstances} {
		if served, err := r.Dependencies.Served(ctx, api); err != nil || !served {
			return false, err
		}
	}
	return true, nil
}

// outsideUser is a VirtualMachine or instance that uses a claim and is not that of the WukongVM attachTo; empty for
// none. It is read only for a claim that may already hold bytes, and from the API server, because the cache has only
// managed objects.
func (r Reader) outsideUser(ctx context.Context, disk *v1alpha1.WukongDisk, claim, attachTo string) (string, error) {
	if !mayHoldBytes(disk) {
		return "", nil
	}
	if served, err := r.kubevirtServed(ctx); err != nil || !served {
		return "", err
	}
	instances, virtualMachines := &kubevirtv1.VirtualMachineInstanceList{}, &kubevirtv1.VirtualMachineList{}
	for _, list := range []client.ObjectList{instances, virtualMachines} {
		if err := r.Live.List(ctx, list, client.InNamespace(disk.Namespace)); err != nil {
			return "", fmt.Errorf("list the VirtualMachines that may use PersistentVolumeClaim %s: %w", claim, err)
		}
	}
	return custody.OutsideUser(claim, attachTo, instances.Items, virtualMachines.Items), nil
}

// mayHoldBytes reports whether another program may write to the claim of a disk that no WukongVM has yet.
func mayHoldBytes(disk *v1alpha1.WukongDisk) bool {
	if disk.AdoptsClaim() {
		return !custody.ReadsOnly(disk)
	}
	return backing.Filled(disk)
}
