package builder

import "github.com/novasphere/wukong/apis/v1alpha1"

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
