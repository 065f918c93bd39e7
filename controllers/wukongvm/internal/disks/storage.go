package disks

import (
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// CloudInit is the volume with cloud-init data; the API refuses the name for others.
const CloudInit = "cloudinit"

// drive is a disk of the VirtualMachine; without a volume it is an empty CD-ROM drive.
type drive struct {
	device kubevirtv1.Disk
	volume *kubevirtv1.Volume
}

// Storage returns the disks of the VirtualMachine with their volumes, and last the disk with the cloud-init data of a
// Secret.
func (in Inputs) Storage(secret string) ([]kubevirtv1.Disk, []kubevirtv1.Volume) {
	var devices []kubevirtv1.Disk
	var volumes []kubevirtv1.Volume
	for _, item := range in.drives() {
		devices = append(devices, item.device)
		if item.volume != nil {
			volumes = append(volumes, *item.volume)
		}
	}
	in.Moves.Mislead(volumes)
	data := &corev1.LocalObjectReference{Name: secret}
	devices = append(devices, kubevirtv1.Disk{
		Name:       CloudInit,
		DiskDevice: kubevirtv1.DiskDevice{Disk: &kubevirtv1.DiskTarget{Bus: kubevirtv1.DiskBusVirtio}},
	})
	volumes = append(volumes, kubevirtv1.Volume{Name: CloudInit, VolumeSource: kubevirtv1.VolumeSource{
		CloudInitNoCloud: &kubevirtv1.CloudInitNoCloudSource{UserDataSecretRef: data, NetworkDataSecretRef: data},
	}})
	return devices, volumes
}

// Lock returns the version of the VirtualMachine that was read, if it gets a disk that its launcher pod must have from
// the start. If a newer version were overwritten, which may have been started, the guest would not get the disk before
// it restarts.
func (in Inputs) Lock(volumes []kubevirtv1.Volume) string {
	if in.Machine == nil {
		return ""
	}
	for i := range volumes {
		if virt.ClaimOf(&volumes[i]) == "" || virt.IsHotpluggable(&volumes[i]) {
			continue
		}
		if _, held := virt.TemplateDisk(in.Machine, volumes[i].Name); held == nil || virt.IsHotpluggable(held) {
			return in.Machine.ResourceVersion
		}
	}
	return ""
}

// drives returns the desired disks of the VirtualMachine: those of spec that the WukongVM may have, and those that it
// must not lose yet.
func (in Inputs) drives() []drive {
	var result []drive
	boot := bootDisk(in.VM)
	keptBoot, kept := in.keptBootDisk(), in.keptDisks()
	if keptBoot != nil {
		boot = -1
		result = append(result, *keptBoot)
	}
	for i := range in.VM.Spec.Disks {
		entry := &in.VM.Spec.Disks[i]
		named := func(item drive) bool { return item.device.Name == entry.Name }
		if keptBoot != nil && named(*keptBoot) || slices.ContainsFunc(kept, named) {
			continue
		}
		item := drive{device: device(entry, in.of(entry), in.Serial(entry)), volume: in.volume(i, boot)}
		item.device.BootOrder = bootOrder(in.VM, i, boot)
		if in.Moves.Replaces(entry.Name, item.volume) {
			_, held := virt.TemplateDisk(in.Machine, entry.Name)
			item.volume = held.DeepCopy()
		}
		if item.volume != nil || isDrive(entry) {
			result = append(result, item)
		}
	}
	return append(result, kept...)
}

// bootOrder puts the first disk behind a CD-ROM drive that boots, so that the guest boots what was installed when the
// medium is removed.
func bootOrder(vm *v1alpha1.WukongVM, i, boot int) *uint {
	if i == boot {
		return ptr.To(uint(1))
	}
	if boot < 0 || !isDrive(&vm.Spec.Disks[boot]) {
		return nil
	}
	if i == slices.IndexFunc(vm.Spec.Disks, func(entry v1alpha1.VMDisk) bool { return !isDrive(&entry) }) {
		return ptr.To(uint(2))
	}
	return nil
}

// volume returns the volume of a disk: the claim of its WukongDisk if the WukongVM may have it. A disk that the
// VirtualMachine has, and whose WukongDisk is not known for the moment, is left unchanged; one that belongs to another
// WukongVM is not.
func (in Inputs) volume(i, boot int) *kubevirtv1.Volume {
	entry := &in.VM.Spec.Disks[i]
	if model.DiskName(in.VM, entry) == "" {
		return nil
	}
	disk := in.of(entry)
	if foreign := in.foreignVolume(entry.Name, disk); foreign != nil {
		return foreign.DeepCopy()
	}
	switch {
	case in.attachable(disk):
		plugged := hotpluggable(entry, i == boot) && !in.startsWith(entry, disk)
		return &kubevirtv1.Volume{Name: entry.Name, VolumeSource: volumeSource(disk, in.claim(disk), plugged)}
	case in.belongsToAnother(disk):
		return nil
	default:
		_, volume := virt.TemplateDisk(in.Machine, entry.Name)
		return volume.DeepCopy()
	}
}

// restored matches the names that KubeVirt's VirtualMachineRestore gives to claims (pkg/storage/snapshot/restore.go,
// restoreVolumeName).
var restored = regexp.MustCompile(`^restore-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-`)

// foreignVolume returns the volume that a VirtualMachineRestore put in place of a disk, with a claim that no
// WukongDisk has, or nil. It is left alone, because a user asked for the restore.
func (in Inputs) foreignVolume(name string, disk *v1alpha1.WukongDisk) *kubevirtv1.Volume {
	_, volume := virt.TemplateDisk(in.Machine, name)
	if volume == nil || disk == nil {
		return nil
	}
	claim := virt.ClaimOf(volume)
	if mayHold(disk, claim) || in.Owners[claim] != "" || !restored.MatchString(claim) {
		return nil
	}
	return volume
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
	result.Disk = &kubevirtv1.DiskTarget{
		Bus: kubevirtv1.DiskBus(entry.Bus), ReadOnly: ptr.Deref(entry.ReadOnly, false) || readOnlyClaim(disk),
	}
	if disk != nil && model.IsShared(disk) {
		result.Shareable = ptr.To(true)
	}
	return result
}

func readOnlyClaim(disk *v1alpha1.WukongDisk) bool {
	return disk != nil && disk.AdoptsClaim() && ptr.Deref(disk.Spec.Source.PersistentVolumeClaim.ReadOnly, false)
}

// volumeSource refers to a DataVolume if there is one, so that KubeVirt waits for its content.
func volumeSource(disk *v1alpha1.WukongDisk, claim string, hotpluggable bool) kubevirtv1.VolumeSource {
	if disk.AdoptsClaim() {
		return kubevirtv1.VolumeSource{PersistentVolumeClaim: &kubevirtv1.PersistentVolumeClaimVolumeSource{
			PersistentVolumeClaimVolumeSource: corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
			Hotpluggable:                      hotpluggable,
		}}
	}
	return kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: claim, Hotpluggable: hotpluggable}}
}

