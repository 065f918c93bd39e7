package wukongbackup

import (
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongbackup/internal/content"
	"github.com/novasphere/wukong/mover"
)

// attempts is how often the Job is tried, as the Job of an export.
const attempts = 6

// complete writes the files of a backup whose disks are copied.
func (p *Plan) complete(backup *v1alpha1.WukongBackup, world *World) {
	if world.job == nil {
		p.begin(backup, world)
		return
	}
	end := moverpod.End(world.job)
	switch {
	case end == nil && world.refusal != "":
		p.state = operation.InProgress(v1alpha1.ReasonApplyRefused, "Job %s may create no pod: %s; it is retried",
			world.job.Name, world.refusal)
		p.state.After = look
	case end == nil || world.pod != nil && !hasEnded(world.pod):
		p.state = operation.InProgress(v1alpha1.ReasonInProgress, "%s", waits(world))
		p.state.After = look
	case end.Type == batchv1.JobFailed:
		reason, message := moverpod.Failure(world.pod, report(world.pod))
		p.state = operation.Failed("the manifest was not written after %d attempts: %s: %s; "+
			"resolve the cause, and create another WukongBackup", world.job.Status.Failed, reason, message)
	default:
		p.succeed(backup, world)
	}
}

// begin makes the files, and the Job that writes them.
func (p *Plan) begin(backup *v1alpha1.WukongBackup, world *World) {
	if world.snapshot.Spec.Source.VMRef != nil && world.machine == nil {
		p.state = operation.Failed("WukongSnapshot %s does not keep the manifest of its WukongVM; "+
			"create another WukongSnapshot, and another WukongBackup of it", world.snapshot.Name)
		return
	}
	files, found := content.Inputs{
		Backup: backup, Snapshot: world.snapshot, Machine: world.machine, Disks: world.disks, Networks: world.networks,
		Copies: p.record.Disks,
	}.Files()
	if found != nil {
		p.state = operation.Failed("the manifest cannot be made: %s", found.Message)
		return
	}
	name := model.BackupJobName(backup)
	p.files = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: backup.Namespace, Name: name}, Data: files}
	p.jobDue = job{backup: backup, mover: world.mover, assignsUsers: world.assignsUsers}.desired()
	p.state = operation.InProgress(v1alpha1.ReasonInProgress, "Job %s writes the manifest", name)
	p.state.After = look
}

// waits is what the Job is doing.
func waits(world *World) string {
	text := "Job " + world.job.Name + " writes the manifest"
	switch pod := world.pod; {
	case pod == nil:
		return text
	case pod.Status.Phase == corev1.PodFailed:
		_, message := moverpod.Failure(pod, report(pod))
		return text + ": " + message + "; it is retried"
	default:
		return strings.TrimSuffix(text+": "+moverpod.WaitsFor(pod), ": ")
	}
}

// report is what the pod reported at its end; nil for nothing.
func report(pod *corev1.Pod) *mover.Report {
	if pod == nil {
		return nil
	}
	return moverpod.LastReport(pod)
}

func hasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// maxWarning is what the schema accepts, in bytes.
const maxWarning = 1024

// succeed reports a complete backup. The Report of a pod is not trusted. Where the manifest is follows from the spec.
func (p *Plan) succeed(backup *v1alpha1.WukongBackup, world *World) {
	p.state = operation.Succeeded(v1alpha1.ReasonCompleted)
	p.record.ProgressPercent = ptr.To[int32](100)
	p.record.Location = content.ManifestURL(backup)
	for _, disk := range p.record.Disks {
		p.record.SizeBytes += disk.SizeBytes
	}
	found := report(world.pod)
	if found == nil {
		return
	}
	p.record.SizeBytes += max(found.SizeBytes, 0)
	p.record.DeletedBackups = int32(min(max(found.Deleted, 0), 1<<20))
	warning := strings.ToValidUTF8(found.Warning[:min(len(found.Warning), maxWarning)], "")
	if p.record.Warning = warning; warning != "" {
		p.state.Message = "old backups were not deleted: " + warning
	}
}

// job describes the Job that completes a backup.
type job struct {
	backup       *v1alpha1.WukongBackup
	mover        kind.Mover
	assignsUsers bool
}

// desired is the Job. It is written once.
func (j job) desired() *batchv1.Job {
	target, name := j.backup.Spec.Target.S3, model.BackupJobName(j.backup)
	mounted := moverpod.Mounted{}
	mounted.Bucket(&target.SecretRef, target.CertConfigMapRef, target.Encryption)
	mounted.ConfigMap("manifest", mover.ManifestPath, name, false)
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: j.backup.Namespace},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](attempts - 1),
			Template: moverpod.Pod{
				Mover: j.mover, AssignsUsers: j.assignsUsers, Labels: map[string]string{v1alpha1.LabelBackup: j.backup.Name},
				Options: j.options(), Mounted: mounted, RestartPolicy: corev1.RestartPolicyNever,
			}.Template(),
		},
	}
}

func (j job) options() mover.Options {
	options := mover.Options{
		Target: mover.TargetBackup, Location: content.Folder(j.backup), Region: j.backup.Spec.Target.S3.Region,
		Encrypted: j.backup.Spec.Target.S3.Encryption != nil,
	}
	if retention := j.backup.Spec.Retention; retention != nil {
		options.KeepCount = int(ptr.Deref(retention.MaxCount, 0))
		options.KeepAge = time.Duration(ptr.Deref(retention.MaxAgeSeconds, 0)) * time.Second
	}
	return options
}
