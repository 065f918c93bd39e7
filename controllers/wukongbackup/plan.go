package wukongbackup

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongbackup/internal/content"
)

const (
	// parallel is how many disks are copied at the same time. Each needs a temporary claim of the size of the disk.
	parallel = 3
	// look is how often a backup is looked at that waits for what no watch reports: the pod of its Job.
	look = 15 * time.Second
)

// Plan is what a pass does, and what it reports.
type Plan struct {
	state *operation.State
	// record is the part of status that only backups have.
	record v1alpha1.WukongBackupStatus
	// exportsDue, jobDue and files are to be created; nil for none.
	exportsDue []*v1alpha1.WukongExport
	jobDue     *batchv1.Job
	files      *corev1.ConfigMap
}

func decide(backup *v1alpha1.WukongBackup, world *World) *Plan {
	plan := &Plan{record: *backup.Status.DeepCopy()}
	if backup.Finished() {
		plan.state = operation.Recorded(backup)
		return plan
	}
	plan.record.Disks = copies(backup, world)
	plan.record.ProgressPercent = progress(plan.record.Disks, world)
	if world.snapshot != nil && plan.record.TakenAt == nil {
		plan.record.TakenAt = world.snapshot.Status.TakenAt
	}
	plan.state = obstacle(backup, world)
	if plan.state != nil {
		return plan
	}
	if !isCopied(backup, world) {
		plan.copyDisks(backup, world)
		return plan
	}
	plan.complete(backup, world)
	return plan
}

// disksOf are the disks that the backup has: those that it began with, or those of the snapshot.
func disksOf(backup *v1alpha1.WukongBackup, snapshot *v1alpha1.WukongSnapshot) []v1alpha1.BackupDiskStatus {
	if len(backup.Status.Disks) > 0 || snapshot == nil || !snapshot.Finished() {
		return backup.Status.Disks
	}
	var disks []v1alpha1.BackupDiskStatus
	for i := range snapshot.Status.Disks {
		name := snapshot.Status.Disks[i].Name
		disks = append(disks, v1alpha1.BackupDiskStatus{Name: name, ExportName: model.BackupExportName(backup, name)})
	}
	return disks
}

// copies are the disks, with what their exports reported at their ends.
func copies(backup *v1alpha1.WukongBackup, world *World) []v1alpha1.BackupDiskStatus {
	disks := slices.Clone(disksOf(backup, world.snapshot))
	for i := range disks {
		disk, export := &disks[i], world.exports[disks[i].ExportName]
		if disk.Checksum == "" && export != nil && export.Status.Phase == v1alpha1.OperationSucceeded {
			disk.Location, disk.SizeBytes = export.Spec.Target.S3.URL, export.Status.SizeBytes
			disk.Checksum = export.Status.Checksum
		}
	}
	return disks
}

// isCopied reports whether all disks are copied.
func isCopied(backup *v1alpha1.WukongBackup, world *World) bool {
	disks := copies(backup, world)
	return len(disks) > 0 && !slices.ContainsFunc(disks, func(disk v1alpha1.BackupDiskStatus) bool {
		return disk.Checksum == ""
	})
}

// progress is the mean of the disks, in steps of ten.
func progress(disks []v1alpha1.BackupDiskStatus, world *World) *int32 {
	if len(disks) == 0 {
		return nil
	}
	var sum int32
	for i := range disks {
		if disks[i].Checksum != "" {
			sum += 100
		} else if export := world.exports[disks[i].ExportName]; export != nil {
			sum += ptr.Deref(export.Status.ProgressPercent, 0)
		}
	}
	return ptr.To(min(sum/int32(len(disks))/10*10, 90))
}

