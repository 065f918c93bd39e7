package model

import (
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Kinds of objects from which disks and WukongVMs are cloned.
const (
	KindMachine        = "WukongVM"
	KindDisk           = "WukongDisk"
	KindClaim          = "PersistentVolumeClaim"
	KindSnapshot       = "VolumeSnapshot"
	KindImage          = "WukongImage"
	KindWukongSnapshot = "WukongSnapshot"
)

// Origin is the object from which a disk is cloned.
type Origin struct{ Kind, Namespace, Name string }

// String returns the origin for messages, as kind namespace/name.
func (o Origin) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// Key returns a unique key of the origin. Clones of the same object have the same key.
func (o Origin) Key() string { return strings.Join([]string{o.Kind, o.Namespace, o.Name}, "/") }

// OriginOf returns the object from which a disk is cloned; ok is false if the disk is not a clone.
func OriginOf(disk *v1alpha1.WukongDisk) (origin Origin, ok bool) {
	switch source := disk.Spec.Source; {
	case source == nil:
		return Origin{}, false
	case source.Clone != nil:
		origin = Origin{source.Clone.Kind, source.Clone.Namespace, source.Clone.Name}
	case source.Snapshot != nil:
		origin = Origin{source.Snapshot.Kind, source.Snapshot.Namespace, source.Snapshot.Name}
	case source.Image != nil:
		origin = Origin{KindImage, source.Image.Namespace, source.Image.Name}
	default:
		return Origin{}, false
	}
	if origin.Namespace == "" {
		origin.Namespace = disk.Namespace
	}
	return origin, true
}

// CloneOrigin returns the object that a WukongClone clones.
func CloneOrigin(clone *v1alpha1.WukongClone) Origin {
	source := clone.Spec.Source
	origin := Origin{Namespace: source.Namespace}
	if origin.Namespace == "" {
		origin.Namespace = clone.Namespace
	}
	switch {
	case source.VMRef != nil:
		origin.Kind, origin.Name = KindMachine, source.VMRef.Name
	case source.DiskRef != nil:
		origin.Kind, origin.Name = KindDisk, source.DiskRef.Name
	case source.SnapshotRef != nil:
		origin.Kind, origin.Name = KindWukongSnapshot, source.SnapshotRef.Name
	}
	return origin
}

// ScheduleOrigin returns the object of which a WukongSnapshotSchedule takes snapshots.
func ScheduleOrigin(schedule *v1alpha1.WukongSnapshotSchedule) Origin {
	source := schedule.Spec.Template.Spec.Source
	if source.VMRef != nil {
		return Origin{Kind: KindMachine, Namespace: schedule.Namespace, Name: source.VMRef.Name}
	}
	return Origin{Kind: KindDisk, Namespace: schedule.Namespace, Name: source.DiskRef.Name}
}

// ExportedDisk returns the name of the WukongDisk that an export reads; empty if it is not known. vm is the source of
// the export; nil if it does not exist, or if the source is another object.
func ExportedDisk(export *v1alpha1.WukongExport, vm *v1alpha1.WukongVM) string {
	if reference := export.Spec.Source.DiskRef; reference != nil {
		return reference.Name
	}
	if vm == nil || export.Spec.Source.VM == nil {
		return ""
	}
	entries := ExportableDisks(vm, export.Spec.Source.VM.Disk)
	if len(entries) != 1 {
		return ""
	}
	return DiskName(vm, entries[0])
}

// ExportableDisks returns the entries of spec.disks that an export of a WukongVM can refer to: the one with the name,
// or without a name all entries except CD-ROM drives.
func ExportableDisks(vm *v1alpha1.WukongVM, name string) []*v1alpha1.VMDisk {
	var meant []*v1alpha1.VMDisk
	for i := range vm.Spec.Disks {
		if disk := &vm.Spec.Disks[i]; disk.Name == name || name == "" && disk.Type != v1alpha1.DiskTypeCDROM {
			meant = append(meant, disk)
		}
	}
	return meant
}
