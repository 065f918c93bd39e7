package restore

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// contents are the disks that are restored, and the names of those that the snapshot does not contain.
type contents struct {
	disks  []v1alpha1.VMRestoreDisk
	others []string
}

// obstacle is why a restore cannot begin.
type obstacle struct{ reason, message string }

func prevents(reason, format string, arguments ...any) *obstacle {
	return &obstacle{reason: reason, message: fmt.Sprintf(format, arguments...)}
}

// preflight returns what is to be restored, or what prevents that. The guest is not touched meanwhile.
func (in Inputs) preflight() (contents, *obstacle) {
	asked := in.VM.Spec.Restore
	snapshot, name := in.Snapshot, asked.SnapshotRef.Name
	switch {
	case snapshot == nil || !snapshot.DeletionTimestamp.IsZero():
		return contents{}, prevents(v1alpha1.ReasonSourceMissing,
			"WukongSnapshot %s does not exist in namespace %s: create it, or request another restore", name,
			in.VM.Namespace)
	case model.Ready(snapshot).Status != metav1.ConditionTrue:
		return contents{},
			prevents(v1alpha1.ReasonSourceNotReady, "WukongSnapshot %s: %s", name, model.Ready(snapshot).Message)
	}
	found := in.contentsOf(snapshot)
	if message := unknown(asked.Disks, found, in.VM); message != "" {
		return contents{}, prevents(v1alpha1.ReasonInvalidSpec, "restore.disks lists %s", message)
	}
	if len(asked.Disks) > 0 {
		found.disks = slices.DeleteFunc(found.disks, func(disk v1alpha1.VMRestoreDisk) bool {
			return !slices.Contains(asked.Disks, disk.Name)
		})
	}
	if len(found.disks) == 0 {
		return contents{}, prevents(v1alpha1.ReasonSnapshotMismatch,
			"WukongSnapshot %s contains no disk of WukongVM %s; it contains the WukongDisks %s", name, in.VM.Name,
			strings.Join(diskNames(snapshot), ", "))
	}
	for i := range found.disks {
		if obstacle := in.unfit(&found.disks[i]); obstacle != nil {
			return contents{}, obstacle
		}
	}
	return found, nil
}

// contentsOf pairs the disks of the spec with those of a snapshot. The WukongDisk decides: in another WukongVM it may
// have another name.
func (in Inputs) contentsOf(snapshot *v1alpha1.WukongSnapshot) contents {
	var found contents
	for i := range in.VM.Spec.Disks {
		entry := &in.VM.Spec.Disks[i]
		diskName := model.DiskName(in.VM, entry)
		at := slices.IndexFunc(snapshot.Status.Disks, func(one v1alpha1.SnapshotDiskStatus) bool {
			return diskName != "" && one.DiskName == diskName
		})
		switch {
		case diskName == "" || isDrive(entry):
		case at < 0:
			found.others = append(found.others, entry.Name)
		default:
			found.disks = append(found.disks, v1alpha1.VMRestoreDisk{
				Name: entry.Name, DiskName: diskName, VolumeSnapshotName: snapshot.Status.Disks[at].VolumeSnapshotName,
				PreviousClaimName: in.claimOf(diskName),
			})
		}
	}
	return found
}

func isDrive(entry *v1alpha1.VMDisk) bool { return entry.Type == v1alpha1.DiskTypeCDROM }

func (in Inputs) claimOf(disk string) string {
	if found := in.Disks[disk]; found != nil {
		return found.Status.ClaimName
	}
	return ""
}

func diskNames(snapshot *v1alpha1.WukongSnapshot) []string {
	var names []string
	for i := range snapshot.Status.Disks {
		names = append(names, snapshot.Status.Disks[i].DiskName)
	}
	return names
}

// unknown reports a disk that is to be restored and is not in the spec, or not in the snapshot; empty for none.
func unknown(asked []string, found contents, vm *v1alpha1.WukongVM) string {
	for _, name := range asked {
		named := func(disk v1alpha1.VMRestoreDisk) bool { return disk.Name == name }
		listed := func(entry v1alpha1.VMDisk) bool { return entry.Name == name }
		switch {
		case slices.ContainsFunc(found.disks, named):
		case slices.ContainsFunc(vm.Spec.Disks, listed):
			return name + ", which the snapshot does not contain: request another restore without it"
		default:
			return name + ", which spec.disks does not have: request another restore"
		}
	}
	return ""
}

// unfit is why a disk cannot be restored now; nil when it can. What only its own controller knows, the disk reports
// when it is to be filled.
func (in Inputs) unfit(entry *v1alpha1.VMRestoreDisk) *obstacle {
	disk := in.Disks[entry.DiskName]
	refuse := func(why string) *obstacle {
		return prevents(v1alpha1.ReasonDiskNotRestorable,
			"disk %s (WukongDisk %s) cannot be restored: %s; to leave it out, request another restore with restore.disks",
			entry.Name, entry.DiskName, why)
	}
	switch {
	case disk == nil:
		return prevents(v1alpha1.ReasonSourceMissing, "WukongDisk %s, disk %s of WukongVM %s, does not exist",
			entry.DiskName, entry.Name, in.VM.Name)
	case !disk.DeletionTimestamp.IsZero():
		return refuse("it is being deleted")
	case disk.AdoptsClaim():
		return refuse("it uses a PersistentVolumeClaim that Wukong did not create")
	case model.IsShared(disk):
		return refuse("other WukongVMs share it")
	case !disk.Complete() || disk.Status.ClaimName == "":
		return prevents(v1alpha1.ReasonSourceNotReady, "WukongDisk %s: %s", disk.Name, model.Ready(disk).Message)
	case disk.Status.AttachedTo == "":
		return prevents(v1alpha1.ReasonDiskInUse, "WukongDisk %s is about to be attached to WukongVM %s", disk.Name,
			in.VM.Name)
	case disk.Status.AttachedTo != in.VM.Name:
		return prevents(v1alpha1.ReasonDiskInUse, "WukongDisk %s is not attached to WukongVM %s but to %q", disk.Name,
			in.VM.Name, disk.Status.AttachedTo)
	case disk.Status.Move != nil:
		return prevents(v1alpha1.ReasonBusy,
			"WukongDisk %s moves to another StorageClass: the restore begins afterwards", disk.Name)
	default:
		return nil
	}
}
