package simulator

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// AnnotationHold on a VirtualMachine keeps its volumes migrating for as long as it is there; on a claim, the clones of it being made; on a StorageClass,
// the DataVolumes on it being filled.
const AnnotationHold = "simulator.novasphere.dev/hold-migration"

// HoldBeginning is the value of AnnotationHold that keeps the migration of volumes from beginning.
const HoldBeginning = "beginning"

// AnnotationOvertaken on a VirtualMachine lets KubeVirt overtake itself when it begins to migrate volumes: one of its loops says that the
// migration goes on before another has put the new claims into the instance.
const AnnotationOvertaken = "simulator.novasphere.dev/overtaken"

// volumesChange is the condition of instances that KubeVirt copies to the VirtualMachine.
const volumesChange = kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)

func migrates(machine *kubevirtv1.VirtualMachine) bool {
	strategy := machine.Spec.UpdateVolumesStrategy
	return strategy != nil && *strategy == kubevirtv1.UpdateVolumesStrategyMigration
}

// migrateVolumes begins, ends or breaks off the migration of volumes of a running instance, as KubeVirt's pkg/virt-controller/watch/volume-migration
// does. It tells whether there was something to do.
func (s *Simulator) migrateVolumes(ctx context.Context, machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) (bool, error) {
	changed, listed := changedVolumes(machine, instance), instance.Status.MigratedVolumes
	begun := volumesChangeIs(instance, corev1.ConditionTrue)
	switch {
	case begun && slices.ContainsFunc(changed, func(volume kubevirtv1.StorageMigratedVolumeInfo) bool { return lists(listed, volume.VolumeName) }):
		if !revertsAll(listed, changed) {
			return false, nil // "The volume can only be reverted to the previous version during the update"
		}
		s.replaceVolumes(machine, instance)
		return true, s.endMigration(ctx, machine, instance, true)
	case len(changed) > 0 && migrates(machine) && machine.Annotations[AnnotationHold] != HoldBeginning:
		if missing, err := s.missing(ctx, instance.Namespace, changed); missing || err != nil {
			setVolumesChange(instance, corev1.ConditionFalse)
			return err == nil, cmp.Or(err, s.client.Update(ctx, instance))
		}
		if len(listed) == 0 {
			instance.Status.MigratedVolumes = changed
		}
		return true, s.beginMigration(ctx, machine, instance)
	case begun && machine.Annotations[AnnotationHold] == "" && !held(instance) && has(instance, listed):
		return true, s.endMigration(ctx, machine, instance, false)
	default:
		return false, nil
	}
}

// held tells whether the workload updater is to make no migrations (pkg/virt-controller/watch/workload-updater, doesRequireMigration).
func held(instance *kubevirtv1.VirtualMachineInstance) bool {
	return metav1.HasAnnotation(instance.ObjectMeta, kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation)
}

// missing tells whether one of the new claims is of a DataVolume that does not exist.
func (s *Simulator) missing(ctx context.Context, namespace string, changed []kubevirtv1.StorageMigratedVolumeInfo) (bool, error) {
	for _, volume := range changed {
		key := client.ObjectKey{Namespace: namespace, Name: volume.DestinationPVCInfo.ClaimName}
		if err := s.client.Get(ctx, key, &cdiv1.DataVolume{}); err != nil {
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		}
	}
	return false, nil
}

// revertsAll tells whether all that changed is that each volume of a list goes back to its source.
func revertsAll(listed, changed []kubevirtv1.StorageMigratedVolumeInfo) bool {
	return len(changed) == len(listed) && !slices.ContainsFunc(changed, func(volume kubevirtv1.StorageMigratedVolumeInfo) bool {
		return !slices.ContainsFunc(listed, func(item kubevirtv1.StorageMigratedVolumeInfo) bool {
			return item.VolumeName == volume.VolumeName && item.SourcePVCInfo.ClaimName == volume.DestinationPVCInfo.ClaimName
		})
	})
}

func lists(listed []kubevirtv1.StorageMigratedVolumeInfo, name string) bool {
	return slices.ContainsFunc(listed, func(item kubevirtv1.StorageMigratedVolumeInfo) bool { return item.VolumeName == name })
}

// has tells whether the instance's spec has the new claims of all volumes of a list. Without them the target of a migration fails.
func has(instance *kubevirtv1.VirtualMachineInstance, listed []kubevirtv1.StorageMigratedVolumeInfo) bool {
	return len(listed) > 0 && !slices.ContainsFunc(listed, func(item kubevirtv1.StorageMigratedVolumeInfo) bool {
		return !slices.ContainsFunc(instance.Spec.Volumes, func(volume kubevirtv1.Volume) bool {
			return volume.Name == item.VolumeName && claimName(volume) == item.DestinationPVCInfo.ClaimName
		})
	})
}

func volumesChangeIs(instance *kubevirtv1.VirtualMachineInstance, status corev1.ConditionStatus) bool {
	return slices.ContainsFunc(instance.Status.Conditions, func(condition kubevirtv1.VirtualMachineInstanceCondition) bool {
		return condition.Type == kubevirtv1.VirtualMachineInstanceVolumesChange && condition.Status == status
	})
}

func dropVolumesChange(instance *kubevirtv1.VirtualMachineInstance) {
	instance.Status.Conditions = slices.DeleteFunc(instance.Status.Conditions, func(condition kubevirtv1.VirtualMachineInstanceCondition) bool {
		return condition.Type == kubevirtv1.VirtualMachineInstanceVolumesChange
	})
}

func setVolumesChange(instance *kubevirtv1.VirtualMachineInstance, status corev1.ConditionStatus) {
	dropVolumesChange(instance)
	instance.Status.Conditions = append(instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
		Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: status, LastTransitionTime: metav1.Now(),
	})
}

func (s *Simulator) beginMigration(ctx context.Context, machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance) error {
	released := volumesChangeIs(instance, corev1.ConditionFalse)
	setVolumesChange(instance, corev1.ConditionTrue)
	if machine.Annotations[AnnotationOvertaken] == "" || released {
		s.replaceVolumes(machine, instance)
	}
	if err := s.client.Update(ctx, instance); err != nil {
		return err
	}
	setCondition(machine, volumesChange)
	machine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{VolumeMigrationState: &kubevirtv1.VolumeMigrationState{MigratedVolumes: instance.Status.MigratedVolumes}}
	return s.client.Status().Update(ctx, machine)
}

func (s *Simulator) endMigration(ctx context.Context, machine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance, cancelled bool) error {
	instance.Status.MigratedVolumes = nil
	dropVolumesChange(instance)
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
