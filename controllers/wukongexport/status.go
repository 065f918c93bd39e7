package wukongexport

import (
	"context"
	"fmt"
	"regexp"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/mover"
)

// outcome is where an export stands.
type outcome struct {
	phase           v1alpha1.ExportPhase
	reason, message string
	// ready and completed are the two conditions.
	ready, completed bool
}

func outcomeOf(found *notReady) outcome {
	return outcome{phase: found.Phase, reason: found.Reason, message: found.Message}
}

// writeStatus computes the status, writes it when it differs, and returns the export with it.
func (r *Reconciler) writeStatus(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) (*v1alpha1.WukongExport, error) {
	after := export.DeepCopy()
	result := evaluate(export, observed, observed.outcome.Refused())
	set := conditions.For(export, r.clock)
	completedReason := result.reason
	if result.phase == v1alpha1.ExportServing {
		completedReason = v1alpha1.ReasonInProgress
	}
	set.Put(v1alpha1.ConditionReady, status(result.ready), result.reason, result.message)
	set.Put(v1alpha1.ConditionCompleted, status(result.completed), completedReason, result.message)
	observed.umbrella.Report(set)
	after.Status = describe(export, observed, result)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = export.Generation
	return after, r.applier.Status(ctx, export, after)
}

// writeRecord keeps the status of a finished export as it is. Only what does not speak of the transfer follows the world.
func (r *Reconciler) writeRecord(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	after := export.DeepCopy()
	set := conditions.For(export, r.clock)
	for _, condition := range export.Status.Conditions {
		if condition.Type != v1alpha1.ConditionUmbrellaLinked {
			set.Put(condition.Type, condition.Status, condition.Reason, condition.Message)
		}
	}
	observed.umbrella.Report(set)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = export.Generation
	return r.applier.Status(ctx, export, after)
}

func status(is bool) metav1.ConditionStatus {
	if is {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// evaluate says where the export stands.
func evaluate(export *v1alpha1.WukongExport, observed *observation, applyErr error) outcome {
	if observed.job != nil {
		if end := observed.end(); end != nil {
			return ended(export, observed, end)
		}
	}
	if found := obstacle(export, observed); found != nil && hinders(export, observed) {
		return outcomeOf(found)
	}
	if applyErr != nil {
		return outcomeOf(pending(apply.Reason(applyErr), "%s", applyErr))
	}
	if found := trouble(observed); found != nil {
		return outcomeOf(found)
	}
	if export.Spec.Target.Download != nil && observed.pod != nil && podReady(observed.pod) {
		return outcome{phase: v1alpha1.ExportServing, reason: v1alpha1.ReasonServing, ready: true,
			message: fmt.Sprintf("download with the token in Secret %s, until %s", model.ExportDownloadName(export), observed.job.Annotations[annotationExpiresAt])}
	}
	if observed.job != nil && !observed.job.DeletionTimestamp.IsZero() {
		return outcomeOf(pending(v1alpha1.ReasonPending, "Job %s of an earlier attempt is being deleted", observed.job.Name))
	}
	return outcome{phase: v1alpha1.ExportTransferring, reason: v1alpha1.ReasonInProgress, message: fmt.Sprintf("Job %s moves the bytes", model.ExportJobName(export))}
}

// hinders tells whether an obstacle is one for this export. What a Job reads is there, whatever becomes of the objects that it was found by; but a claim that
// is restored from a snapshot needs that until the pod has it.
func hinders(export *v1alpha1.WukongExport, observed *observation) bool {
	return observed.job == nil || observed.void || export.Spec.Source.VolumeSnapshot != nil && !observed.reading()
}

// ended is the outcome of a Job that is over.
func ended(export *v1alpha1.WukongExport, observed *observation, end *batchv1.JobCondition) outcome {
	switch {
	case end.Type == batchv1.JobFailed:
		reason, message := failureOf(observed)
		return outcome{phase: v1alpha1.ExportFailed, reason: v1alpha1.ReasonFailed,
			message: fmt.Sprintf("given up after %d attempts: %s: %s; mend the cause and create another WukongExport", observed.job.Status.Failed, reason, message)}
	case export.Spec.Target.Download != nil:
		return outcome{phase: v1alpha1.ExportExpired, reason: v1alpha1.ReasonExpired,
			message: "the time of the download link is over; create another WukongExport for a new one"}
	default:
		return outcome{phase: v1alpha1.ExportCompleted, reason: v1alpha1.ReasonCompleted, ready: true, completed: true}
	}
}

// describe is the status beside its conditions. What a mover said stays until it, or its successor, says something else: a manager that starts
// anew has not heard it yet.
func describe(export *v1alpha1.WukongExport, observed *observation, result outcome) v1alpha1.WukongExportStatus {
	described := v1alpha1.WukongExportStatus{Phase: result.phase}
	if observed.claim != nil {
		described.ClaimName = observed.claim.Name
	} else if observed.job != nil {
		described.ClaimName = export.Status.ClaimName
	}
	job := observed.job
	if job == nil || !job.DeletionTimestamp.IsZero() || observed.void {
		return described
	}
	described.Failures = job.Status.Failed
	described.ProgressPercent, described.SizeBytes = export.Status.ProgressPercent, export.Status.SizeBytes
	described.Checksum, described.Location = export.Status.Checksum, export.Status.Location
	if report := observed.report; report != nil {
		tell(&described, report)
	}
	if end := observed.end(); end != nil {
		described.CompletionTime = &end.LastTransitionTime
	}
	if expiresAt, err := time.Parse(time.RFC3339, job.Annotations[annotationExpiresAt]); err == nil && export.Spec.Target.Download != nil {
		described.Download = &v1alpha1.DownloadStatus{
			URL: downloadURL(export), ServiceName: model.ExportDownloadName(export), SecretName: model.ExportDownloadName(export), ExpiresAt: &metav1.Time{Time: expiresAt},
		}
	}
	return described
}

var checksum = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// maxLocation is what the schema allows.
const maxLocation = 2048

// tell takes over what a mover said, as far as it is well-formed: its words come from a pod.
func tell(described *v1alpha1.WukongExportStatus, report *mover.Report) {
	described.ProgressPercent = &report.Percent
	described.SizeBytes = max(report.SizeBytes, 0)
	described.Checksum, described.Location = "", ""
	if checksum.MatchString(report.Checksum) {
		described.Checksum = report.Checksum
	}
	if len(report.Location) <= maxLocation {
		described.Location = report.Location
	}
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