// hotpluggable reports whether a disk may be plugged in and unplugged while the guest runs. KubeVirt does that on
// virtio and scsi only (pkg/storage/admitters/storagehotplug.go), and changes the medium of a CD-ROM drive on any bus.
// The boot disk is not hotpluggable: a guest cannot run without it.
func hotpluggable(entry *v1alpha1.VMDisk, boots bool) bool {
	if isDrive(entry) {
		return true
	}
	return !boots && entry.Bus != v1alpha1.DiskBus(kubevirtv1.DiskBusSATA)
}

// startsWith reports whether the launcher pod must have a disk from the start, so that the scheduler sees where its
// claim is: a disk that is plugged in is plugged in wherever the guest runs (kubevirt/kubevirt#16945). Besides,
// KubeVirt creates a missing disk.img of an adopted claim only at the start (pkg/host-disk), and waits for it for ever
// if the disk is plugged in. A disk of a VirtualMachine that may start any moment stays as it is, because KubeVirt
// requires a restart to change it.
func (in Inputs) startsWith(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk) bool {
	if isDrive(entry) {
		return false
	}
	if _, volume := virt.TemplateDisk(in.Machine, entry.Name); volume != nil &&
		mayHold(disk, virt.ClaimOf(volume)) && !in.Halted() {
		return !virt.IsHotpluggable(volume)
	}
	return in.Machine == nil || in.Halted() || in.NeverRan()
}
