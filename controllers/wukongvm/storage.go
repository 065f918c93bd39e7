package wukongvm

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
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
	keptBoot, kept := observed.keptBootDisk(vm), observed.keptDisks(vm)
	if keptBoot != nil {
		boot = -1
		result = append(result, *keptBoot)
	}
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		named := func(item drive) bool { return item.device.Name == entry.Name }
		if keptBoot != nil && named(*keptBoot) || slices.ContainsFunc(kept, named) {
			continue
		}
		item := drive{device: device(entry, observed.disks[index.DiskName(vm, entry)], observed.serial(entry))}
		item.device.BootOrder = bootOrder(vm, i, boot)
		item.volume = observed.volume(vm, i, boot)
		if observed.replaces(entry.Name, item.volume) {
			_, held := virt.TemplateDisk(observed.Machine, entry.Name)
			item.volume = held.DeepCopy()
		}
		if item.volume != nil || isDrive(entry) {
			result = append(result, item)
		}
	}
	return append(result, kept...)
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
	case o.foreignVolume(entry.Name, disk) != nil:
		return o.foreignVolume(entry.Name, disk).DeepCopy()
	case attachable(vm, disk):
		return &kubevirtv1.Volume{Name: entry.Name, VolumeSource: volumeSource(disk, o.claim(disk), hotpluggable(entry, i == boot) && !o.startsWith(entry, disk))}
	case disk != nil && disk.Status.AttachedTo != "" && disk.Status.AttachedTo != vm.Name:
		return nil
	default:
		_, volume := virt.TemplateDisk(o.Machine, entry.Name)
		return volume.DeepCopy()
	}
}

// restored are the names that KubeVirt's VirtualMachineRestore gives to claims (pkg/storage/snapshot/restore.go, restoreVolumeName).
var restored = regexp.MustCompile(`^restore-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-`)

// foreignVolume is what a VirtualMachineRestore put into the VirtualMachine in the place of a disk: a claim that no WukongDisk has. Who restored means it; it is nil
// where nobody did.
func (o *observation) foreignVolume(name string, disk *v1alpha1.WukongDisk) *kubevirtv1.Volume {
	_, volume := virt.TemplateDisk(o.Machine, name)
	if volume == nil || disk == nil || isClaimOf(disk, virt.ClaimOf(volume)) || o.owners[virt.ClaimOf(volume)] != "" || !restored.MatchString(virt.ClaimOf(volume)) {
		return nil
	}
	return volume
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
	if o.Machine == nil || o.Machine.Spec.Template == nil || o.Running() == nil {
		return nil
	}
	for _, booted := range o.Machine.Spec.Template.Spec.Domain.Devices.Disks {
		if booted.BootOrder == nil || *booted.BootOrder != 1 || booted.CDRom != nil {
			continue
		}
		disk, volume := virt.TemplateDisk(o.Machine, booted.Name)
		if volume == nil || o.listsBooted(vm, booted.Name, virt.ClaimOf(volume)) {
			return nil
		}
		return &drive{device: *disk.DeepCopy(), volume: volume.DeepCopy()}
	}
	return nil
}

// keptDisks are the other disks that the guest started with and spec lists no more, or another WukongDisk under the name. KubeVirt cannot unplug them: it
// would ask for a restart, and change no disk, CPU or memory of the machine until it had one. One that another machine has by now is not kept.
func (o *observation) keptDisks(vm *v1alpha1.WukongVM) []drive {
	if o.Machine == nil || o.Machine.Spec.Template == nil || o.Guest() == nil {
		return nil
	}
	var result []drive
	for _, device := range o.Machine.Spec.Template.Spec.Domain.Devices.Disks {
		_, volume := virt.TemplateDisk(o.Machine, device.Name)
		if device.BootOrder != nil && *device.BootOrder == 1 || volume == nil || isHotpluggable(volume) || o.listsBooted(vm, device.Name, virt.ClaimOf(volume)) {
			continue
		}
		if claim, _ := volumeOf(o.Guest(), device.Name); claim == "" || o.givenAway(vm, claim) {
			continue
		}
		result = append(result, drive{device: *device.DeepCopy(), volume: volume.DeepCopy()})
	}
	return result
}

