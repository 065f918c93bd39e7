package builder

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// SnapshotOption changes the spec of a snapshot.
type SnapshotOption = func(*v1alpha1.WukongSnapshotSpec)

// Snapshot is one of a disk, taken at once.
func Snapshot(namespace, name, disk string, options ...SnapshotOption) *v1alpha1.WukongSnapshot {
	snapshot := &v1alpha1.WukongSnapshot{
		ObjectMeta: meta(namespace, name),
		Spec:       v1alpha1.WukongSnapshotSpec{Source: v1alpha1.SnapshotSource{DiskRef: ref(disk)}},
	}
	apply(&snapshot.Spec, options)
	return snapshot
}

// SnapshotOfVM is one of a WukongVM, with all of its disks.
func SnapshotOfVM(namespace, name, vm string, options ...SnapshotOption) *v1alpha1.WukongSnapshot {
	snapshot := &v1alpha1.WukongSnapshot{
		ObjectMeta: meta(namespace, name),
		Spec:       v1alpha1.WukongSnapshotSpec{Source: v1alpha1.SnapshotSource{VMRef: ref(vm)}},
	}
	apply(&snapshot.Spec, options)
	return snapshot
}

// OfDisks are the disks of the WukongVM that the snapshot holds.
func OfDisks(names ...string) SnapshotOption {
	return func(spec *v1alpha1.WukongSnapshotSpec) { spec.Source.Disks = names }
}

// AtLeast is the consistency that the snapshot requires.
func AtLeast(consistency v1alpha1.SnapshotConsistency) SnapshotOption {
	return func(spec *v1alpha1.WukongSnapshotSpec) { spec.RequiredConsistency = consistency }
}

// FrozenFor is how long the guest may be frozen, in seconds.
func FrozenFor(seconds int32) SnapshotOption {
	return func(spec *v1alpha1.WukongSnapshotSpec) { spec.FreezeTimeoutSeconds = &seconds }
}

// ApplicationConsistent waits until no guest writes the disk.
func ApplicationConsistent(spec *v1alpha1.WukongSnapshotSpec) {
	spec.RequiredConsistency = v1alpha1.ConsistencyApplication
}

// OfSnapshotClass is taken by a VolumeSnapshotClass other than the default.
func OfSnapshotClass(name string) SnapshotOption {
	return func(spec *v1alpha1.WukongSnapshotSpec) { spec.VolumeSnapshotClassName = name }
}

// GivenUpAfter is the deadline of an unfinished snapshot, in seconds.
func GivenUpAfter(seconds int64) SnapshotOption {
	return func(spec *v1alpha1.WukongSnapshotSpec) { spec.FailureDeadlineSeconds = &seconds }
}

// SnapshotDeletedAfter is how long a finished snapshot stays, in seconds.
func SnapshotDeletedAfter(seconds int64) SnapshotOption {
	return func(spec *v1alpha1.WukongSnapshotSpec) { spec.TTLSecondsAfterFinished = &seconds }
}

// MigrationOption changes the spec of a migration.
type MigrationOption = func(*v1alpha1.WukongMigrationSpec)

// Migration is one of a WukongVM to any other node, asked for at a time.
func Migration(namespace, name, vm string, at time.Time, options ...MigrationOption) *v1alpha1.WukongMigration {
	migration := &v1alpha1.WukongMigration{
		ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.WukongMigrationSpec{
			VMRef: v1alpha1.LocalObjectReference{Name: vm}, RequestedAt: metav1.NewTime(at.UTC().Truncate(time.Second)),
		},
	}
	apply(&migration.Spec, options)
	return migration
}

// ToNode is the node that the guest moves to.
func ToNode(name string) MigrationOption {
	return func(spec *v1alpha1.WukongMigrationSpec) {
		spec.NodeSelector = map[string]string{"kubernetes.io/hostname": name}
	}
}

// TriedAtMost is how often the migration is tried.
func TriedAtMost(attempts int32) MigrationOption {
	return func(spec *v1alpha1.WukongMigrationSpec) { spec.Attempts = &attempts }
}

// BegunWithin is the deadline of the last attempt, in seconds.
func BegunWithin(seconds int64) MigrationOption {
	return func(spec *v1alpha1.WukongMigrationSpec) { spec.DeadlineSeconds = &seconds }
}

// CloneOption changes the spec of a clone.
type CloneOption = func(*v1alpha1.WukongCloneSpec)

// CloneOfVM is a clone of a WukongVM.
func CloneOfVM(namespace, name, vm, target string, options ...CloneOption) *v1alpha1.WukongClone {
	return newClone(namespace, name, target, v1alpha1.CloneSource{VMRef: ref(vm)}, options)
}

