package restore

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/protocol/diskrestore"
	"github.com/novasphere/wukong/controllers/internal/request"
)

// unknown reports whether the disks have not reported yet how far a restore came whose status was lost. A disk that was
// complete once and reports no claim has lost its own status, too.
func (in Inputs) unknown() bool {
	if in.VM.Annotations[v1alpha1.AnnotationRestoreRequest] == "" {
		return false
	}
	for i := range in.VM.Spec.Disks {
		disk := in.Disks[model.DiskName(in.VM, &in.VM.Spec.Disks[i])]
		if disk != nil && disk.Status.ClaimName == "" && disk.Annotations[v1alpha1.AnnotationFilled] == disk.Name {
			return true
		}
	}
	return false
}

// handled reports whether a disk is that of a request, or of a later one, which has ended. It shows that the request
// was carried out when the annotation of the WukongVM was removed, as 'kubectl replace' does.
func (in Inputs) handled(at metav1.Time) bool {
	for i := range in.VM.Spec.Disks {
		disk := in.Disks[model.DiskName(in.VM, &in.VM.Spec.Disks[i])]
		if disk == nil || disk.Status.Restore == nil || disk.Status.AttachedTo != in.VM.Name {
			continue
		}
		if report := disk.Status.Restore; report.Phase == v1alpha1.DiskRestoreDone && !report.RequestedAt.Before(&at) {
			return true
		}
	}
	return false
}

// rebuilt finds out from the disks how far a restore came whose status was lost; nil when none is under way.
func (in Inputs) rebuilt() *v1alpha1.VMRestoreStatus {
	status := &v1alpha1.VMRestoreStatus{Since: metav1.NewTime(in.Now.Truncate(time.Second))}
	at, reports := in.reported(status)
	if len(status.Disks) == 0 || !at.After(in.VM.CreationTimestamp.Time) || !in.mayGoOn(at.Time, reports) {
		return nil
	}
	status.Request = in.requestOf(at, status.Disks[0].VolumeSnapshotName)
	if status.Request.SafetySnapshot != v1alpha1.SafetySnapshotSkip {
		status.SafetySnapshotName = model.SafetySnapshotName(in.VM, at.Time)
	}
	switch inUse := reports[v1alpha1.DiskRestoreInUse]; {
	case reports[v1alpha1.DiskRestoreReturned] > 0, inUse > 0 && reports[v1alpha1.DiskRestoreFailed] > 0:
		status.Phase, status.Reason = v1alpha1.RestoreRollingBack, v1alpha1.ReasonRolledBack
		status.Cause = "the guest did not start on the restored disks"
	case inUse > 0:
		in.resume(status, inUse)
	case in.VM.Spec.Restore != nil && in.VM.Spec.Restore.RequestedAt.Equal(&at):
		// Perhaps not all disks have a new claim yet. The request begins again, with all of them.
		return nil
	default:
		status.Phase = v1alpha1.RestoreFilling // and is cancelled
	}
	return status
}

// resume finds out how far a restore came that has replaced some disks.
func (in Inputs) resume(status *v1alpha1.VMRestoreStatus, inUse int) {
	at := status.Request.RequestedAt
	switch {
	case in.handled(at): // one disk is done, so all were replaced, and the guest started
		status.Phase, status.Reason = v1alpha1.RestoreSucceeded, v1alpha1.ReasonRestored
	case in.forgotten(at, len(status.Disks)):
		status.Phase, status.Reason = v1alpha1.RestoreRollingBack, v1alpha1.ReasonRolledBack
		status.Cause = "status of the WukongVM and its annotation " + v1alpha1.AnnotationRestoreRequest + " were lost, so " +
			"that nothing shows which disks belong to the restore"
	case inUse == len(status.Disks):
		status.Phase = v1alpha1.RestoreStarting
	default:
		status.Phase = v1alpha1.RestoreSwitching
	}
}

