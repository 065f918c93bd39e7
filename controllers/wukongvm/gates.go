package wukongvm

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// gatesOff is what KubeVirt does not do to the disks of running machines; known only while a disk waits for it.
type gatesOff struct {
	// plugs: KubeVirt plugs no disks in and out.
	plugs bool
	// grows: KubeVirt lets no guest see that its disk grew.
	grows bool
}

// observeGates finds out what KubeVirt does to the disks of running machines, when a disk waits for it.
func (r *Reconciler) observeGates(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.awaitsPlug() && !observed.awaitsGrowth(vm) {
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
		off.plugs, off.grows = off.plugs || !virt.PlugsDisks(&list.Items[i]), off.grows || !virt.GrowsDisks(&list.Items[i])
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

// awaitsPlug tells whether the running guest lacks a volume of the template that can be plugged in, or has one that the template has no more.
func (o *observation) awaitsPlug() bool {
	guest := o.Guest()
	if guest == nil || !guest.IsRunning() || o.Machine == nil || o.Machine.Spec.Template == nil {
		return false
	}
	lacks := func(volumes, others []kubevirtv1.Volume) bool {
		return slices.ContainsFunc(volumes, func(volume kubevirtv1.Volume) bool {
			return isHotpluggable(&volume) && !slices.ContainsFunc(others, func(other kubevirtv1.Volume) bool { return other.Name == volume.Name })
		})
	}
	return lacks(o.Machine.Spec.Template.Spec.Volumes, guest.Spec.Volumes) || lacks(guest.Spec.Volumes, o.Machine.Spec.Template.Spec.Volumes)
}

// awaitsGrowth tells whether the claim of a disk of the running guest is larger than what the guest saw of it last.
func (o *observation) awaitsGrowth(vm *v1alpha1.WukongVM) bool {
	guest := o.Guest()
	return guest != nil && guest.IsRunning() && slices.ContainsFunc(guest.Status.VolumeStatus, func(volume kubevirtv1.VolumeStatus) bool {
		claim := volume.PersistentVolumeClaimInfo
		return claim != nil && o.hasGrown(vm, o.owners[claim.ClaimName], claim)
	})
}

func (o *observation) hasGrown(vm *v1alpha1.WukongVM, disk string, claim *kubevirtv1.PersistentVolumeClaimInfo) bool {
	before, now := o.sawLast(vm, disk, claim), guestSize(claim)
	return before != nil && now != nil && before.Cmp(*now) < 0
}

// sawLast is the size that the guest saw of a disk before; nil when nobody wrote it down. A block device that grew is seen as it is after the next start
// of the machine, whose status does not outlast its instance. The image of a file system volume stays as it was made.
func (o *observation) sawLast(vm *v1alpha1.WukongVM, name string, claim *kubevirtv1.PersistentVolumeClaimInfo) *resource.Quantity {
	if claim.VolumeMode != nil && *claim.VolumeMode == corev1.PersistentVolumeBlock {
		for i := range vm.Status.Disks {
			if vm.Status.Disks[i].DiskName == name {
				return vm.Status.Disks[i].GuestSize
			}
		}
		return nil
	}
	if disk := o.disks[name]; disk != nil {
		return disk.Status.GuestSize
	}
	return nil
}

const (
	plugsOffMessage = "KubeVirt's feature gate " + virt.GateDeclarative + " is off, or " + virt.GateImperative + " is on, which turns it off: a running machine gets and gives no disks; " +
		"correct spec.configuration.developerConfiguration.featureGates of the KubeVirt object, or restart the machine"
	growsOffMessage = "the claim has grown, and the guest does not see it, because KubeVirt's feature gate " + virt.GateExpand + " is off: " +
		"add it to spec.configuration.developerConfiguration.featureGates of the KubeVirt object, and restart the machine"
)