// CloneOfSnapshot is a clone from a WukongSnapshot.
func CloneOfSnapshot(namespace, name, snapshot, target string, options ...CloneOption) *v1alpha1.WukongClone {
	return newClone(namespace, name, target, v1alpha1.CloneSource{SnapshotRef: ref(snapshot)}, options)
}

// CloneOfDisk is a clone of a WukongDisk.
func CloneOfDisk(namespace, name, disk, target string, options ...CloneOption) *v1alpha1.WukongClone {
	return newClone(namespace, name, target, v1alpha1.CloneSource{DiskRef: ref(disk)}, options)
}

func newClone(
	namespace, name, target string, source v1alpha1.CloneSource, options []CloneOption,
) *v1alpha1.WukongClone {
	clone := &v1alpha1.WukongClone{
		ObjectMeta: meta(namespace, name),
		Spec:       v1alpha1.WukongCloneSpec{Source: source, TargetName: target},
	}
	apply(&clone.Spec, options)
	return clone
}

// CloneFrom is the namespace of the source.
func CloneFrom(namespace string) CloneOption {
	return func(spec *v1alpha1.WukongCloneSpec) { spec.Source.Namespace = namespace }
}

// CloneRunning starts the new WukongVM.
func CloneRunning(spec *v1alpha1.WukongCloneSpec) { spec.PowerState = v1alpha1.PowerRunning }

// KeepingIdentity copies the identity of the source.
func KeepingIdentity(spec *v1alpha1.WukongCloneSpec) { spec.Identity = v1alpha1.IdentityKeep }

// CloneDisks determine how single disks are cloned.
func CloneDisks(disks ...v1alpha1.CloneDisk) CloneOption {
	return func(spec *v1alpha1.WukongCloneSpec) { spec.Disks = append(spec.Disks, disks...) }
}

// CloneOverrides are what differs from the source.
func CloneOverrides(overrides *v1alpha1.CloneOverrides) CloneOption {
	return func(spec *v1alpha1.WukongCloneSpec) { spec.Overrides = overrides }
}

// CloneGivenUpAfter is the deadline of an unfinished clone, in seconds.
func CloneGivenUpAfter(seconds int64) CloneOption {
	return func(spec *v1alpha1.WukongCloneSpec) { spec.DeadlineSeconds = &seconds }
}

// ScheduleOption changes the spec of a schedule.
type ScheduleOption = func(*v1alpha1.WukongSnapshotScheduleSpec)

// Schedule takes snapshots of a WukongVM at scheduled times, and keeps three.
func Schedule(namespace, name, vm, times string, options ...ScheduleOption) *v1alpha1.WukongSnapshotSchedule {
	three := int32(3)
	schedule := &v1alpha1.WukongSnapshotSchedule{
		ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.WukongSnapshotScheduleSpec{
			Schedule: times, Retention: v1alpha1.SnapshotRetention{MaxCount: &three},
			Template: v1alpha1.SnapshotTemplate{
				Spec: v1alpha1.SnapshotTemplateSpec{Source: v1alpha1.SnapshotSource{VMRef: ref(vm)}},
			},
		},
	}
	apply(&schedule.Spec, options)
	return schedule
}

// KeepingSnapshots is how many successful snapshots are kept.
func KeepingSnapshots(count int32) ScheduleOption {
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

// BackupOption changes the spec of a WukongBackup.
type BackupOption = func(*v1alpha1.WukongBackupSpec)

// Backup copies a snapshot to a target.
func Backup(
	namespace, name, snapshot string, target v1alpha1.BackupTarget, options ...BackupOption,
) *v1alpha1.WukongBackup {
	backup := &v1alpha1.WukongBackup{
		ObjectMeta: meta(namespace, name),
		Spec:       v1alpha1.WukongBackupSpec{SnapshotRef: *ref(snapshot), Target: target},
	}
	apply(&backup.Spec, options)
	return backup
}

// S3Folder is a folder in a bucket. With a Secret that has a key, what is written there is encrypted.
func S3Folder(url, region, secret, key string) v1alpha1.BackupTarget {
	target := v1alpha1.BackupTarget{S3: v1alpha1.S3BackupTarget{URL: url, Region: region, SecretRef: *ref(secret)}}
	if key != "" {
		target.S3.Encryption = &v1alpha1.Encryption{SecretRef: *ref(key)}
	}
	return target
}

// KeepingBackups is how many backups are kept in the folder.
func KeepingBackups(count int32) BackupOption {
	return func(spec *v1alpha1.WukongBackupSpec) { spec.Retention = &v1alpha1.BackupRetention{MaxCount: &count} }
}

// BackedUpTo copies each snapshot to a target.
func BackedUpTo(target v1alpha1.BackupTarget) ScheduleOption {
	return func(spec *v1alpha1.WukongSnapshotScheduleSpec) {
		spec.Backup = &v1alpha1.ScheduledBackup{Target: target}
	}
}
