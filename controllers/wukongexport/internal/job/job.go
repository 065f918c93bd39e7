// Package job makes the Job of an export, whose pod moves the bytes, and reads what a Job was made with. It reads and
// writes nothing in the cluster.
package job

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/mover"
)

const (
	// AnnotationExpiresAt is when a download link stops to work (RFC 3339). It is on the Job of a download and on its
	// Secret.
	AnnotationExpiresAt = v1alpha1.GroupName + "/expires-at"

	// Attempts is how often a transfer is tried. The Job controller waits 10 s after the first failure, and twice as
	// long after each further one: five minutes in all, in which a user may correct a Secret, and a target may become
	// reachable.
	Attempts = 6
)

// Inputs decide what the Job is.
type Inputs struct {
	Export *v1alpha1.WukongExport
	// Mover is the image that moves the bytes, and how it is pulled.
	Mover kind.Mover
	// AssignsUsers reports that the cluster gives pods the user and group ids of their namespace, and refuses others
	// (OpenShift).
	AssignsUsers bool
	// Claim is the claim of the disk; nil for an export of a VolumeSnapshot, whose claim is restored after the Job is
	// written.
	Claim *corev1.PersistentVolumeClaim
	// RestoredMode is the volume mode of the claim that is restored from a VolumeSnapshot.
	RestoredMode corev1.PersistentVolumeMode
	// ExpiresAt is when the link of a download stops to work.
	ExpiresAt time.Time
}

// Make returns the Job of an export. It is written once: the template of a Job cannot change, and a new manager must
// not disturb the transfer that an older one began.
func Make(in Inputs) *batchv1.Job {
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: model.ExportJobName(in.Export), Namespace: in.Export.Namespace},
		Spec: batchv1.JobSpec{
			BackoffLimit: ptr.To[int32](Attempts - 1),
			// A node that is drained or lost is no failure of the transfer.
			PodFailurePolicy: &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{
				Action: batchv1.PodFailurePolicyActionIgnore,
				OnPodConditions: []batchv1.PodFailurePolicyOnPodConditionsPattern{
					{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue},
				},
			}}},
		},
	}
	if in.Export.Spec.Target.Download != nil {
		job.Annotations = map[string]string{AnnotationExpiresAt: in.ExpiresAt.UTC().Format(time.RFC3339)}
	}
	job.Spec.Template = in.podTemplate()
	return job
}

// podTemplate is the template of the pod.
func (in Inputs) podTemplate() corev1.PodTemplateSpec {
	mounted := in.source()
	mountTarget(&mounted, in.Export)
	return moverpod.Pod{
		Mover: in.Mover, AssignsUsers: in.AssignsUsers, Labels: map[string]string{v1alpha1.LabelExport: in.Export.Name},
		Options: in.options(len(mounted.Devices) > 0), Mounted: mounted, Serves: in.Export.Spec.Target.Download != nil,
		RestartPolicy: corev1.RestartPolicyNever,
	}.Template()
}

func (in Inputs) options(block bool) mover.Options {
	options := mover.Options{
		Source: mover.FolderPath, Format: string(in.Export.Spec.Format),
		Compression: string(in.Export.Spec.Compression), FileName: FileName(in.Export),
	}
	if block {
		options.Source = mover.DevicePath
	}
	switch target := in.Export.Spec.Target; {
	case target.S3 != nil:
		options.Target, options.Location, options.Region = mover.TargetS3, target.S3.URL, target.S3.Region
		options.Encrypted = target.S3.Encryption != nil
	case target.Registry != nil:
		options.Target, options.Location = mover.TargetRegistry, target.Registry.Image
		options.Insecure = target.Registry.Insecure
	default:
		options.Target, options.ExpiresAt = mover.TargetDownload, in.ExpiresAt
	}
	return options
}

// FileName is the file of a download, and in a container disk.
func FileName(export *v1alpha1.WukongExport) string {
	name := export.Name + ".qcow2"
	if export.Spec.Format == v1alpha1.ExportRaw {
		name = export.Name + ".img"
	}
	if export.Spec.Compression == v1alpha1.ExportGzip && export.Spec.Target.Registry == nil {
		name += ".gz"
	}
	return name
}

// ClaimName is the name of the claim that a Job reads.
func ClaimName(job *batchv1.Job) string {
	for _, volume := range job.Spec.Template.Spec.Volumes {
		if volume.Name == sourceVolumeName && volume.PersistentVolumeClaim != nil {
			return volume.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// ExpiresAt is when the link of the Job of a download stops to work.
func ExpiresAt(job *batchv1.Job) (time.Time, error) {
	return time.Parse(time.RFC3339, job.Annotations[AnnotationExpiresAt])
}
