// Package attempt describes one attempt of a Job to move the bytes, which is its newest pod: what the pod waits for,
// whether it serves a download, why it failed, and why the Job makes no pod. It writes nothing.
package attempt

import (
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongexport/internal/job"
	"github.com/novasphere/wukong/mover"
)

// Inputs decide about the newest attempt.
type Inputs struct {
	// Job is not read while there is neither a Pod nor a Refusal.
	Job *batchv1.Job
	// Pod is the newest pod of the Job; nil when there is none.
	Pod *corev1.Pod
	// Report is the last one of the pod's mover; nil before the first.
	Report *mover.Report
	// Refusal is why the Job makes no pod; empty when nothing reports one.
	Refusal string
}

// Problem is what a pod waits for, or why the last one failed; nil when the attempt makes progress.
func (in Inputs) Problem() *operation.State {
	pod := in.Pod
	switch {
	case in.Refusal != "":
		return operation.Pending(v1alpha1.ReasonApplyRefused,
			"Job %s may create no pod: %s; it is retried", in.Job.Name, in.Refusal)
	case pod == nil:
		return nil
	case pod.Status.Phase == corev1.PodFailed:
		reason, message := in.Failure()
		// The Job controller counts the newest failure a moment later.
		return operation.InProgress(reason, "%s; it is retried (%d of %d attempts failed)",
			message, max(in.Job.Status.Failed, 1), job.Attempts)
	case pod.Status.Phase == corev1.PodPending:
		if message := waitsFor(pod); message != "" {
			return operation.InProgress(v1alpha1.ReasonInProgress, "pod %s: %s", pod.Name, message)
		}
	}
	return nil
}

// Failure is why the newest pod failed.
func (in Inputs) Failure() (reason, message string) {
	reason = v1alpha1.ReasonTransferFailed
	if in.Pod == nil {
		return reason, "the pod was deleted, and its result is not known"
	}
	if report := in.Report; report != nil && report.Message != "" {
		if knownReasons[report.Reason] {
			reason = report.Reason
		}
		return reason, report.Message
	}
	for _, status := range in.Pod.Status.ContainerStatuses {
		if end := status.State.Terminated; end != nil {
			var why string
			if end.Reason != "" {
				why = " (" + end.Reason + ")"
			}
			return reason, fmt.Sprintf("pod %s ended with code %d%s and reported nothing", in.Pod.Name, end.ExitCode, why)
		}
	}
	why := strings.TrimSpace(in.Pod.Status.Reason + " " + in.Pod.Status.Message)
	if why == "" {
		return reason, fmt.Sprintf("pod %s failed, and Kubernetes reports no cause", in.Pod.Name)
	}
	return reason, fmt.Sprintf("pod %s failed: %s", in.Pod.Name, why)
}

// knownReasons are those that the mover may give. Its Report comes from a pod, and is not trusted.
var knownReasons = map[string]bool{
	v1alpha1.ReasonSourceUnreadable: true, v1alpha1.ReasonCredentialsRefused: true, v1alpha1.ReasonBucketMissing: true,
	v1alpha1.ReasonTargetUnreachable: true, v1alpha1.ReasonTransferFailed: true, v1alpha1.ReasonSecretMissing: true,
}

// waitsFor is why a pod does not start; empty when it is about to start.
func waitsFor(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return condition.Message
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		waiting := status.State.Waiting
		if waiting != nil && waiting.Message != "" && waiting.Reason != "ContainerCreating" {
			return waiting.Reason + ": " + waiting.Message
		}
	}
	return ""
}

// Running reports whether a pod runs; a nil one does not. It has its claim then, which stays as long as the pod runs
// (k8s.io/kubernetes, pkg/controller/volume/pvcprotection).
func Running(pod *corev1.Pod) bool { return pod != nil && pod.Status.Phase == corev1.PodRunning }

// Serving reports whether the download of a pod can be read; that of a nil one cannot.
func Serving(pod *corev1.Pod) bool {
	if pod == nil {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// LastReport is the Report that the mover of a pod left at its end; nil while it runs, and when it could not leave one.
func LastReport(pod *corev1.Pod) *mover.Report {
	for _, status := range pod.Status.ContainerStatuses {
		if end := status.State.Terminated; end != nil && status.Name == job.ContainerName {
			if report, err := mover.ParseReport([]byte(end.Message)); err == nil {
				return report
			}
		}
	}
	return nil
}

// End is the condition that reports the end of the Job; nil before. It is nil also until the pod has ended, because the
// status of a finished export keeps the last Report of the pod for ever, and Job and pod come from different caches.
func (in Inputs) End() *batchv1.JobCondition {
	if in.Pod != nil && in.Pod.Status.Phase != corev1.PodSucceeded && in.Pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	return job.End(in.Job)
}
