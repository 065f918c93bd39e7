package wukongvm

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/naming"
)

const (
	// cloudInitDisk is the volume with cloud-init data; VMDisk refuses the name for others.
	cloudInitDisk = "cloudinit"
	// implicitNetwork is the interface of a machine that lists no networks.
	implicitNetwork = "default"
	// maxVirtioSerial is how much of a serial number virtio-blk tells the guest (VIRTIO_BLK_ID_BYTES).
	maxVirtioSerial = 20
)

// storage is the disks of the machine with their volumes, and last the cloud-init disk.
func storage(vm *v1alpha1.WukongVM, observed *observation) ([]kubevirtv1.Disk, []kubevirtv1.Volume) {
	var disks []kubevirtv1.Disk
	var volumes []kubevirtv1.Volume
	boot := bootDisk(vm)
	for i := range vm.Spec.Disks {
		disk := &vm.Spec.Disks[i]
		device := kubevirtv1.Disk{
			Name:   disk.Name,
			Serial: serial(disk),
			DiskDevice: kubevirtv1.DiskDevice{Disk: &kubevirtv1.DiskTarget{
				Bus:      kubevirtv1.DiskBus(disk.Bus),
				ReadOnly: ptr.Deref(disk.ReadOnly, false),
			}},
		}
		if i == boot {
			device.BootOrder = ptr.To(uint(1))
		}
		disks = append(disks, device)
		volumes = append(volumes, kubevirtv1.Volume{
			Name:         disk.Name,
			VolumeSource: volumeSource(observed.disks[index.DiskName(vm, disk)]),
		})
	}
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

// volumeSource names a DataVolume where there is one, so that KubeVirt waits for its content.
func volumeSource(disk *v1alpha1.WukongDisk) kubevirtv1.VolumeSource {
	if disk.AdoptsClaim() {
		return kubevirtv1.VolumeSource{PersistentVolumeClaim: &kubevirtv1.PersistentVolumeClaimVolumeSource{
			PersistentVolumeClaimVolumeSource: corev1.PersistentVolumeClaimVolumeSource{ClaimName: disk.ClaimName()},
		}}
	}
	return kubevirtv1.VolumeSource{DataVolume: &kubevirtv1.DataVolumeSource{Name: disk.ClaimName()}}
}

// bootDisk is the index of the disk that boots: the one that says so, else the first.
func bootDisk(vm *v1alpha1.WukongVM) int {
	for i := range vm.Spec.Disks {
		if ptr.Deref(vm.Spec.Disks[i].Boot, false) {
			return i
		}
	}
	return 0
}

func serial(disk *v1alpha1.VMDisk) string {
	if disk.Serial != "" {
		return disk.Serial
	}
	return disk.Name[:min(len(disk.Name), maxVirtioSerial)]
}

// networksOf are the networks of a machine; one that lists none has the pod network.
func networksOf(vm *v1alpha1.WukongVM) []v1alpha1.VMNetwork {
	if len(vm.Spec.Networks) > 0 {
		return vm.Spec.Networks
	}
	return []v1alpha1.VMNetwork{{Name: implicitNetwork, Pod: &v1alpha1.PodNetwork{}}}
}

// macAddress is the given address, else one derived from the machine's UID and the interface's name: known before the first boot and the
// same for ever.
func macAddress(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) string {
	if network.MACAddress != "" {
		return network.MACAddress
	}
	return naming.MAC(vm.UID, network.Name)
}

// attachments are the interfaces of the machine and the networks behind them, of equal names as KubeVirt demands.
func attachments(vm *v1alpha1.WukongVM, observed *observation) ([]kubevirtv1.Interface, []kubevirtv1.Network) {
	var interfaces []kubevirtv1.Interface
	var networks []kubevirtv1.Network
	list := networksOf(vm)
	for i := range list {
		network := &list[i]
		nic := kubevirtv1.Interface{Name: network.Name, MacAddress: macAddress(vm, network)}
		attached := kubevirtv1.Network{Name: network.Name}
		if attachment := attachmentOf(vm, network, observed); attachment == "" {
			nic.Masquerade = &kubevirtv1.InterfaceMasquerade{}
			attached.Pod = &kubevirtv1.PodNetwork{}
		} else {
			nic.Bridge = &kubevirtv1.InterfaceBridge{}
			attached.Multus = &kubevirtv1.MultusNetwork{NetworkName: attachment}
		}
		interfaces = append(interfaces, nic)
		networks = append(networks, attached)
	}
	return interfaces, networks
}

// attachmentOf is the NetworkAttachmentDefinition of an interface, as namespace/name; empty for the pod network.
func attachmentOf(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork, observed *observation) string {
	if object := observed.networks[index.NetworkName(vm, network)]; object != nil {
		return object.AttachmentName()
	}
	return ""
}
