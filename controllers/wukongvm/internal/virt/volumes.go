package virt

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// IsHotpluggable reports whether KubeVirt may plug a volume in and out.
func IsHotpluggable(volume *kubevirtv1.Volume) bool {
	return volume.DataVolume != nil && volume.DataVolume.Hotpluggable ||
		volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.Hotpluggable
}

// VolumeOf is the claim of a volume as the instance's spec has it, and whether it migrates. KubeVirt lists a volume in
// migratedVolumes before it changes the spec, and takes it off the list when the guest writes to the new claim only
// (pkg/virt-controller/watch/volume-migration, pkg/virt-handler/migration-target.go).
func VolumeOf(instance *kubevirtv1.VirtualMachineInstance, name string) (claim string, migrates bool) {
	for i := range instance.Spec.Volumes {
		if instance.Spec.Volumes[i].Name == name {
			claim = ClaimOf(&instance.Spec.Volumes[i])
		}
	}
	return claim,
		slices.ContainsFunc(instance.Status.MigratedVolumes, func(volume kubevirtv1.StorageMigratedVolumeInfo) bool {
			return volume.VolumeName == name
		})
}

// Halted reports whether nothing starts the machine before its VirtualMachine is written again. A machine that has no
// VirtualMachine is not halted.
func (v View) Halted() bool {
	return v.Instance == nil && v.Machine != nil && v.Machine.Spec.RunStrategy != nil &&
		*v.Machine.Spec.RunStrategy == kubevirtv1.RunStrategyHalted
}

// NeverRan reports whether KubeVirt has made no instance of the VirtualMachine yet: its status has the run strategy
// from the first one on (pkg/virt-controller/watch/vm/vm.go, updateStatus).
func (v View) NeverRan() bool {
	return v.Instance == nil && v.Machine != nil && v.Machine.Status.RunStrategy == ""
}

// RestartRequired is KubeVirt's reason to change nothing more of the machine before it restarts; empty without one.
func (v View) RestartRequired() string {
	if v.Machine == nil {
		return ""
	}
	for _, condition := range v.Machine.Status.Conditions {
		if condition.Type == kubevirtv1.VirtualMachineRestartRequired && condition.Status == corev1.ConditionTrue {
			return cmp.Or(condition.Message, condition.Reason, "it asks for a restart")
		}
	}
	return ""
}
