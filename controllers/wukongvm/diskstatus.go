package wukongvm

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// diskStatus is the disks of spec, and after them what the machine still has beyond. The disk's controller keeps a disk for this machine
// as long as it stands here.
func diskStatus(vm *v1alpha1.WukongVM, observed *observation) []v1alpha1.VMDiskStatus {
	var result []v1alpha1.VMDiskStatus
	present := observed.Presences()
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		name := index.DiskName(vm, entry)
		at := slices.IndexFunc(present, func(item virt.Presence) bool {
			return item.Name == entry.Name && (item.InInstance || observed.Running() == nil)
		})
		if foreign := observed.foreignVolume(entry.Name, observed.disks[name]); foreign != nil {
			result = append(result, v1alpha1.VMDiskStatus{Name: entry.Name, DiskName: name, ClaimName: virt.ClaimOf(foreign), Message: "see the condition DisksReady"})
			continue
		}
		if at >= 0 && !observed.belongs(name, present[at].Claim) {
			result = append(result, observed.leaving(vm, present[at], name))
			continue
		}
		result = append(result, observed.listed(vm, entry, name, present, at))
	}
	for _, item := range present {
		if !slices.ContainsFunc(result, func(entry v1alpha1.VMDiskStatus) bool { return entry.Name == item.Name }) {
			result = append(result, observed.leaving(vm, item, ""))
		}
	}
	return result
}

// outgrown is what a template asks for and the larger size that the disk has by now; nil when it has no more.
func (o *observation) outgrown(entry *v1alpha1.VMDisk, name string) (asked, has *resource.Quantity) {
	disk := o.disks[name]
	if entry.Template == nil || entry.Template.Spec.Size == nil || disk == nil || disk.Spec.Size == nil || disk.Spec.Size.Cmp(*entry.Template.Spec.Size) <= 0 {
		return nil, nil
	}
	return entry.Template.Spec.Size, disk.Spec.Size
}

// belongs tells whether a claim of the machine is that of the disk that spec lists.
func (o *observation) belongs(name, claim string) bool {
	disk := o.disks[name]
	return name != "" && (disk == nil || isClaimOf(disk, claim))
}

// listed is a disk of spec. The place in present is where the machine has it, or -1.
func (o *observation) listed(vm *v1alpha1.WukongVM, entry *v1alpha1.VMDisk, name string, present []virt.Presence, at int) v1alpha1.VMDiskStatus {
	status := v1alpha1.VMDiskStatus{Name: entry.Name, DiskName: name}
	fromDisk(&status, o.disks[name])
	if asked, has := o.outgrown(entry, name); has != nil {
		status.Message = fmt.Sprintf("the template says size %s, and the disk was grown to %s: a disk never shrinks", asked, has)
	}
	status.Move = o.moveStatus(vm, name)
	instance := o.Running()
	switch {
	case instance == nil || name == "":
	case at >= 0:
		status.ClaimName = present[at].Claim
		o.fromInstance(vm, &status, present[at])
	case virt.Has(present, entry.Name, status.ClaimName) && instance.IsRunning():
		status.Attachment = v1alpha1.DiskAttaching
		if _, volume := virt.TemplateDisk(o.Machine, entry.Name); volume != nil && !isHotpluggable(volume) {
			status.Attachment, status.Message = v1alpha1.DiskWaiting, "the machine takes this disk when it starts the next time"
			if !hotpluggable(entry, false) {
				status.Message += "; while it runs, disks come on virtio and scsi only"
			}
		} else if o.gatesOff.plugs {
			status.Message = plugsOffMessage
		}
	case instance.IsRunning():
		status.Attachment = v1alpha1.DiskWaiting
	}
	return status
}

// leaving is a claim that the machine has and spec does not want under its name, or wants another disk instead of.
func (o *observation) leaving(vm *v1alpha1.WukongVM, item virt.Presence, successor string) v1alpha1.VMDiskStatus {
	status := v1alpha1.VMDiskStatus{Name: item.Name, DiskName: o.owners[item.Claim], ClaimName: item.Claim}
	fromDisk(&status, o.disks[status.DiskName])
	status.ClaimName = item.Claim
	status.Move = o.moveStatus(vm, status.DiskName)
	if !item.InInstance {
		return status
	}
	o.fromInstance(vm, &status, item)
	status.Attachment = v1alpha1.DiskDetaching
	switch {
	case item.Status != nil && item.Status.HotplugVolume == nil:
		status.Message = "the machine started with this disk, and has it until it stops or restarts"
	case o.gatesOff.plugs:
		status.Message = plugsOffMessage
	case successor != "":
		status.Message = fmt.Sprintf("is replaced by WukongDisk %s as soon as the guest releases this disk", successor)
	case o.Instance.IsRunning() && item.Status != nil && item.Status.Phase == kubevirtv1.VolumeReady:
		status.Message = "the guest has not released the disk yet; if it never does, the disk stays attached until the machine restarts"
	}
	return status
}

