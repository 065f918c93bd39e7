package carry

import (
	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// FromDisk returns the WukongDisk that is a clone of another one, or why there can be none.
func FromDisk(clone *v1alpha1.WukongClone, disk *v1alpha1.WukongDisk) (*v1alpha1.WukongDisk, *operation.State) {
	source := &v1alpha1.DiskCloneSource{Kind: model.KindDisk, Name: disk.Name}
	if disk.Namespace != clone.Namespace {
		source.Namespace = disk.Namespace
	}
	known := Disk{Size: disk.Spec.Size, StorageClassName: disk.Status.StorageClassName, Live: disk}
	if known.Size == nil {
		known.Size = disk.Status.GuestSize
	}
	if known.Size == nil {
		known.Size = disk.Status.Capacity
	}
	return single(clone, disk, disk.Name, known, &v1alpha1.WukongDiskSource{Clone: source})
}

// FromSnapshot returns the WukongDisk that is made from a snapshot of one disk, or why there can be none. Live is the
// WukongDisk of which the snapshot was taken; nil when it does not exist any more.
func FromSnapshot(
	clone *v1alpha1.WukongClone, snapshot *v1alpha1.WukongSnapshot, live *v1alpha1.WukongDisk,
) (*v1alpha1.WukongDisk, *operation.State) {
	source := &v1alpha1.DiskSnapshotSource{Kind: model.KindWukongSnapshot, Name: snapshot.Name}
	if snapshot.Namespace != clone.Namespace {
		source.Namespace = snapshot.Namespace
	}
	name := snapshot.Spec.Source.DiskRef.Name
	known := Disk{Live: live}
	if entry := EntryOf(snapshot, name); entry != nil {
		known.Size, known.StorageClassName = entry.Size, entry.StorageClassName
		if known.Size == nil {
			known.Size = entry.RestoreSize
		}
	}
	if live == nil {
		live = &v1alpha1.WukongDisk{}
	}
	return single(clone, live, name, known, &v1alpha1.WukongDiskSource{Snapshot: source})
}

// single makes a WukongDisk for a clone of one disk.
func single(
	clone *v1alpha1.WukongClone, from *v1alpha1.WukongDisk, name string, known Disk, source *v1alpha1.WukongDiskSource,
) (*v1alpha1.WukongDisk, *operation.State) {
	for _, choice := range clone.Spec.Disks {
		switch {
		case choice.Name != name:
			return nil, operation.Pending(v1alpha1.ReasonInvalidSpec,
				"disks lists %s, and the source is the disk %s; create another WukongClone", choice.Name, name)
		case choice.Action != "" && choice.Action != v1alpha1.CloneActionClone:
			return nil, operation.Pending(v1alpha1.ReasonInvalidSpec,
				"disks[].action of %s is %s, and a disk can only be copied; create another WukongClone with the action Clone",
				name, choice.Action)
		}
	}
	disk := &v1alpha1.WukongDisk{ObjectMeta: Metadata(clone, from, nil), Spec: *from.Spec.DeepCopy()}
	if problem := Fill(&disk.Spec, known, Choice(clone, name)); problem != "" {
		return nil, operation.Pending(v1alpha1.ReasonInvalidSpec, "%s; create another WukongClone", problem)
	}
	disk.Spec.Source, disk.Spec.WukongRef = source, umbrella(clone)
	return disk, nil
}
