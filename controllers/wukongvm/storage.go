package wukongvm

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
)

const (
	// cloudInitDisk is the volume with cloud-init data; VMDisk refuses the name for others.
	cloudInitDisk = "cloudinit"
	// maxVirtioSerial is how much of a serial number virtio-blk tells the guest (VIRTIO_BLK_ID_BYTES).
	maxVirtioSerial = 20
)

// drive is a disk of the VirtualMachine; without a volume it is an empty CD-ROM drive.
type drive struct {
	device kubevirtv1.Disk
	volume *kubevirtv1.Volume
}

// storage is the disks of the machine with their volumes, and last the cloud-init disk.
func storage(vm *v1alpha1.WukongVM, observed *observation) ([]kubevirtv1.Disk, []kubevirtv1.Volume) {
	var disks []kubevirtv1.Disk
	var volumes []kubevirtv1.Volume
	for _, item := range drives(vm, observed) {
		disks = append(disks, item.device)
		if item.volume != nil {
			volumes = append(volumes, *item.volume)
		}
	}
	observed.mislead(volumes)
	secret := &corev1.LocalObjectReference{Name: secretName(vm)}
	disks = append(disks, kubevirtv1.Disk{
		Name:       cloudInitDisk,
		DiskDevice: kubevirtv1.DiskDevice{Disk: &kubevirtv1.DiskTarget{Bus: kubevirtv1.DiskBusVirtio}},
	})
	volumes = append(volumes, kubevirtv1.Volume{Name: cloudInitDisk, VolumeSource: kubevirtv1.VolumeSource{
		CloudInitNoCloud: &kubevirtv1.CloudInitNoCloudSource{UserDataSecretRef: secret, NetworkDataSecretRef: secret},
	}})
	return disks, volumes
}

// drives are the disks that the machine is to have now: what spec lists and the machine may have, and what it must not lose yet.
func drives(vm *v1alpha1.WukongVM, observed *observation) []drive {
	var result []drive
	boot := bootDisk(vm)
	kept := observed.keptBootDisk(vm)
	if kept != nil {
		boot = -1
	}
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		if kept != nil && kept.device.Name == entry.Name {
			continue
		}
		item := drive{device: device(entry, observed.disks[index.DiskName(vm, entry)])}
		item.device.BootOrder = bootOrder(vm, i, boot)
		item.volume = observed.volume(vm, i, boot)
		if observed.replaces(entry.Name, item.volume) {
			_, held := templateDisk(observed.machine, entry.Name)
			item.volume = held.DeepCopy()
		}
		if item.volume != nil || isDrive(entry) {
			result = append(result, item)
		}
	}
	if kept != nil {
		result = append([]drive{*kept}, result...)
	}
	return result
}

// bootOrder puts the first disk behind a CD-ROM drive that boots: so the machine boots from what was installed when the medium is out.
func bootOrder(vm *v1alpha1.WukongVM, i, boot int) *uint {
	switch {
	case i == boot:
		return ptr.To(uint(1))
	case boot >= 0 && isDrive(&vm.Spec.Disks[boot]) && i == slices.IndexFunc(vm.Spec.Disks, func(entry v1alpha1.VMDisk) bool { return !isDrive(&entry) }):
		return ptr.To(uint(2))
	default:
		return nil
	}
}

// volume is what is behind a disk: the claim of its WukongDisk when the machine may have it. A disk that the machine has, and of which
// nothing is known for the moment, is left as it is; one that belongs to another machine is not.
func (o *observation) volume(vm *v1alpha1.WukongVM, i, boot int) *kubevirtv1.Volume {
	entry := &vm.Spec.Disks[i]
	name := index.DiskName(vm, entry)
	disk := o.disks[name]
	switch {
	case name == "":
		return nil
	case attachable(vm, disk):
		return &kubevirtv1.Volume{Name: entry.Name, VolumeSource: volumeSource(disk, o.claim(disk), hotpluggable(entry, i == boot) && !o.startsWith(entry, disk))}
	case disk != nil && disk.Status.AttachedTo != "" && disk.Status.AttachedTo != vm.Name:
		return nil
	default:
		_, volume := templateDisk(o.machine, entry.Name)
		return volume.DeepCopy()
	}
}

// claim is the claim that the machine is to have of a disk that it may have.
func (o *observation) claim(disk *v1alpha1.WukongDisk) string {
	if move := o.moves[disk.Name]; move.claim != "" {
		return move.claim
	}
	return disk.Status.ClaimName
}

