package wukongexport

import (
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/restore"
)

// obstacle is what prevents that the bytes are read; nil for nothing.
func obstacle(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	if !observed.moverKnown {
		return operation.Pending(v1alpha1.ReasonMoverMissing,
			"the manager does not know the image that moves the bytes: start it with --mover-image, "+
				"which is the manager's own image (the chart does so)")
	}
	if observed.namesake {
		return operation.Pending(v1alpha1.ReasonPending,
			"Job %s of an earlier WukongExport of this name is being deleted", model.ExportJobName(export))
	}
	if export.Spec.Source.VolumeSnapshot != nil {
		return observed.restore(export).Obstacle()
	}
	return diskObstacle(export, observed)
}

// restore are the inputs that decide about an export of a VolumeSnapshot. They are collected when they are needed,
// because the steps of a pass change what was observed.
func (o *observation) restore(export *v1alpha1.WukongExport) restore.Inputs {
	return restore.Inputs{
		Export: export, Served: o.snapshotsServed, Snapshot: o.snapshot, Origin: o.origin, Claim: o.claim,
		Begun: o.job != nil,
	}
}

func diskObstacle(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	if observed.disk == nil {
		return diskMissing(export, observed)
	}
	if len(observed.users) > 0 {
		return operation.Pending(v1alpha1.ReasonSourceInUse,
			"WukongDisk %s is in use by WukongVM %s, which is not stopped: stop it (powerState: Stopped) and the "+
				"export continues automatically, or take a VolumeSnapshot and export that",
			observed.disk.Name, strings.Join(observed.users, ", "))
	}
	if !observed.disk.Complete() {
		return operation.Pending(v1alpha1.ReasonSourceNotReady,
			"WukongDisk %s: %s", observed.disk.Name, model.Ready(observed.disk).Message)
	}
	if observed.claim == nil {
		return operation.Pending(v1alpha1.ReasonSourceNotReady,
			"PersistentVolumeClaim %s of WukongDisk %s does not exist",
			observed.disk.Status.ClaimName, observed.disk.Name)
	}
	return nil
}

func diskMissing(export *v1alpha1.WukongExport, observed *observation) *operation.State {
	source := export.Spec.Source
	switch {
	case source.DiskRef != nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongDisk %s does not exist in namespace %s: create it, or create another export",
			source.DiskRef.Name, export.Namespace)
	case observed.vm == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongVM %s does not exist in namespace %s: create it, or create another export",
			source.VM.Name, export.Namespace)
	case model.ExportedDisk(export, observed.vm) == "":
		return whichDisk(observed.vm, source.VM.Disk)
	default:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"the WukongDisk of WukongVM %s does not exist yet", source.VM.Name)
	}
}

// whichDisk asks the user which disk of a WukongVM has to be exported.
func whichDisk(vm *v1alpha1.WukongVM, name string) *operation.State {
	var names []string
	for _, disk := range model.ExportableDisks(vm, "") {
		names = append(names, disk.Name)
	}
	switch {
	case len(names) == 0:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongVM %s has nothing but drives in spec.disks: export a WukongVM that has a disk", vm.Name)
	case name != "" && len(model.ExportableDisks(vm, name)) > 0:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"the drive %s of WukongVM %s is empty: put a medium in, or export another of its disks: %s",
			name, vm.Name, strings.Join(names, ", "))
	case name != "":
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongVM %s has no disk %s in spec.disks: export one that it has: %s",
			vm.Name, name, strings.Join(names, ", "))
	default:
		return operation.Pending(v1alpha1.ReasonInvalidSpec,
			"WukongVM %s has the disks %s, and an export contains one: create an export for each, with its name in "+
				"source.vm.disk",
			vm.Name, strings.Join(names, ", "))
	}
}

// void reports whether what the Job reads may not be what the disk had at one moment: a guest uses the disk, and it is
// unknown whether the Job had ended before. It may have ended while no manager ran. A Job that failed has no result,
// and what a link has served is not taken back. A Job that has not begun, and whose claim was deleted, never begins:
// the next one finds the source again.
func void(export *v1alpha1.WukongExport, observed *observation) bool {
	if observed.job == nil || export.Spec.Source.VolumeSnapshot != nil {
		return false
	}
	end := moverpod.End(observed.job)
	switch {
	case len(observed.users) > 0:
		return end == nil || end.Type == batchv1.JobComplete && export.Spec.Target.Download == nil
	case observed.claim == nil:
		return end == nil && (observed.pod == nil || observed.pod.Status.Phase == corev1.PodPending)
	default:
		return false
	}
}
