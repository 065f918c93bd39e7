package builder

import (
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ScheduleOption changes the spec of a schedule.
type ScheduleOption = func(*v1alpha1.WukongSnapshotScheduleSpec)

// Schedule takes snapshots of a WukongVM at scheduled times, and keeps three.
func Schedule(namespace, name, vm, times string, options ...ScheduleOption) *v1alpha1.WukongSnapshotSchedule {
	schedule := &v1alpha1.WukongSnapshotSchedule{
		ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.WukongSnapshotScheduleSpec{
			Schedule: times, Retention: v1alpha1.SnapshotRetention{MaxCount: ptr.To[int32](3)},
			Template: v1alpha1.SnapshotTemplate{
				Spec: v1alpha1.SnapshotTemplateSpec{Source: v1alpha1.SnapshotSource{VMRef: ref(vm)}},
			},
		},
	}
	apply(&schedule.Spec, options)
	return schedule
}

// Keeping is how many successful snapshots are kept.
func Keeping(count int32) ScheduleOption {
	return func(spec *v1alpha1.WukongSnapshotScheduleSpec) { spec.Retention.MaxCount = &count }
}

// RPO is the recovery point objective, in seconds.
func RPO(seconds int64) ScheduleOption {
	return func(spec *v1alpha1.WukongSnapshotScheduleSpec) { spec.RPOSeconds = &seconds }
}

// TriedAt restores the newest snapshot at scheduled times.
func TriedAt(times string, options ...func(*v1alpha1.TrialRestore)) ScheduleOption {
	return func(spec *v1alpha1.WukongSnapshotScheduleSpec) {
		spec.Trial = &v1alpha1.TrialRestore{Schedule: times}
		apply(spec.Trial, options)
	}
}

// DeletingSnapshots deletes the snapshots with the schedule.
func DeletingSnapshots(spec *v1alpha1.WukongSnapshotScheduleSpec) {
	spec.OnDelete = v1alpha1.ScheduleDeletionDelete
}
