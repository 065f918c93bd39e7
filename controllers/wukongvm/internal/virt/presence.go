package virt

import (
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// Presence is a claim that a WukongVM has under the name of a disk: in the VirtualMachine, from which it may start any
// time, in its running instance, or in both. A disk is let go only when it is in neither.
type Presence struct {
	Name, Claim string
	InInstance  bool
	// Status is what KubeVirt says of the volume of the instance, nil when it has said nothing yet.
	Status *kubevirtv1.VolumeStatus
}

// Presences are the claims that the WukongVM has in its VirtualMachine or its instance. Those of the instance come
// first.
func (v View) Presences() []Presence {
	var result []Presence
	if instance := v.Running(); instance != nil {
		result = instancePresences(instance)
	}
	if v.Machine == nil || v.Machine.Spec.Template == nil {
		return result
	}
	for i := range v.Machine.Spec.Template.Spec.Volumes {
		volume := &v.Machine.Spec.Template.Spec.Volumes[i]
		if claim := ClaimOf(volume); claim != "" && !Has(result, volume.Name, claim) {
			result = append(result, Presence{Name: volume.Name, Claim: claim})
		}
	}
	return result
}

// instancePresences are the claims of a running instance. While a volume migrates, KubeVirt names the target everywhere
// but in migratedVolumes, and the guest writes to both: it has the source until the migration is over.
func instancePresences(instance *kubevirtv1.VirtualMachineInstance) []Presence {
	var result []Presence
	claims := map[string]string{}
	for i := range instance.Spec.Volumes {
		if claim := ClaimOf(&instance.Spec.Volumes[i]); claim != "" {
			claims[instance.Spec.Volumes[i].Name] = claim
			result = append(result, Presence{Name: instance.Spec.Volumes[i].Name, Claim: claim, InInstance: true})
		}
	}
	// A volume that is being unplugged is in the status only.
	for i := range instance.Status.VolumeStatus {
		status := &instance.Status.VolumeStatus[i]
		if status.PersistentVolumeClaimInfo == nil || claims[status.Name] != "" {
			continue
		}
		result = append(result,
			Presence{Name: status.Name, Claim: status.PersistentVolumeClaimInfo.ClaimName, InInstance: true})
	}
	for i := range result {
		for j := range instance.Status.VolumeStatus {
			if instance.Status.VolumeStatus[j].Name == result[i].Name {
				result[i].Status = &instance.Status.VolumeStatus[j]
			}
		}
		for _, moved := range instance.Status.MigratedVolumes {
			if moved.VolumeName == result[i].Name && moved.SourcePVCInfo != nil {
				result[i].Claim = moved.SourcePVCInfo.ClaimName
			}
		}
	}
	return result
}

// Has reports whether a list has a claim under a name.
func Has(list []Presence, name, claim string) bool {
	for i := range list {
		if list[i].Name == name && list[i].Claim == claim {
			return true
		}
	}
	return false
}

// HasClaim reports whether the WukongVM has a claim under any name.
func (v View) HasClaim(claim string) bool {
	for _, item := range v.Presences() {
		if item.Claim == claim {
			return true
		}
	}
	return false
}

// ClaimOf is the PersistentVolumeClaim of a volume; empty for one that has none.
func ClaimOf(volume *kubevirtv1.Volume) string {
	switch {
	case volume.DataVolume != nil:
		return volume.DataVolume.Name
	case volume.PersistentVolumeClaim != nil:
		return volume.PersistentVolumeClaim.ClaimName
	default:
		return ""
	}
}

// TemplateDisk is a disk of the VirtualMachine with its volume, as they are; nil for what it does not have.
func TemplateDisk(machine *kubevirtv1.VirtualMachine, name string) (*kubevirtv1.Disk, *kubevirtv1.Volume) {
	if machine == nil || machine.Spec.Template == nil {
		return nil, nil
	}
	var disk *kubevirtv1.Disk
	var volume *kubevirtv1.Volume
	spec := &machine.Spec.Template.Spec
	for i := range spec.Domain.Devices.Disks {
		if spec.Domain.Devices.Disks[i].Name == name {
			disk = &spec.Domain.Devices.Disks[i]
		}
	}
	for i := range spec.Volumes {
		if spec.Volumes[i].Name == name && ClaimOf(&spec.Volumes[i]) != "" {
			volume = &spec.Volumes[i]
		}
	}
	return disk, volume
}
