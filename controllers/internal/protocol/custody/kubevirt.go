package custody

import (
	"slices"

	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// Remains returns what still has a claim of the disk although its WukongVM no longer mentions the disk: an instance
// while its guest shuts down, or a VirtualMachine that was kept ('kubectl delete --cascade=orphan') and may start any
// time. It is nil for none. Both objects have the WukongVM's name, and may be nil.
func Remains(
	disk *v1alpha1.WukongDisk, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) client.Object {
	for _, claim := range model.ClaimsOf(disk).Held() {
		switch {
		case virtualMachine != nil && virtualMachine.DeletionTimestamp.IsZero() &&
			virtualMachineHasClaim(virtualMachine, claim):
			return virtualMachine
		case InstanceHasClaim(instance, claim):
			return instance
		}
	}
	return nil
}

// OutsideUser returns an instance or a VirtualMachine that has a claim and does not belong to the WukongVM that the
// disk is about to be attached to, or "".
func OutsideUser(
	claim, attachTo string, instances []kubevirtv1.VirtualMachineInstance, virtualMachines []kubevirtv1.VirtualMachine,
) string {
	own := func(obj client.Object) bool { return apply.Ours(obj) && obj.GetName() == attachTo }
	for i := range instances {
		if instance := &instances[i]; !own(instance) && !instance.IsFinal() && hasVolume(instance.Spec.Volumes, claim) {
			return kindAndName(instance)
		}
	}
	for i := range virtualMachines {
		if virtualMachine := &virtualMachines[i]; !own(virtualMachine) && virtualMachine.DeletionTimestamp.IsZero() &&
			virtualMachineHasClaim(virtualMachine, claim) {
			return kindAndName(virtualMachine)
		}
	}
	return ""
}

// InstanceHasClaim reports whether an instance may write to a claim. One that KubeVirt has not described yet may.
func InstanceHasClaim(instance *kubevirtv1.VirtualMachineInstance, claim string) bool {
	if instance == nil || instance.IsFinal() {
		return false
	}
	if len(instance.Status.VolumeStatus) == 0 || hasVolume(instance.Spec.Volumes, claim) {
		return true
	}
	return slices.ContainsFunc(instance.Status.VolumeStatus, func(volume kubevirtv1.VolumeStatus) bool {
		return volume.PersistentVolumeClaimInfo != nil && volume.PersistentVolumeClaimInfo.ClaimName == claim
	})
}

func virtualMachineHasClaim(virtualMachine *kubevirtv1.VirtualMachine, claim string) bool {
	return virtualMachine.Spec.Template != nil && hasVolume(virtualMachine.Spec.Template.Spec.Volumes, claim)
}

func hasVolume(volumes []kubevirtv1.Volume, claim string) bool {
	return slices.ContainsFunc(volumes, func(volume kubevirtv1.Volume) bool {
		return volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == claim ||
			volume.DataVolume != nil && volume.DataVolume.Name == claim
	})
}

func kindAndName(obj client.Object) string {
	if _, runs := obj.(*kubevirtv1.VirtualMachineInstance); runs {
		return "VirtualMachineInstance " + obj.GetName()
	}
	return "VirtualMachine " + obj.GetName()
}

// KeepInstance copies what decides whether an instance has a claim.
func KeepInstance(full, kept *kubevirtv1.VirtualMachineInstance) {
	kept.Spec.Volumes = full.Spec.Volumes
	kept.Status.Phase, kept.Status.VolumeStatus = full.Status.Phase, full.Status.VolumeStatus
}
