// Package contents decides which disks of a WukongVM a snapshot holds, and whether their storage can take one.
package contents

import (
	"fmt"
	"slices"
	"strings"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// Inputs are what decides.
type Inputs struct {
	// Snapshot is the name of the WukongSnapshot, and Selected its source.disks.
	Snapshot string
	Selected []string
	VM       *v1alpha1.WukongVM
	// Disks are the WukongDisks that the WukongVM uses, by their names.
	Disks map[string]*v1alpha1.WukongDisk
	// ClassName is the VolumeSnapshotClass that the snapshot asks for; empty for that of each driver.
	ClassName string
	// StorageClasses by their names, and all VolumeSnapshotClasses.
	StorageClasses map[string]*storagev1.StorageClass
	Classes        []snapshotv1.VolumeSnapshotClass
}

// Contents are the disks that a snapshot holds, and those that it does not.
type Contents struct {
	Disks    []v1alpha1.SnapshotDiskStatus
	Excluded []v1alpha1.SnapshotExcludedDisk
}

// Decide returns what the snapshot holds, or why it cannot be taken now.
func (in Inputs) Decide() (Contents, *operation.State) {
	if found := in.unknown(); found != nil {
		return Contents{}, found
	}
	var decided Contents
	for i := range in.VM.Spec.Disks {
		entry := &in.VM.Spec.Disks[i]
		name := model.DiskName(in.VM, entry)
		if len(in.Selected) > 0 && !slices.Contains(in.Selected, entry.Name) {
			decided.exclude(entry.Name, "source.disks of the snapshot does not list it")
			continue
		}
		disk := in.Disks[name]
		if reason := excluded(entry, disk); reason != "" {
			if len(in.Selected) == 0 {
				decided.exclude(entry.Name, reason)
				continue
			}
			if disk == nil || entry.Type == v1alpha1.DiskTypeCDROM {
				return Contents{}, operation.Pending(v1alpha1.ReasonInvalidSpec,
					"source.disks lists %s, of which no snapshot is taken: %s; create another snapshot without it",
					entry.Name, reason)
			}
		}
		if found := in.unusable(entry, name, disk); found != nil {
			return Contents{}, found
		}
		decided.Disks = append(decided.Disks, v1alpha1.SnapshotDiskStatus{
			Name: entry.Name, DiskName: name, ClaimName: disk.Status.ClaimName, Size: disk.Spec.Size,
			StorageClassName: disk.Status.StorageClassName, VolumeSnapshotName: model.Child(in.Snapshot, entry.Name),
		})
	}
	if len(decided.Disks) == 0 {
		return Contents{}, operation.Pending(v1alpha1.ReasonInvalidSpec,
			"WukongVM %s has no disk that a snapshot can contain", in.VM.Name)
	}
	return decided, nil
}

func (c *Contents) exclude(name, reason string) {
	c.Excluded = append(c.Excluded, v1alpha1.SnapshotExcludedDisk{Name: name, Reason: reason})
}

// unknown reports a disk that the snapshot asks for and the WukongVM does not have.
func (in Inputs) unknown() *operation.State {
	var names []string
	for i := range in.VM.Spec.Disks {
		names = append(names, in.VM.Spec.Disks[i].Name)
	}
	for _, selected := range in.Selected {
		if !slices.Contains(names, selected) {
			return operation.Pending(v1alpha1.ReasonInvalidSpec,
				"source.disks lists %s, which WukongVM %s does not have in spec.disks (it has: %s); create another "+
					"snapshot",
				selected, in.VM.Name, strings.Join(names, ", "))
		}
	}
	return nil
}

// excluded is why a disk is not part of a snapshot that does not ask for it by name; empty for one that is.
func excluded(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk) string {
	switch {
	case entry.DiskRef == nil && entry.Template == nil:
		return "the drive is empty"
	case entry.Type == v1alpha1.DiskTypeCDROM:
		return "a guest does not write to the medium of a CD-ROM drive"
	case disk != nil && ptr.Deref(disk.Spec.Shared, false):
		return "the disk is shared, and other guests that write to it cannot be frozen"
	default:
		return ""
	}
}

// unusable is why a disk cannot be cut now; nil when it can.
func (in Inputs) unusable(entry *v1alpha1.VMDisk, name string, disk *v1alpha1.WukongDisk) *operation.State {
	switch {
	case disk == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s, disk %s of WukongVM %s, does not exist",
			name, entry.Name, in.VM.Name)
	case !disk.DeletionTimestamp.IsZero():
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongDisk %s, disk %s of WukongVM %s, is being deleted", name, entry.Name, in.VM.Name)
	case !disk.Complete() || disk.Status.ClaimName == "":
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "WukongDisk %s: %s", name, model.Ready(disk).Message)
	case disk.Status.Move != nil && disk.Status.Move.TargetClaimName != "":
		return operation.Pending(v1alpha1.ReasonBusy,
			"WukongDisk %s moves to another storage class: the snapshot is taken afterwards", name)
	case disk.Status.AttachedTo != in.VM.Name && !ptr.Deref(disk.Spec.Shared, false):
		return operation.Pending(v1alpha1.ReasonSourceNotReady,
			"WukongDisk %s is not attached to WukongVM %s but to %q: the snapshot waits until it is",
			name, in.VM.Name, disk.Status.AttachedTo)
	default:
		return in.unsupported(entry, disk)
	}
}