// reported lists the disks that report the latest restore, and counts their phases.
func (in Inputs) reported(status *v1alpha1.VMRestoreStatus) (metav1.Time, map[v1alpha1.DiskRestorePhase]int) {
	var at metav1.Time
	reports := map[v1alpha1.DiskRestorePhase]int{}
	for i := range in.VM.Spec.Disks {
		disk := in.Disks[model.DiskName(in.VM, &in.VM.Spec.Disks[i])]
		if disk == nil || disk.Status.AttachedTo != in.VM.Name || !isOpen(disk.Status.Restore) {
			continue
		}
		report := disk.Status.Restore
		if at.Before(&report.RequestedAt) {
			at, status.Disks, reports = report.RequestedAt, nil, map[v1alpha1.DiskRestorePhase]int{}
		}
		if !at.Equal(&report.RequestedAt) {
			continue
		}
		reports[report.Phase]++
		status.Disks = append(status.Disks, v1alpha1.VMRestoreDisk{
			Name: in.VM.Spec.Disks[i].Name, DiskName: disk.Name,
			VolumeSnapshotName: cmp.Or(report.VolumeSnapshotName, "unknown"),
			PreviousClaimName:  previousOf(disk),
		})
	}
	return at, reports
}

// previousOf is the claim that a disk had before its restore: the one that it has, when that was not replaced.
func previousOf(disk *v1alpha1.WukongDisk) string {
	if disk.Status.Restore.Phase == v1alpha1.DiskRestoreFailed {
		return disk.Status.ClaimName
	}
	return disk.Status.Restore.PreviousClaimName
}

// isOpen reports whether a disk reports a restore that has not ended.
func isOpen(report *v1alpha1.DiskRestore) bool {
	return report != nil && report.Phase != v1alpha1.DiskRestoreDone
}

// mayGoOn reports whether a restore that the disks report is not over: it has replaced disks, or its mark says so.
func (in Inputs) mayGoOn(at time.Time, reports map[v1alpha1.DiskRestorePhase]int) bool {
	if reports[v1alpha1.DiskRestoreInUse]+reports[v1alpha1.DiskRestoreReturned] > 0 {
		return true
	}
	mark, _ := request.Parse(in.VM.Annotations[v1alpha1.AnnotationRestoreRequest])
	return in.isMarked(at) && mark.By != diskrestore.Ended
}

// forgotten reports whether nothing shows which disks belong to a restore of which some disks report that they are
// replaced: one that was still to be replaced may have forgotten that, because the mark was lost, too.
func (in Inputs) forgotten(at metav1.Time, known int) bool {
	restorable := 0
	for i := range in.VM.Spec.Disks {
		entry := &in.VM.Spec.Disks[i]
		disk := in.Disks[model.DiskName(in.VM, entry)]
		if disk != nil && entry.Type != v1alpha1.DiskTypeCDROM && !disk.AdoptsClaim() && !model.IsShared(disk) {
			restorable++
		}
	}
	return known < restorable && !in.isMarked(at.Time)
}

// isMarked reports whether the mark of the last request names a time.
func (in Inputs) isMarked(at time.Time) bool {
	mark, marked := request.Parse(in.VM.Annotations[v1alpha1.AnnotationRestoreRequest])
	return marked && mark.At.Equal(at)
}

// requestOf is the request that was made at a time: that of the spec, or one with the defaults when the spec has
// another by now.
func (in Inputs) requestOf(at metav1.Time, snapshot string) v1alpha1.VMRestore {
	if asked := in.VM.Spec.Restore; asked != nil && asked.RequestedAt.Equal(&at) {
		return *asked.DeepCopy()
	}
	return v1alpha1.VMRestore{
		RequestedAt: at, SnapshotRef: v1alpha1.LocalObjectReference{Name: snapshot},
		Stop: v1alpha1.RestoreStopGraceful, SafetySnapshot: v1alpha1.SafetySnapshotTake,
		SafetyTTLSeconds: ptr.To(v1alpha1.DefaultSafetyTTLSeconds), SuccessWhen: v1alpha1.RestoreSuccessRunning,
		StartDeadlineSeconds: ptr.To(v1alpha1.DefaultStartDeadlineSeconds),
	}
}