// moveStatus is the answer to a disk that asks to move. What is not so before the VirtualMachine is written is not said before, and what was said stays: a
// fault of something else must not end a move.
func (o *observation) moveStatus(vm *v1alpha1.WukongVM, name string) *v1alpha1.VMDiskMove {
	decided, disk := o.moves[name], o.disks[name]
	if decided.state == "" || disk == nil || disk.Status.Move == nil {
		return nil
	}
	target := disk.Status.Move.TargetClaimName
	written := o.outcome.Of(stepMachine) == nil && o.complete()
	if !written && (decided.state == v1alpha1.VMDiskMoveMigrating || decided.state == v1alpha1.VMDiskMoveWithdrawn) {
		return said(vm, name, target)
	}
	return &v1alpha1.VMDiskMove{TargetClaimName: target, State: decided.state, Message: decided.message}
}

// said is the answer that a disk had before, nil without one.
func said(vm *v1alpha1.WukongVM, disk, target string) *v1alpha1.VMDiskMove {
	for i := range vm.Status.Disks {
		if move := vm.Status.Disks[i].Move; vm.Status.Disks[i].DiskName == disk && move != nil && move.TargetClaimName == target {
			return move.DeepCopy()
		}
	}
	return nil
}

func fromDisk(status *v1alpha1.VMDiskStatus, disk *v1alpha1.WukongDisk) {
	if disk != nil {
		status.ClaimName, status.Phase, status.Capacity = disk.Status.ClaimName, disk.Status.Phase, disk.Status.Capacity
	}
}

// fromInstance adds what KubeVirt says of a volume of a running instance.
func (o *observation) fromInstance(vm *v1alpha1.WukongVM, status *v1alpha1.VMDiskStatus, item virt.Presence) {
	if item.Status != nil {
		status.Target = item.Status.Target
	}
	if !o.Instance.IsRunning() {
		return
	}
	switch {
	case item.Status == nil:
		status.Attachment = v1alpha1.DiskAttaching
	case item.Status.HotplugVolume == nil || item.Status.Phase == kubevirtv1.VolumeReady:
		status.Attachment = v1alpha1.DiskAttached
		claim := item.Status.PersistentVolumeClaimInfo
		status.GuestSize = guestSize(claim)
		if o.gatesOff.grows && claim != nil && o.hasGrown(vm, status.DiskName, claim) {
			status.GuestSize, status.Message = o.sawLast(vm, status.DiskName, claim), growsOffMessage
		}
	default:
		status.Attachment, status.Message = v1alpha1.DiskAttaching, item.Status.Message
		if says := o.told.plugs[item.Status.HotplugVolume.AttachPodName]; says != "" {
			status.Message = says
		}
		if disk := o.disks[status.DiskName]; disk != nil && disk.AdoptsClaim() && item.Status.Phase == kubevirtv1.HotplugVolumeAttachedToNode {
			status.Message = fmt.Sprintf("%s; if it goes no further, PersistentVolumeClaim %s holds no disk.img: put the disk into spec.disks while "+
				"the machine is stopped, and KubeVirt makes one when it starts", item.Status.Message, item.Claim)
		}
	}
}

const mebibyte = 1 << 20

// guestSize is how large KubeVirt makes a disk on a claim, also while it grows (pkg/virt-launcher/virtwrap, possibleGuestSize): what was asked
// for and is there, less the overhead of a file system, in whole MiB. It tells no size of a claim's volume itself.
func guestSize(claim *kubevirtv1.PersistentVolumeClaimInfo) *resource.Quantity {
	if claim == nil {
		return nil
	}
	request, asked := claim.Requests[corev1.ResourceStorage]
	capacity, there := claim.Capacity[corev1.ResourceStorage]
	if !asked || !there {
		return nil
	}
	size := min(request.Value(), capacity.Value())
	if claim.VolumeMode == nil || *claim.VolumeMode == corev1.PersistentVolumeFilesystem {
		if claim.FilesystemOverhead == nil {
			return nil
		}
		overhead, err := strconv.ParseFloat(string(*claim.FilesystemOverhead), 64)
		if err != nil || overhead < 0 || overhead > 1 {
			return nil
		}
		size = int64(math.Floor((1 - overhead) * float64(size)))
		size -= size % mebibyte
	}
	return resource.NewQuantity(size, resource.BinarySI)
}

func isHotpluggable(volume *kubevirtv1.Volume) bool {
	return volume.DataVolume != nil && volume.DataVolume.Hotpluggable || volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.Hotpluggable
}