// unsupported reports storage of which no snapshot can be taken. The snapshot controller takes the class that is named,
// or the only default class of the volume's driver (external-snapshotter, pkg/common-controller/snapshot_controller.go,
// SetDefaultSnapshotClass). The driver of a claim without a class, and of an in-tree class, is not known here: the
// storage reports it.
func (in Inputs) unsupported(entry *v1alpha1.VMDisk, disk *v1alpha1.WukongDisk) *operation.State {
	class := in.StorageClasses[disk.Status.StorageClassName]
	if class == nil || strings.HasPrefix(class.Provisioner, "kubernetes.io/") {
		return nil
	}
	refuse := func(format string, arguments ...any) *operation.State {
		return operation.Pending(v1alpha1.ReasonSnapshotUnsupported,
			"disk %s (WukongDisk %s) is on StorageClass %s, %s", entry.Name, disk.Name, class.Name,
			fmt.Sprintf(format, arguments...))
	}
	var ofDriver, defaults []string
	for i := range in.Classes {
		one := &in.Classes[i]
		if one.Name == in.ClassName && one.Driver != class.Provisioner {
			return refuse("whose driver is %s, and VolumeSnapshotClass %s is for %s: name another one in "+
				"volumeSnapshotClassName, or leave the disk out by source.disks",
				class.Provisioner, one.Name, one.Driver)
		}
		if one.Driver == class.Provisioner {
			ofDriver = append(ofDriver, one.Name)
			if one.Annotations[annotationDefault] == "true" {
				defaults = append(defaults, one.Name)
			}
		}
	}
	slices.Sort(ofDriver)
	switch {
	case len(ofDriver) == 0:
		return refuse("for whose driver %s the cluster has no VolumeSnapshotClass: create one, or leave the disk out "+
			"by source.disks", class.Provisioner)
	case in.ClassName != "" && !slices.Contains(ofDriver, in.ClassName):
		return refuse("and the VolumeSnapshotClass %s does not exist: name one of these in volumeSnapshotClassName: %s",
			in.ClassName, strings.Join(ofDriver, ", "))
	case in.ClassName == "" && len(defaults) != 1:
		return refuse("for whose driver %s the cluster has %d default VolumeSnapshotClasses, where it needs one: "+
			"name one of these in volumeSnapshotClassName: %s",
			class.Provisioner, len(defaults), strings.Join(ofDriver, ", "))
	default:
		return nil
	}
}

// annotationDefault marks the default VolumeSnapshotClass of a driver.
const annotationDefault = "snapshot.storage.kubernetes.io/is-default-class"
