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

// AnnotationHold on a VirtualMachine prevents the end of its volume migration while it is set. On a claim it holds its
// clones, and on a StorageClass the DataVolumes on it.
const AnnotationHold = "simulator.novasphere.dev/hold-migration"

// HoldBeginning is the value of AnnotationHold that prevents the start of a volume migration.
const HoldBeginning = "beginning"

// AnnotationOvertaken on a VirtualMachine simulates a race of KubeVirt at the start of a volume migration: one loop
// reports that the migration is under way before another has put the new claims into the instance.
const AnnotationOvertaken = "simulator.novasphere.dev/overtaken"

// volumesChange is the condition of instances that KubeVirt copies to the VirtualMachine.
const volumesChange = kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)

func migrates(virtualMachine *kubevirtv1.VirtualMachine) bool {
	strategy := virtualMachine.Spec.UpdateVolumesStrategy
	return strategy != nil && *strategy == kubevirtv1.UpdateVolumesStrategyMigration
}

// migrateVolumes begins, ends or cancels the volume migration of a running instance, as KubeVirt's
// pkg/virt-controller/watch/volume-migration does. It reports whether there was something to do.
func (s *Simulator) migrateVolumes(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) (bool, error) {
	changed, listed := changedVolumes(virtualMachine, instance), instance.Status.MigratedVolumes
	begun := volumesChangeIs(instance, corev1.ConditionTrue)
	switch {
	case begun && slices.ContainsFunc(changed,
		func(volume kubevirtv1.StorageMigratedVolumeInfo) bool { return lists(listed, volume.VolumeName) }):
		if !revertsAll(listed, changed) {
			return false, nil // "The volume can only be reverted to the previous version during the update"
		}
		s.replaceVolumes(virtualMachine, instance)
		return true, s.endMigration(ctx, virtualMachine, instance, true)
	case len(changed) > 0 && migrates(virtualMachine) && virtualMachine.Annotations[AnnotationHold] != HoldBeginning:
		if missing, err := s.missing(ctx, instance.Namespace, changed); missing || err != nil {
			setVolumesChange(instance, corev1.ConditionFalse)
			return err == nil, cmp.Or(err, s.client.Update(ctx, instance))
		}
		if len(listed) == 0 {
			instance.Status.MigratedVolumes = changed
		}
		return true, s.beginMigration(ctx, virtualMachine, instance)
	case begun && virtualMachine.Annotations[AnnotationHold] == "" && !held(instance) && has(instance, listed):
		return true, s.endMigration(ctx, virtualMachine, instance, false)
	default:
		return false, nil
	}
}

// held reports whether the workload updater must not create migrations (pkg/virt-controller/watch/workload-updater,
// doesRequireMigration).
func held(instance *kubevirtv1.VirtualMachineInstance) bool {
	return metav1.HasAnnotation(instance.ObjectMeta, kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation)
}

// missing reports whether the DataVolume of one of the new claims does not exist.
func (s *Simulator) missing(
	ctx context.Context, namespace string, changed []kubevirtv1.StorageMigratedVolumeInfo,
) (bool, error) {
	for _, volume := range changed {
		key := client.ObjectKey{Namespace: namespace, Name: volume.DestinationPVCInfo.ClaimName}
		if err := s.client.Get(ctx, key, &cdiv1.DataVolume{}); err != nil {
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		}
	}
	return false, nil
}

// revertsAll reports whether the only change is that each volume of a list returns to its source.
func revertsAll(listed, changed []kubevirtv1.StorageMigratedVolumeInfo) bool {
	return len(changed) == len(listed) &&
		!slices.ContainsFunc(changed, func(volume kubevirtv1.StorageMigratedVolumeInfo) bool {
			return !slices.ContainsFunc(listed, func(item kubevirtv1.StorageMigratedVolumeInfo) bool {
				return item.VolumeName == volume.VolumeName &&
					item.SourcePVCInfo.ClaimName == volume.DestinationPVCInfo.ClaimName
			})
		})
}

func lists(listed []kubevirtv1.StorageMigratedVolumeInfo, name string) bool {
	return slices.ContainsFunc(listed,
		func(item kubevirtv1.StorageMigratedVolumeInfo) bool { return item.VolumeName == name })
}

// has reports whether the instance's spec has the new claims of all volumes of a list. Without them the target of a
// migration fails.
func has(instance *kubevirtv1.VirtualMachineInstance, listed []kubevirtv1.StorageMigratedVolumeInfo) bool {
	return len(listed) > 0 && !slices.ContainsFunc(listed, func(item kubevirtv1.StorageMigratedVolumeInfo) bool {
		return !slices.ContainsFunc(instance.Spec.Volumes, func(volume kubevirtv1.Volume) bool {
			return volume.Name == item.VolumeName && claimName(volume) == item.DestinationPVCInfo.ClaimName
		})
	})
}

func volumesChangeIs(instance *kubevirtv1.VirtualMachineInstance, status corev1.ConditionStatus) bool {
	return slices.ContainsFunc(instance.Status.Conditions,
		func(condition kubevirtv1.VirtualMachineInstanceCondition) bool {
			return condition.Type == kubevirtv1.VirtualMachineInstanceVolumesChange && condition.Status == status
		})
}

