package model

import (
	"strings"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Kinds that a disk is cloned from.
const (
	KindDisk           = "WukongDisk"
	KindClaim          = "PersistentVolumeClaim"
	KindSnapshot       = "VolumeSnapshot"
	KindImage          = "WukongImage"
	KindWukongSnapshot = "WukongSnapshot"
)

// Origin is the object that a disk is cloned from.
type Origin struct{ Kind, Namespace, Name string }

// String is the origin for messages, as kind namespace/name.
func (o Origin) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// Key identifies the origin among all origins. Clones of one object have the same key.
func (o Origin) Key() string { return strings.Join([]string{o.Kind, o.Namespace, o.Name}, "/") }

// OriginOf is what a disk is cloned from; ok is false for a disk that is no clone.
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

// ExportedDisk is the WukongDisk that an export reads; empty when it is not known. The WukongVM is the export's
// source, nil when it does not exist or the source is another object.
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

// ExportableDisks are the entries of spec.disks that an export of a WukongVM may mean: the one of that name, or
// without a name all but media in a drive.
func ExportableDisks(vm *v1alpha1.WukongVM, name string) []*v1alpha1.VMDisk {
	var meant []*v1alpha1.VMDisk
	for i := range vm.Spec.Disks {
		if disk := &vm.Spec.Disks[i]; disk.Name == name || name == "" && disk.Type != v1alpha1.DiskTypeCDROM {
			meant = append(meant, disk)
		}
	}
	return meant
}
