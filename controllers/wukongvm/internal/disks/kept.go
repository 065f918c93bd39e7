package disks

import (
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Kept returns the names of the disks that the guest started with and spec no longer lists. The guest has them until
// it stops or restarts.
func (in Inputs) Kept() []string {
	var names []string
	for _, item := range in.keptDisks() {
		names = append(names, item.device.Name)
	}
	return names
}

// keptBootDisk returns the disk that the running guest booted from, if spec no longer lists it, or lists another
// WukongDisk under its name; otherwise nil.
func (in Inputs) keptBootDisk() *drive {
	if in.Machine == nil || in.Machine.Spec.Template == nil || in.Running() == nil {
		return nil
	}
	for _, booted := range in.Machine.Spec.Template.Spec.Domain.Devices.Disks {
		if booted.BootOrder == nil || *booted.BootOrder != 1 || booted.CDRom != nil {
			continue
		}
		disk, volume := virt.TemplateDisk(in.Machine, booted.Name)
		if volume == nil || in.lists(booted.Name, virt.ClaimOf(volume)) {
			return nil
		}
		return &drive{device: *disk.DeepCopy(), volume: volume.DeepCopy()}
	}
	return nil
}

// keptDisks returns the other disks that the guest started with, if spec no longer lists them or lists another
// WukongDisk under the name. KubeVirt cannot unplug them: it would require a restart, and apply no change of disks,
// CPU or memory before it. A disk that another WukongVM has by now is not kept.
func (in Inputs) keptDisks() []drive {
	if in.Machine == nil || in.Machine.Spec.Template == nil || in.Guest() == nil {
		return nil
	}
	var result []drive
	for _, device := range in.Machine.Spec.Template.Spec.Domain.Devices.Disks {
		_, volume := virt.TemplateDisk(in.Machine, device.Name)
		boots := device.BootOrder != nil && *device.BootOrder == 1
		if boots || volume == nil || virt.IsHotpluggable(volume) || in.lists(device.Name, virt.ClaimOf(volume)) {
			continue
		}
		claim, _ := virt.VolumeOf(in.Guest(), device.Name)
		if claim == "" || in.belongsToAnother(in.Disks[in.Owners[claim]]) {
			continue
		}
		result = append(result, drive{device: *device.DeepCopy(), volume: volume.DeepCopy()})
	}
	return result
}

// lists reports whether spec still has the claim under the name, as far as that is known.
func (in Inputs) lists(name, claim string) bool {
	for i := range in.VM.Spec.Disks {
		if in.VM.Spec.Disks[i].Name != name {
			continue
		}
		disk := in.of(&in.VM.Spec.Disks[i])
		return disk == nil || mayHold(disk, claim) || in.foreignVolume(name, disk) != nil
	}
	return false
}

// OwnsTemplate reports whether the WukongVM may have all claims in its VirtualMachine, which was written for an
// earlier spec: a disk that was removed since may belong to another WukongVM by now.
func (in Inputs) OwnsTemplate() bool {
	if in.Machine.Spec.Template == nil {
		return true
	}
	mine := map[string]bool{}
	for i := range in.VM.Spec.Disks {
		if disk := in.of(&in.VM.Spec.Disks[i]); in.attachable(disk) {
			mine[in.claim(disk)] = true
		}
	}
	volumes := in.Machine.Spec.Template.Spec.Volumes
	for i := range volumes {
		if claim := virt.ClaimOf(&volumes[i]); claim != "" && !mine[claim] {
			return false
		}
	}
	return true
}

// PlugPods returns the pods by which KubeVirt brings disks to a node that the guest does not have yet.
func (in Inputs) PlugPods() []string {
	guest := in.Guest()
	if guest == nil {
		return nil
	}
	var pods []string
	for i := range guest.Status.VolumeStatus {
		status := &guest.Status.VolumeStatus[i]
		if status.HotplugVolume != nil && status.Phase != kubevirtv1.VolumeReady && status.HotplugVolume.AttachPodName != "" {
			pods = append(pods, status.HotplugVolume.AttachPodName)
		}
	}
	return pods
}
