package disks

import (
	"context"
	"fmt"

	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Found is what was read about the disks of a WukongVM.
type Found struct {
	// ByName are the WukongDisks that the spec lists, and those behind claims that the WukongVM has; nil for one that
	// does not exist.
	ByName map[string]*v1alpha1.WukongDisk
	// Made are the WukongDisks that were created from templates, whether or not the spec still has the template.
	Made []*v1alpha1.WukongDisk
	// Owners are the names of the WukongDisks behind claims that the WukongVM has.
	Owners   map[string]string
	GatesOff GatesOff
}

// Read reads the WukongDisks that the spec lists or that were created from its templates.
func Read(ctx context.Context, reader client.Reader, vm *v1alpha1.WukongVM) (Found, error) {
	found := Found{ByName: map[string]*v1alpha1.WukongDisk{}}
	var err error
	for i := range vm.Spec.Disks {
		name := model.DiskName(vm, &vm.Spec.Disks[i])
		if name == "" {
			continue
		}
		if found.ByName[name], err = read.Get(ctx, reader, vm.Namespace, name, &v1alpha1.WukongDisk{}); err != nil {
			return Found{}, err
		}
	}
	made := &v1alpha1.WukongDiskList{}
	byOwner := client.MatchingFields{index.DiskByOwner: vm.Name}
	if err := reader.List(ctx, made, client.InNamespace(vm.Namespace), byOwner); err != nil {
		return Found{}, fmt.Errorf("list the WukongDisks of WukongVM %s: %w", vm.Name, err)
	}
	for i := range made.Items {
		if model.Belongs(&made.Items[i], vm) {
			found.Made = append(found.Made, &made.Items[i])
		}
	}
	return found, nil
}

// ReadOwners finds the WukongDisks behind the claims that the WukongVM has, also when the spec does not list them.
func (f *Found) ReadOwners(
	ctx context.Context, reader client.Reader, vm *v1alpha1.WukongVM, presences []virt.Presence,
) error {
	f.Owners = map[string]string{}
	for _, disk := range f.ByName {
		if disk != nil && disk.Status.ClaimName != "" {
			for _, claim := range model.ClaimsOf(disk).Held() {
				f.Owners[claim] = disk.Name
			}
		}
	}
	for _, item := range presences {
		if f.Owners[item.Claim] != "" {
			continue
		}
		// A disk that moved to another class does not have the claim of its name, but names the WukongVM as its owner.
		// A shared disk names none.
		for _, fields := range []client.MatchingFields{{index.DiskByHolder: vm.Name}, {index.DiskByClaim: item.Claim}} {
			list := &v1alpha1.WukongDiskList{}
			if err := reader.List(ctx, list, client.InNamespace(vm.Namespace), fields); err != nil {
				return fmt.Errorf("list the WukongDisks of PersistentVolumeClaim %s: %w", item.Claim, err)
			}
			for i := range list.Items {
				if disk := &list.Items[i]; model.ClaimsOf(disk).Hold(item.Claim) {
					f.Owners[item.Claim], f.ByName[disk.Name] = disk.Name, disk
				}
			}
		}
	}
	return nil
}

// ReadGates reads which feature gates of KubeVirt are off.
func ReadGates(ctx context.Context, reader client.Reader) (GatesOff, error) {
	list := &kubevirtv1.KubeVirtList{}
	if err := reader.List(ctx, list); err != nil {
		return GatesOff{}, fmt.Errorf("list KubeVirt objects: %w", err)
	}
	var off GatesOff
	for i := range list.Items {
		off.Plugs = off.Plugs || !virt.PlugsDisks(&list.Items[i])
		off.Grows = off.Grows || !virt.GrowsDisks(&list.Items[i])
	}
	return off, nil
}