// obstacle is what the backup waits for before it can begin, or why it cannot; nil for nothing.
func obstacle(backup *v1alpha1.WukongBackup, world *World) *operation.State {
	snapshot, name := world.snapshot, backup.Spec.SnapshotRef.Name
	switch {
	case world.mover.Image == "":
		return operation.Pending(v1alpha1.ReasonMoverMissing, "%s", noMoverImage)
	case world.foreign != "":
		found := operation.Pending(v1alpha1.ReasonNameConflict,
			"%s already exists and is not managed by this backup: it is not changed; remove it, or give the backup another "+
				"name", world.foreign)
		found.After = look
		return found
	case snapshot == nil && len(backup.Status.Disks) == 0:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongSnapshot %s does not exist; create it, and the backup continues automatically", name)
	case snapshot == nil && world.job == nil:
		return operation.Failed("WukongSnapshot %s was deleted before the backup was complete; create another WukongBackup",
			name)
	case snapshot == nil:
		return nil
	case !snapshot.Finished():
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "WukongSnapshot %s: %s", name, message(snapshot))
	case snapshot.Status.Phase != v1alpha1.OperationSucceeded || len(snapshot.Status.Disks) == 0:
		return operation.Failed("WukongSnapshot %s contains nothing to copy: %s; create another WukongBackup",
			name, message(snapshot))
	default:
		return nil
	}
}

const noMoverImage = "the manager does not know the image that moves the bytes: start it with --mover-image, " +
	"which is the manager's own image (the chart does so)"

// message is why an object is not ready.
func message(obj v1alpha1.Object) string {
	ready := model.Ready(obj)
	if ready.Message == "" {
		return ready.Reason
	}
	return ready.Message
}

// copyDisks begins exports, and reports how far they are.
func (p *Plan) copyDisks(backup *v1alpha1.WukongBackup, world *World) {
	running, waits, done := 0, "", 0
	for i := range p.record.Disks {
		disk := &p.record.Disks[i]
		export := world.exports[disk.ExportName]
		switch {
		case disk.Checksum != "":
			done++
		case export == nil:
		case export.Finished():
			p.exportsDue = nil
			p.state = operation.Failed("disk %s was not copied: %s", disk.Name, cause(export))
			return
		default:
			running++
			if ready := model.Ready(export); waits == "" && ready.Reason != v1alpha1.ReasonInProgress {
				waits = fmt.Sprintf("; disk %s: %s", disk.Name, message(export))
			}
		}
	}
	for i := range p.record.Disks {
		disk := &p.record.Disks[i]
		if disk.Checksum == "" && world.exports[disk.ExportName] == nil && running < parallel {
			running++
			p.exportsDue = append(p.exportsDue, exportOf(backup, world.snapshot, disk.Name))
		}
	}
	p.state = operation.InProgress(v1alpha1.ReasonInProgress, "%d of %d disks are copied%s",
		done, len(p.record.Disks), waits)
}

// cause is why an export ended without success. One that reports no checksum cannot be verified when it is restored.
func cause(export *v1alpha1.WukongExport) string {
	if export.Status.Phase == v1alpha1.OperationSucceeded {
		return fmt.Sprintf("WukongExport %s reports no checksum; create another WukongBackup", export.Name)
	}
	return fmt.Sprintf("WukongExport %s: %s", export.Name, message(export))
}

// exportOf copies one disk.
func exportOf(
	backup *v1alpha1.WukongBackup, snapshot *v1alpha1.WukongSnapshot, disk string,
) *v1alpha1.WukongExport {
	target := backup.Spec.Target.S3
	source := &v1alpha1.ExportSnapshotSource{}
	for _, entry := range snapshot.Status.Disks {
		if entry.Name == disk {
			source.Name, source.StorageClassName = entry.VolumeSnapshotName, entry.StorageClassName
		}
	}
	return &v1alpha1.WukongExport{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: backup.Namespace, Name: model.BackupExportName(backup, disk),
			Labels: map[string]string{v1alpha1.LabelBackup: backup.Name},
		},
		Spec: v1alpha1.WukongExportSpec{
			Source: v1alpha1.ExportSource{VolumeSnapshot: source},
			Target: v1alpha1.ExportTarget{S3: &v1alpha1.S3Target{
				URL:    content.Folder(backup) + "/" + content.FileName(backup, disk),
				Region: target.Region, SecretRef: target.SecretRef, CertConfigMapRef: target.CertConfigMapRef,
				Encryption: target.Encryption,
			}},
			Format: v1alpha1.ExportQCOW2, Compression: v1alpha1.ExportGzip,
		},
	}
}

// refused reports a write that the API server refused. What a finished backup reports stays.
func (p *Plan) refused(err error) {
	if err == nil || p.state.Finished() {
		return
	}
	phase := p.state.Phase
	p.state = operation.Pending(apply.Reason(err), "%s", err)
	p.state.Phase = phase
}
