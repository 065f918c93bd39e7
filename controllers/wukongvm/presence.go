package wukongvm

import (
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// presence is a claim that the machine has under the name of a disk: in the VirtualMachine, from which it may start any time, in its
// running instance, or in both. A disk is let go only when it is in neither.
type presence struct {
	name, claim string
	inInstance  bool
	// status is what KubeVirt says of the volume of the instance, nil when it has said nothing yet.
	status *kubevirtv1.VolumeStatus
}

// running is the instance, as long as a guest may write to its disks.
func (o *observation) running() *kubevirtv1.VirtualMachineInstance {
	if o.instance == nil || o.instance.IsFinal() {
		return nil
	}
	return o.instance
}

// guest is the instance that changes can be made to: one that ends takes none any more.
func (o *observation) guest() *kubevirtv1.VirtualMachineInstance {
	if instance := o.running(); instance != nil && instance.DeletionTimestamp.IsZero() {
		return instance
	}
	return nil
}

// presences are the claims that the machine has. Those of the instance come first.
func (o *observation) presences() []presence {
	var result []presence
	if instance := o.running(); instance != nil {
		result = instancePresences(instance)
	}
	if o.machine == nil || o.machine.Spec.Template == nil {
		return result
	}
	for i := range o.machine.Spec.Template.Spec.Volumes {
		volume := &o.machine.Spec.Template.Spec.Volumes[i]
		if claim := claimOf(volume); claim != "" && !has(result, volume.Name, claim) {
			result = append(result, presence{name: volume.Name, claim: claim})
		}
	}
	return result
}

// instancePresences are the claims of a running instance. While a volume migrates, KubeVirt names the target everywhere but in
// migratedVolumes, and the guest writes to both: it has the source until the migration is over.
func instancePresences(instance *kubevirtv1.VirtualMachineInstance) []presence {
	var result []presence
	claims := map[string]string{}
	for i := range instance.Spec.Volumes {
		if claim := claimOf(&instance.Spec.Volumes[i]); claim != "" {
			claims[instance.Spec.Volumes[i].Name] = claim
			result = append(result, presence{name: instance.Spec.Volumes[i].Name, claim: claim, inInstance: true})
		}
	}
	// A volume that is being unplugged is in the status only.
	for i := range instance.Status.VolumeStatus {
		status := &instance.Status.VolumeStatus[i]
		if status.PersistentVolumeClaimInfo == nil || claims[status.Name] != "" {
			continue
		}
		result = append(result, presence{name: status.Name, claim: status.PersistentVolumeClaimInfo.ClaimName, inInstance: true})
	}
	for i := range result {
		for j := range instance.Status.VolumeStatus {
			if instance.Status.VolumeStatus[j].Name == result[i].name {
				result[i].status = &instance.Status.VolumeStatus[j]
			}
		}
		for _, moved := range instance.Status.MigratedVolumes {
			if moved.VolumeName == result[i].name && moved.SourcePVCInfo != nil {
				result[i].claim = moved.SourcePVCInfo.ClaimName
			}
		}
	}
	return result
}

func has(list []presence, name, claim string) bool {
	for i := range list {
		if list[i].name == name && list[i].claim == claim {
			return true
		}
	}
	return false
}

// hasClaim tells whether the machine has a claim under any name.
func (o *observation) hasClaim(claim string) bool {
	for _, item := range o.presences() {
		if item.claim == claim {
			return true
		}
	}
	return false
}

// claimOf is the PersistentVolumeClaim of a volume; empty for one that has none.
func claimOf(volume *kubevirtv1.Volume) string {
	switch {
	case volume.DataVolume != nil:
		return volume.DataVolume.Name
	case volume.PersistentVolumeClaim != nil:
		return volume.PersistentVolumeClaim.ClaimName
	default:
		return ""
	}
}

// templateDisk is a disk of the VirtualMachine with its volume, as they are; nil for what it does not have.
func templateDisk(machine *kubevirtv1.VirtualMachine, name string) (*kubevirtv1.Disk, *kubevirtv1.Volume) {
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
		if spec.Volumes[i].Name == name && claimOf(&spec.Volumes[i]) != "" {
			volume = &spec.Volumes[i]
		}
	}
	return disk, volume
}
