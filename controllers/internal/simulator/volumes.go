package simulator

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// plug gives a running instance the hotpluggable volumes of its VirtualMachine, and removes those that it no longer
// has, as KubeVirt's DeclarativeHotplugVolumes does. It reports whether something changed.
func (s *Simulator) plug(virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) bool {
	wanted := &virtualMachine.Spec.Template.Spec
	changed := false
	for _, volume := range slices.Clone(instance.Spec.Volumes) {
		at := slices.IndexFunc(wanted.Volumes, func(other kubevirtv1.Volume) bool { return other.Name == volume.Name })
		if hotpluggable(volume) && (at < 0 || claimName(wanted.Volumes[at]) != claimName(volume)) {
			unplug(instance, volume.Name)
			changed = true
		}
	}
	for _, volume := range wanted.Volumes {
		plugged := slices.ContainsFunc(instance.Spec.Volumes,
			func(other kubevirtv1.Volume) bool { return other.Name == volume.Name })
		if !hotpluggable(volume) || plugged {
			continue
		}
		instance.Spec.Volumes = append(instance.Spec.Volumes, volume)
		for _, disk := range wanted.Domain.Devices.Disks {
			if disk.Name == volume.Name && !slices.ContainsFunc(instance.Spec.Domain.Devices.Disks, named(disk.Name)) {
				instance.Spec.Domain.Devices.Disks = append(instance.Spec.Domain.Devices.Disks, disk)
			}
		}
		changed = true
	}
	return changed
}

func unplug(instance *kubevirtv1.VirtualMachineInstance, name string) {
	instance.Spec.Volumes = slices.DeleteFunc(instance.Spec.Volumes,
		func(volume kubevirtv1.Volume) bool { return volume.Name == name })
	instance.Spec.Domain.Devices.Disks = slices.DeleteFunc(instance.Spec.Domain.Devices.Disks,
		func(disk kubevirtv1.Disk) bool {
			return disk.Name == name && disk.CDRom == nil
		})
}

func named(name string) func(kubevirtv1.Disk) bool {
	return func(disk kubevirtv1.Disk) bool { return disk.Name == name }
}

// describeVolumes sets what KubeVirt reports about the volumes of a running instance.
func (s *Simulator) describeVolumes(ctx context.Context, instance *kubevirtv1.VirtualMachineInstance) error {
	instance.Status.VolumeStatus = nil
	for i, volume := range instance.Spec.Volumes {
		status := kubevirtv1.VolumeStatus{Name: volume.Name, Target: fmt.Sprintf("vd%c", 'a'+i)}
		if hotpluggable(volume) {
			status.HotplugVolume, status.Phase = &kubevirtv1.HotplugVolumeStatus{}, kubevirtv1.VolumeReady
		}
		if name := claimName(volume); name != "" {
			claim := &corev1.PersistentVolumeClaim{}
			key := client.ObjectKey{Namespace: instance.Namespace, Name: name}
			if err := s.client.Get(ctx, key, claim); err != nil && !apierrors.IsNotFound(err) {
				return err
			}
			status.PersistentVolumeClaimInfo = &kubevirtv1.PersistentVolumeClaimInfo{
				ClaimName: name, AccessModes: claim.Spec.AccessModes, Capacity: claim.Status.Capacity,
				Requests:           claim.Spec.Resources.Requests,
				FilesystemOverhead: ptr.To(kubevirtv1.Percent("0")),
			}
		}
		instance.Status.VolumeStatus = append(instance.Status.VolumeStatus, status)
	}
	return nil
}

func hotpluggable(volume kubevirtv1.Volume) bool {
	return volume.DataVolume != nil && volume.DataVolume.Hotpluggable ||
		volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.Hotpluggable
}

func claimName(volume kubevirtv1.Volume) string {
	switch {
	case volume.DataVolume != nil:
		return volume.DataVolume.Name
	case volume.PersistentVolumeClaim != nil:
		return volume.PersistentVolumeClaim.ClaimName
	default:
		return ""
	}
}
