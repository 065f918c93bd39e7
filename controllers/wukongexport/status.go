package wukongexport

import (
	"context"
	"regexp"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/attempt"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/download"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
	"github.com/novasphere/wukong/mover"
)

// writeStatus computes the status, writes it when it differs, and returns the export with it.
func (r *Reconciler) writeStatus(
	ctx context.Context, export *v1alpha1.WukongExport, observed *observation,
) (*v1alpha1.WukongExport, error) {
	after := export.DeepCopy()
	state := evaluate(export, observed, observed.outcome.Refused())
	set := conditions.For(export, r.clock)
	state.Report(set)
	completed := state.Phase == v1alpha1.OperationSucceeded && state.Reason == v1alpha1.ReasonCompleted
	reason := state.Reason
	if reason == v1alpha1.ReasonServing {
		reason = v1alpha1.ReasonInProgress
	}
	set.Put(v1alpha1.ConditionCompleted, operation.Status(completed), reason, state.Message)
	observed.umbrella.Report(set)
	if !export.Finished() {
		after.Status = describe(export, observed)
	}
	var started *metav1.Time
	if observed.job != nil {
		started = &observed.job.CreationTimestamp
	}
	after.Status.OperationStatus = state.Describe(export, set, started, r.clock.Now())
	return after, r.applier.Status(ctx, export, after)
}

// evaluate returns the state of the export.
func evaluate(export *v1alpha1.WukongExport, observed *observation, applyErr error) *operation.State {
	if export.Finished() {
		return operation.Recorded(export)
	}
	if end := observed.end(); end != nil {
		return ended(export, observed, end)
	}
	if found := obstacle(export, observed); found != nil && applies(export, observed) {
		return found
	}
	if applyErr != nil {
		return operation.Pending(apply.Reason(applyErr), "%s", applyErr)
	}
	if found := observed.attempt().Problem(); found != nil {
		return found
	}
	if export.Spec.Target.Download != nil && moverpod.Ready(observed.pod) {
		serving := operation.InProgress(v1alpha1.ReasonServing, "download with the token in Secret %s, until %s",
			model.ExportDownloadName(export), observed.job.Annotations[job.AnnotationExpiresAt])
		serving.Ready = true
		return serving
	}
	if observed.job != nil && !observed.job.DeletionTimestamp.IsZero() {
		return operation.Pending(v1alpha1.ReasonPending,
			"Job %s of an earlier attempt is being deleted", observed.job.Name)
	}
	return operation.InProgress(v1alpha1.ReasonInProgress, "Job %s moves the bytes", model.ExportJobName(export))
}

// applies reports whether an obstacle prevents this export. What a Job reads exists, whatever happens to the objects by
// which it was found. But a claim that is restored from a snapshot needs the snapshot until the pod has the claim.
func applies(export *v1alpha1.WukongExport, observed *observation) bool {
	return observed.job == nil || observed.void ||
		export.Spec.Source.VolumeSnapshot != nil && !attempt.Running(observed.pod)
}

// attempt are the inputs that decide about the newest pod of the Job.
func (o *observation) attempt() attempt.Inputs {
	return attempt.Inputs{Job: o.job, Pod: o.pod, Report: o.report, Refusal: o.refusal}
}

// end is the condition that reports the end of the Job; nil before, and when the Job is void.
func (o *observation) end() *batchv1.JobCondition {
	if o.job == nil || o.void {
		return nil
	}
	return o.attempt().End()
}

// ended is the state of an export whose Job ended.
func ended(export *v1alpha1.WukongExport, observed *observation, end *batchv1.JobCondition) *operation.State {
	var state *operation.State
	switch {
	case end.Type == batchv1.JobFailed:
		reason, message := observed.attempt().Failure()
		state = operation.Failed("given up after %d attempts: %s: %s; fix the cause and create another WukongExport",
			observed.job.Status.Failed, reason, message)
	case export.Spec.Target.Download != nil:
		state = operation.Succeeded(v1alpha1.ReasonExpired)
		state.Ready, state.Message = false,
			"the time of the download link is over; create another WukongExport for a new one"
	default:
		state = operation.Succeeded(v1alpha1.ReasonCompleted)
	}
	state.CompletedAt = &end.LastTransitionTime
	return state
}

// describe is the part of status that only exports have. What a mover reported stays until it, or the mover of the next
// attempt, reports something else: a manager that has just started does not have its Report yet.
func describe(export *v1alpha1.WukongExport, observed *observation) v1alpha1.WukongExportStatus {
	described := v1alpha1.WukongExportStatus{}
	if observed.claim != nil {
		described.ClaimName = observed.claim.Name
	} else if observed.job != nil {
		described.ClaimName = job.ClaimName(observed.job)
	}
	if observed.job == nil || !observed.job.DeletionTimestamp.IsZero() || observed.void {
		return described
	}
	described.Failures = observed.job.Status.Failed
	described.ProgressPercent, described.SizeBytes = export.Status.ProgressPercent, export.Status.SizeBytes
	described.Checksum, described.Location = export.Status.Checksum, export.Status.Location
	if report := observed.report; report != nil {
		copyReport(&described, report)
	}
	if expiresAt, err := job.ExpiresAt(observed.job); err == nil && export.Spec.Target.Download != nil {
		name := model.ExportDownloadName(export)
		described.Download = &v1alpha1.DownloadStatus{
			URL: download.URL(export), ServiceName: name, SecretName: name, ExpiresAt: &metav1.Time{Time: expiresAt},
		}
	}
	return described
}

var checksum = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// maxLocation is what the schema allows.
const maxLocation = 2048

// copyReport copies what a mover reported, as far as it is well-formed: the Report of a pod is not trusted.
func copyReport(described *v1alpha1.WukongExportStatus, report *mover.Report) {
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