// keptBootDisk is the disk that the running guest booted from, when spec lists it no more, or another WukongDisk under its name.
func (o *observation) keptBootDisk(vm *v1alpha1.WukongVM) *drive {
	if o.machine == nil || o.machine.Spec.Template == nil || o.running() == nil {
		return nil
	}
	for _, booted := range o.machine.Spec.Template.Spec.Domain.Devices.Disks {
		if booted.BootOrder == nil || *booted.BootOrder != 1 || booted.CDRom != nil {
			continue
		}
		disk, volume := templateDisk(o.machine, booted.Name)
		if volume == nil || o.listsBooted(vm, booted.Name, claimOf(volume)) {
			return nil
		}
		return &drive{device: *disk.DeepCopy(), volume: volume.DeepCopy()}
	}
	return nil
}

// listsBooted tells whether spec still has the claim under the name, as far as that is known.
func (o *observation) listsBooted(vm *v1alpha1.WukongVM, name, claim string) bool {
	for i := range vm.Spec.Disks {
		if vm.Spec.Disks[i].Name != name {
			continue
		}
		disk := o.disks[index.DiskName(vm, &vm.Spec.Disks[i])]
		return disk == nil || isClaimOf(disk, claim)
	}
	return false
}

// isClaimOf tells whether a claim holds the disk, or will when its move is over.
func isClaimOf(disk *v1alpha1.WukongDisk, claim string) bool {
	return claim == disk.Status.ClaimName || disk.Status.ClaimName == "" || disk.Status.Move != nil && claim == disk.Status.Move.TargetClaimName
}

func device(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk) kubevirtv1.Disk {
	result := kubevirtv1.Disk{Name: entry.Name, Serial: serial(entry)}
	if isDrive(entry) {
		bus := kubevirtv1.DiskBusSATA
		if entry.Bus == v1alpha1.DiskBus(kubevirtv1.DiskBusSCSI) {
			bus = kubevirtv1.DiskBusSCSI
		}
		result.CDRom = &kubevirtv1.CDRomTarget{Bus: bus}
		return result
	}
	result.Disk = &kubevirtv1.DiskTarget{Bus: kubevirtv1.DiskBus(entry.Bus), ReadOnly: ptr.Deref(entry.ReadOnly, false) || readOnlyClaim(disk)}
	if disk != nil && shared(disk) {
		result.Shareable = ptr.To(true)
	}
	return result
}

func readOnlyClaim(disk *v1alpha1.WukongDisk) bool {
	return disk != nil && disk.AdoptsClaim() && ptr.Deref(disk.Spec.Source.PersistentVolumeClaim.ReadOnly, false)
}

func isDrive(entry *v1alpha1.VMDisk) bool { return entry.Type == v1alpha1.DiskTypeCDROM }

// hotpluggable tells whether a disk may come and go while the machine runs. KubeVirt plugs disks on virtio and scsi only
// (pkg/storage/admitters/storagehotplug.go), and changes the medium of a CD-ROM drive on any bus. A guest that loses the disk that it booted
// from is lost, so that one is not.
func hotpluggable(entry *v1alpha1.VMDisk, boots bool) bool {
	if isDrive(entry) {
		return true
	}
	return !boots && entry.Bus != v1alpha1.DiskBus(kubevirtv1.DiskBusSATA)
}

// startsWith tells of an adopted claim with a file system that the machine starts with it. Nothing says whether such a claim holds a
// disk.img: KubeVirt makes one for a disk that is there at the start (pkg/host-disk), and waits for ever for that of a disk which is plugged in.
// What the machine has stays as it is, because KubeVirt asks for a restart to change it.
func (o *observation) startsWith(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk) bool {
	if isDrive(entry) || !disk.AdoptsClaim() || disk.Status.VolumeMode == corev1.PersistentVolumeBlock {
		return false
	}
	if _, volume := templateDisk(o.machine, entry.Name); volume != nil && claimOf(volume) == disk.Status.ClaimName {
		return !isHotpluggable(volume)
	}
	return o.running() == nil
}

// volumeSource names a DataVolume where there is one, so that KubeVirt waits for its content.
func volumeSource(disk *v1alpha1.WukongDisk, claim string, hotpluggable bool) kubevirtv1.VolumeSource {
	if disk.AdoptsClaim() {
		return kubevirtv1.VolumeSource{PersistentVolumeClaim: &kubevirtv1.PersistentVolumeClaimVolumeSource{
			PersistentVolumeClaimVolumeSource: corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			Hotpluggable:                      hotpluggable,
		}}
	}
	return kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: claim, Hotpluggable: hotpluggable}}
}

// bootDisk is the index of the disk that boots: the one that says so, else the first that is no CD-ROM drive; -1 without any.
func bootDisk(vm *v1alpha1.WukongVM) int {
	first := -1
	for i := range vm.Spec.Disks {
		if ptr.Deref(vm.Spec.Disks[i].Boot, false) {
			return i
		}
		if first < 0 && !isDrive(&vm.Spec.Disks[i]) {
			first = i
		}
	}
	return first
}

func serial(disk *v1alpha1.VMDisk) string {
	if disk.Serial != "" {
		return disk.Serial
	}
	return disk.Name[:min(len(disk.Name), maxVirtioSerial)]
}