// givenAway tells whether the disk behind a claim is another machine's.
func (o *observation) givenAway(vm *v1alpha1.WukongVM, claim string) bool {
	disk := o.disks[o.owners[claim]]
	return disk != nil && disk.Status.AttachedTo != "" && disk.Status.AttachedTo != vm.Name
}

// listsBooted tells whether spec still has the claim under the name, as far as that is known.
func (o *observation) listsBooted(vm *v1alpha1.WukongVM, name, claim string) bool {
	for i := range vm.Spec.Disks {
		if vm.Spec.Disks[i].Name != name {
			continue
		}
		disk := o.disks[index.DiskName(vm, &vm.Spec.Disks[i])]
		return disk == nil || isClaimOf(disk, claim) || o.foreignVolume(name, disk) != nil
	}
	return false
}

// isClaimOf tells whether a claim holds the disk, or will when its move is over.
func isClaimOf(disk *v1alpha1.WukongDisk, claim string) bool {
	return claim == disk.Status.ClaimName || disk.Status.ClaimName == "" || disk.Status.Move != nil && claim == disk.Status.Move.TargetClaimName
}

func device(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk, serial string) kubevirtv1.Disk {
	result := kubevirtv1.Disk{Name: entry.Name, Serial: serial}
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

// startsWith tells of a disk that the launcher pod of the machine has from its beginning, so that the scheduler sees where its claim is: one that is plugged
// in is plugged in wherever the guest happens to be (kubevirt/kubevirt#16945). Besides, KubeVirt makes the disk.img of an adopted claim that has none only at
// the start (pkg/host-disk), and waits for ever for that of a disk which is plugged in. What a machine has that may start any moment stays as it is, because
// KubeVirt asks for a restart to change it.
func (o *observation) startsWith(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk) bool {
	if isDrive(entry) {
		return false
	}
	if _, volume := virt.TemplateDisk(o.Machine, entry.Name); volume != nil && isClaimOf(disk, virt.ClaimOf(volume)) && !o.halted() {
		return !isHotpluggable(volume)
	}
	return o.Machine == nil || o.halted() || o.neverRan()
}

// disksLock is the version of the VirtualMachine that nothing had started when it was read, when it gets a disk that its launcher pod is to have from its
// beginning: written over a newer one, a guest that runs by then would not get the disk before it restarts.
func (o *observation) disksLock(volumes []kubevirtv1.Volume) string {
	if o.Machine == nil {
		return ""
	}
	for i := range volumes {
		if _, held := virt.TemplateDisk(o.Machine, volumes[i].Name); virt.ClaimOf(&volumes[i]) != "" && !isHotpluggable(&volumes[i]) && (held == nil || isHotpluggable(held)) {
			return o.Machine.ResourceVersion
		}
	}
	return ""
}

// neverRan tells whether KubeVirt has made no instance yet: its status has the run strategy from the first on (pkg/virt-controller/watch/vm/vm.go,
// updateStatus).
func (o *observation) neverRan() bool { return o.Instance == nil && o.Machine.Status.RunStrategy == "" }

// halted tells whether nothing starts the machine before its VirtualMachine is written again.
func (o *observation) halted() bool {
	return o.Instance == nil && o.Machine.Spec.RunStrategy != nil && *o.Machine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
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

// serial is the number by which the guest finds a disk again: its name, or, where that is too long, the begin of it and a digest, so that no two disks have the same. A
// machine of a version that cut long names keeps what its guest knows.
func (o *observation) serial(disk *v1alpha1.VMDisk) string {
	if disk.Serial != "" {
		return disk.Serial
	}
	if len(disk.Name) <= maxVirtioSerial {
		return disk.Name
	}
	cut := disk.Name[:maxVirtioSerial]
	if held, _ := virt.TemplateDisk(o.Machine, disk.Name); held != nil && held.Serial == cut {
		return cut
	}
	const digits = 8
	sum := sha256.Sum256([]byte(disk.Name))
	return disk.Name[:maxVirtioSerial-1-digits] + "-" + hex.EncodeToString(sum[:digits/2])
}