func dropVolumesChange(instance *kubevirtv1.VirtualMachineInstance) {
	instance.Status.Conditions = slices.DeleteFunc(instance.Status.Conditions,
		func(condition kubevirtv1.VirtualMachineInstanceCondition) bool {
			return condition.Type == kubevirtv1.VirtualMachineInstanceVolumesChange
		})
}

func setVolumesChange(instance *kubevirtv1.VirtualMachineInstance, status corev1.ConditionStatus) {
	dropVolumesChange(instance)
	instance.Status.Conditions = append(instance.Status.Conditions, kubevirtv1.VirtualMachineInstanceCondition{
		Type: kubevirtv1.VirtualMachineInstanceVolumesChange, Status: status, LastTransitionTime: metav1.Now(),
	})
}

func (s *Simulator) beginMigration(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) error {
	released := volumesChangeIs(instance, corev1.ConditionFalse)
	setVolumesChange(instance, corev1.ConditionTrue)
	if virtualMachine.Annotations[AnnotationOvertaken] == "" || released {
		s.replaceVolumes(virtualMachine, instance)
	}
	if err := s.client.Update(ctx, instance); err != nil {
		return err
	}
	setCondition(virtualMachine, volumesChange)
	virtualMachine.Status.VolumeUpdateState = &kubevirtv1.VolumeUpdateState{
		VolumeMigrationState: &kubevirtv1.VolumeMigrationState{MigratedVolumes: instance.Status.MigratedVolumes}}
	return s.client.Status().Update(ctx, virtualMachine)
}

func (s *Simulator) endMigration(
	ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
	cancelled bool,
) error {
	instance.Status.MigratedVolumes = nil
	dropVolumesChange(instance)
	if err := s.describeVolumes(ctx, instance); err != nil {
		return err
	}
	if err := s.client.Update(ctx, instance); err != nil {
		return err
	}
	dropCondition(virtualMachine, volumesChange)
	if cancelled {
		virtualMachine.Status.VolumeUpdateState = nil
	}
	return s.client.Status().Update(ctx, virtualMachine)
}

// recover does what KubeVirt does when an instance ended while its volumes migrated: the VirtualMachine does not start
// before the volumes are reverted.
func (s *Simulator) recover(ctx context.Context, virtualMachine *kubevirtv1.VirtualMachine) error {
	state := virtualMachine.Status.VolumeUpdateState
	if state == nil || state.VolumeMigrationState == nil {
		return nil
	}
	putBack := true
	for _, volume := range state.VolumeMigrationState.MigratedVolumes {
		for _, has := range virtualMachine.Spec.Template.Spec.Volumes {
			putBack = putBack && (has.Name != volume.VolumeName || claimName(has) == volume.SourcePVCInfo.ClaimName)
		}
	}
	switch {
	case putBack:
		virtualMachine.Status.VolumeUpdateState = nil
		dropCondition(virtualMachine, volumesChange)
		dropCondition(virtualMachine, kubevirtv1.VirtualMachineManualRecoveryRequired)
	case hasCondition(virtualMachine, volumesChange) &&
		!hasCondition(virtualMachine, kubevirtv1.VirtualMachineManualRecoveryRequired):
		setCondition(virtualMachine, kubevirtv1.VirtualMachineManualRecoveryRequired)
	default:
		return nil
	}
	return s.client.Status().Update(ctx, virtualMachine)
}

// changedVolumes returns the volumes whose claims differ between VirtualMachine and instance, as KubeVirt's source and
// destination.
func changedVolumes(
	virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) []kubevirtv1.StorageMigratedVolumeInfo {
	var changed []kubevirtv1.StorageMigratedVolumeInfo
	for _, volume := range instance.Spec.Volumes {
		for _, wanted := range virtualMachine.Spec.Template.Spec.Volumes {
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

// replaceVolumes copies to the instance the VirtualMachine's volumes that migrate.
func (s *Simulator) replaceVolumes(
	virtualMachine *kubevirtv1.VirtualMachine, instance *kubevirtv1.VirtualMachineInstance,
) {
	for i, volume := range instance.Spec.Volumes {
		for _, wanted := range virtualMachine.Spec.Template.Spec.Volumes {
			if wanted.Name == volume.Name && claimName(wanted) != claimName(volume) {
				instance.Spec.Volumes[i] = wanted
			}
		}
	}
}

func hasCondition(
	virtualMachine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType,
) bool {
	return slices.ContainsFunc(virtualMachine.Status.Conditions,
		func(condition kubevirtv1.VirtualMachineCondition) bool {
			return condition.Type == conditionType && condition.Status == corev1.ConditionTrue
		})
}

func setCondition(virtualMachine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType) {
	dropCondition(virtualMachine, conditionType)
	virtualMachine.Status.Conditions = append(virtualMachine.Status.Conditions, kubevirtv1.VirtualMachineCondition{
		Type: conditionType, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
	})
}

func dropCondition(virtualMachine *kubevirtv1.VirtualMachine, conditionType kubevirtv1.VirtualMachineConditionType) {
	virtualMachine.Status.Conditions = slices.DeleteFunc(virtualMachine.Status.Conditions,
		func(condition kubevirtv1.VirtualMachineCondition) bool {
			return condition.Type == conditionType
		})
}
