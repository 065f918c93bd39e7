package simulator

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// AnnotationHold on a VirtualMachine keeps its volumes migrating for as long as it is there; on a claim, the clones of it being made.
const AnnotationHold = "simulator.novasphere.dev/hold-migration"

// volumesChange is the condition of instances that KubeVirt copies to the VirtualMachine.
const volumesChange = kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)

func migrates(machine *kubevirtv1.VirtualMachine) bool {
	strategy := machine.Spec.UpdateVolumesStrategy
	return strategy != nil && *strategy == kubevirtv1.UpdateVolumesStrategyMigration
}

// migrateVolumes begins, ends or breaks off the migration of volumes of a running instance, as KubeVirt's pkg/virt-controller/watch/volume-migration
// does. It tells whether there was something to do.
func (s *Simulator) migrateVolumes(ctx context.Context, machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) (bool, error) {
	changed := changedVolumes(machine, instance)
	switch {
	case len(instance.Status.MigratedVolumes) > 0 && len(changed) > 0: // back to where they were
		s.replaceVolumes(machine, instance)
		return true, s.endMigration(ctx, machine, instance, true)
	case len(instance.Status.MigratedVolumes) > 0 && machine.Annotations[AnnotationHold] == "":
		return true, s.endMigration(ctx, machine, instance, false)
	case len(instance.Status.MigratedVolumes) == 0 && len(changed) > 0 && migrates(machine):
		return true, s.beginMigration(ctx, machine, instance, changed)
	default:
		return false, nil
	}
}

func (s *Simulator) beginMigration(ctx context.Context, machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
	changed []kubevirtv1.StorageMigratedVolumeInfo) error {
	instance.Status.MigratedVolumes = changed
	instance.Status.Conditions = append(instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
		Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
	})
	s.replaceVolumes(machine, instance)
	if err := s.client.Update(ctx, instance); err != nil {
		return err
	}
	setCondition(machine, volumesChange)
	machine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{VolumeMigrationState: &kubevirtv1.VolumeMigrationState{MigratedVolumes: changed}}
	return s.client.Status().Update(ctx, machine)
}

func (s *Simulator) endMigration(ctx context.Context, machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance, cancelled bool) error {
	instance.Status.MigratedVolumes = nil
	instance.Status.Conditions = slices.DeleteFunc(instance.Status.Conditions, func(condition kubevirtv1.VirtualMachineInstanceCondition) bool {
		return condition.Type == kubevirtv1.VirtualMachineInstanceVolumesChange
	})
	if err := s.describeVolumes(ctx, instance); err != nil {
		return err
	}
	if err := s.client.Update(ctx, instance); err != nil {
		return err
	}
	dropCondition(machine, volumesChange)
	if cancelled {
		machine.Status.VolumeUpdateState = nil
	}
	return s.client.Status().Update(ctx, machine)
}

// recover is what KubeVirt does about a machine whose instance went while its volumes migrated: it does not start before the volumes
// are put back.
func (s *Simulator) recover(ctx context.Context, machine *kubevirtv1.VirtualMachine) error {
	state := machine.Status.VolumeUpdateState
	if state == nil || state.VolumeMigrationState == nil {
		return nil
	}
	putBack := true
	for _, volume := range state.VolumeMigrationState.MigratedVolumes {
		for _, has := range machine.Spec.Template.Spec.Volumes {
			putBack = putBack && (has.Name != volume.VolumeName || claimName(has) == volume.SourcePVCInfo.ClaimName)
		}
	}
	switch {
	case putBack:
		machine.Status.VolumeUpdateState = nil
		dropCondition(machine, volumesChange)
		dropCondition(machine, kubevirtv1.VirtualMachineManualRecoveryRequired)
	case hasCondition(machine, volumesChange) && !hasCondition(machine, kubevirtv1.VirtualMachineManualRecoveryRequired):
		setCondition(machine, kubevirtv1.VirtualMachineManualRecoveryRequired)
	default:
		return nil
	}
	return s.client.Status().Update(ctx, machine)
}

// changedVolumes are those of which machine and instance have different claims, by what KubeVirt calls source and destination.
func changedVolumes(machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) []kubevirtv1.StorageMigratedVolumeInfo {
	var changed []kubevirtv1.StorageMigratedVolumeInfo
	for _, volume := range instance.Spec.Volumes {
		for _, wanted := range machine.Spec.Template.Spec.Volumes {
			if wanted.Name == volume.Name && claimName(wanted) != claimName(volume) {
				changed = append(changed, kubevirtv1.StorageMigratedVolumeInfo{
					VolumeName:         volume.Name,
					SourcePVCInfo:      &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: claimName(volume)},
					DestinationPVCInfo: &kubevirtv1.PersistentVolumeClaimInfo{ClaimName: claimName(wanted)},
				})
			}
		}
	}
	return changed
}

// replaceVolumes gives the instance the machine's volumes under the names that migrate.
func (s *Simulator) replaceVolumes(machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) {
	for i, volume := range instance.Spec.Volumes {
		for _, wanted := range machine.Spec.Template.Spec.Volumes {
			if wanted.Name == volume.Name && claimName(wanted) != claimName(volume) {
				instance.Spec.Volumes[i] = wanted
			}
		}
	}
}

func hasCondition(machine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType) bool {
	return slices.ContainsFunc(machine.Status.Conditions, func(condition kubevirtv1.VirtualMachineCondition) bool {
		return condition.Type == conditionType && condition.Status == corev1.ConditionTrue
	})
}

func setCondition(machine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType) {
	dropCondition(machine, conditionType)
	machine.Status.Conditions = append(machine.Status.Conditions, kubevirtv1.VirtualMachineCondition{
		Type: conditionType, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
	})
}

func dropCondition(machine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType) {
	machine.Status.Conditions = slices.DeleteFunc(machine.Status.Conditions, func(condition kubevirtv1.VirtualMachineCondition) bool {
		return condition.Type == conditionType
	})
}
