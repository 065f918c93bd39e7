package carry

import (
	"slices"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// LiveDisks are WukongDisks of the namespace of the source, by their names. One that does not exist is absent.
type LiveDisks map[string]*v1alpha1.WukongDisk

// Expected returns what a snapshot of a WukongVM will contain, before it is taken: all that it is asked for. If a disk
// prevents the snapshot, the snapshot reports that.
func Expected(vm *v1alpha1.WukongVM, live LiveDisks) map[string]Disk {
	disks := map[string]Disk{}
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		known := Disk{Contained: true, Live: live[model.DiskName(vm, entry)]}
		if known.Live != nil {
			known.Size, known.StorageClassName = known.Live.Spec.Size, known.Live.Status.StorageClassName
		}
		if known.Size == nil && known.Live != nil {
			known.Size = known.Live.Status.Capacity
		}
		disks[entry.Name] = known
	}
	return disks
}

// Recorded returns what a complete snapshot of a WukongVM contains.
func Recorded(vm *v1alpha1.WukongVM, snapshot *v1alpha1.WukongSnapshot, live LiveDisks) map[string]Disk {
	disks := map[string]Disk{}
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		known := Disk{Live: live[model.DiskName(vm, entry)], Excluded: "it was added later"}
		if known.Live != nil {
			known.Size, known.StorageClassName = known.Live.Spec.Size, known.Live.Status.StorageClassName
		}
		if at := slices.IndexFunc(snapshot.Status.Excluded, func(one v1alpha1.SnapshotExcludedDisk) bool {
			return one.Name == entry.Name
		}); at >= 0 {
			known.Excluded = snapshot.Status.Excluded[at].Reason
		}
		if entry := EntryOf(snapshot, entry.Name); entry != nil {
			known.Contained = true
			known.Size, known.StorageClassName = entry.Size, entry.StorageClassName
			if known.Size == nil {
				known.Size = entry.RestoreSize
			}
		}
		disks[entry.Name] = known
	}
	return disks
}

// EntryOf returns what a snapshot recorded of a disk; nil when it does not contain it.
func EntryOf(snapshot *v1alpha1.WukongSnapshot, name string) *v1alpha1.SnapshotDiskStatus {
	for i := range snapshot.Status.Disks {
		if snapshot.Status.Disks[i].Name == name {
			return &snapshot.Status.Disks[i]
		}
	}
	return nil
}
