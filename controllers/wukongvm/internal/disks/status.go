package disks

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Report is what status.disks needs beyond the inputs.
type Report struct {
	Inputs
	// Written: the VirtualMachine is in the desired state of this pass.
	Written bool
	Off     GatesOff
	// PlugFailures are why the pods that plug in disks do not start, by the name of the pod.
	PlugFailures map[string]string
}

// Status returns the disks of spec, and after them those that the WukongVM still has. The disk's controller keeps a
// disk for this WukongVM as long as it is listed here.
func (r Report) Status() []v1alpha1.VMDiskStatus {
	var result []v1alpha1.VMDiskStatus
	present := r.Presences()
	for i := range r.VM.Spec.Disks {
		entry := &r.VM.Spec.Disks[i]
		name := model.DiskName(r.VM, entry)
		at := slices.IndexFunc(present, func(item virt.Presence) bool {
			return item.Name == entry.Name && (item.InInstance || r.Running() == nil)
		})
		if foreign := r.foreignVolume(entry.Name, r.Disks[name]); foreign != nil {
			result = append(result, v1alpha1.VMDiskStatus{
				Name: entry.Name, DiskName: name, ClaimName: virt.ClaimOf(foreign), Message: "see the condition DisksReady",
			})
			continue
		}
		if at >= 0 && !r.belongs(name, present[at].Claim) {
			result = append(result, r.leaving(present[at], name))
			continue
		}
		result = append(result, r.listed(entry, name, present, at))
	}
	for _, item := range present {
		if !slices.ContainsFunc(result, func(entry v1alpha1.VMDiskStatus) bool { return entry.Name == item.Name }) {
			result = append(result, r.leaving(item, ""))
		}
	}
	return result
}

// Outgrown returns the size in a template and the larger size that the disk has by now; nil when it is not larger.
func (in Inputs) Outgrown(entry *v1alpha1.VMDisk) (asked, has *resource.Quantity) {
	disk := in.of(entry)
	if entry.Template == nil || entry.Template.Spec.Size == nil || disk == nil || disk.Spec.Size == nil ||
		disk.Spec.Size.Cmp(*entry.Template.Spec.Size) <= 0 {
		return nil, nil
	}
	return entry.Template.Spec.Size, disk.Spec.Size
}

// belongs reports whether a claim of the WukongVM is that of the disk that spec lists.
func (in Inputs) belongs(name, claim string) bool {
	disk := in.Disks[name]
	return name != "" && (disk == nil || mayHold(disk, claim))
}

// listed returns the entry of a disk of spec. at is its index in present, or -1.
func (r Report) listed(entry *v1alpha1.VMDisk, name string, present []virt.Presence, at int) v1alpha1.VMDiskStatus {
	status := v1alpha1.VMDiskStatus{Name: entry.Name, DiskName: name}
	fromDisk(&status, r.Disks[name])
	if asked, has := r.Outgrown(entry); has != nil {
		status.Message = fmt.Sprintf("the template asks for size %s, but the disk has grown to %s; disks "+
			"never shrink", asked, has)
	}
	status.Move = r.move(name)
	instance := r.Running()
	switch {
	case instance == nil || name == "":
	case at >= 0:
		status.ClaimName = present[at].Claim
		r.fromInstance(&status, present[at])
	case virt.Has(present, entry.Name, status.ClaimName) && instance.IsRunning():
		r.onItsWay(&status, entry)
	case instance.IsRunning():
		status.Attachment = v1alpha1.DiskWaiting
	}
	return status
}

// onItsWay sets the state of a disk that the VirtualMachine has and its instance does not.
func (r Report) onItsWay(status *v1alpha1.VMDiskStatus, entry *v1alpha1.VMDisk) {
	_, volume := virt.TemplateDisk(r.Machine, entry.Name)
	switch {
	case volume != nil && !virt.IsHotpluggable(volume):
		status.Attachment, status.Message = v1alpha1.DiskWaiting, "the disk is attached at the next start"
		if !hotpluggable(entry, false) {
			status.Message += "; only virtio and scsi disks can be plugged in while the guest runs"
		}
	case r.Off.Plugs:
		status.Attachment, status.Message = v1alpha1.DiskAttaching, plugsOffMessage
	default:
		status.Attachment = v1alpha1.DiskAttaching
	}
}

// leaving returns the entry of a claim that the WukongVM has and spec does not list under its name, or for which it
// lists another disk.
func (r Report) leaving(item virt.Presence, successor string) v1alpha1.VMDiskStatus {
	status := v1alpha1.VMDiskStatus{Name: item.Name, DiskName: r.Owners[item.Claim]}
	fromDisk(&status, r.Disks[status.DiskName])
	status.ClaimName, status.Move = item.Claim, r.move(status.DiskName)
	if !item.InInstance {
		return status
	}
	r.fromInstance(&status, item)
	status.Attachment = v1alpha1.DiskDetaching
	switch {
	case item.Status != nil && item.Status.HotplugVolume == nil:
		status.Message = "the guest started with this disk, and keeps it until it stops or restarts"
	case r.Off.Plugs:
		status.Message = plugsOffMessage
	case successor != "":
		status.Message = fmt.Sprintf("is replaced by WukongDisk %s as soon as the guest releases this disk", successor)
	case r.Instance.IsRunning() && item.Status != nil && item.Status.Phase == kubevirtv1.VolumeReady:
		status.Message = "the guest has not released the disk yet; if it never does, the disk stays attached until the " +
			"WukongVM restarts"
	}
	return status
}

// move returns the answer to a disk that asks to move. An answer that depends on the VirtualMachine is not reported
// before it is written; until then the previous answer remains: an unrelated error must not end a move.
func (r Report) move(name string) *v1alpha1.VMDiskMove {
	decided, disk := r.Moves.Of(name), r.Disks[name]
	if decided.State == "" || disk == nil || disk.Status.Move == nil {
		return nil
	}
	target := disk.Status.Move.TargetClaimName
	if !r.Written && (decided.State == v1alpha1.VMDiskMoveMigrating || decided.State == v1alpha1.VMDiskMoveWithdrawn) {
		return previousAnswer(r.VM, name, target)
	}
	return &v1alpha1.VMDiskMove{TargetClaimName: target, State: decided.State, Message: decided.Message}
}

// previousAnswer returns the previous answer to a disk, or nil.
func previousAnswer(vm *v1alpha1.WukongVM, disk, target string) *v1alpha1.VMDiskMove {
	for i := range vm.Status.Disks {
		move := vm.Status.Disks[i].Move
		if vm.Status.Disks[i].DiskName == disk && move != nil && move.TargetClaimName == target {
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

// fromInstance adds what KubeVirt reports about a volume of a running instance.
func (r Report) fromInstance(status *v1alpha1.VMDiskStatus, item virt.Presence) {
	if item.Status != nil {
		status.Target = item.Status.Target
	}
	if !r.Instance.IsRunning() {
		return
	}
	switch {
	case item.Status == nil:
		status.Attachment = v1alpha1.DiskAttaching
	case item.Status.HotplugVolume == nil || item.Status.Phase == kubevirtv1.VolumeReady:
		status.Attachment = v1alpha1.DiskAttached
		claim := item.Status.PersistentVolumeClaimInfo
		status.GuestSize = guestSize(claim)
		if r.Off.Grows && claim != nil && r.hasGrown(status.DiskName, claim) {
			status.GuestSize, status.Message = r.sawLast(status.DiskName, claim), growsOffMessage
		}
	default:
		status.Attachment, status.Message = v1alpha1.DiskAttaching, item.Status.Message
		if says := r.PlugFailures[item.Status.HotplugVolume.AttachPodName]; says != "" {
			status.Message = says
		}
		disk := r.Disks[status.DiskName]
		if disk != nil && disk.AdoptsClaim() && item.Status.Phase == kubevirtv1.HotplugVolumeAttachedToNode {
			status.Message = fmt.Sprintf("%s; if this lasts, PersistentVolumeClaim %s has no disk.img: add the "+
				"disk while the WukongVM is stopped, and KubeVirt creates one at the start", item.Status.Message, item.Claim)
		}
	}
}
