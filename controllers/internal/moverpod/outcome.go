package moverpod

import (
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover"
)

// knownReasons are those that the mover may give. Its Report comes from a pod, and is not trusted.
var knownReasons = map[string]bool{
	v1alpha1.ReasonSourceUnreadable: true, v1alpha1.ReasonCredentialsRefused: true, v1alpha1.ReasonBucketMissing: true,
	v1alpha1.ReasonTargetUnreachable: true, v1alpha1.ReasonTransferFailed: true, v1alpha1.ReasonSecretMissing: true,
	v1alpha1.ReasonSourceMissing: true, v1alpha1.ReasonKeyRefused: true, v1alpha1.ReasonChecksumMismatch: true,
}

// maxMessage bounds what is quoted of a Report, in bytes.
const maxMessage = 2048

// Failure is why a pod failed, by its last Report; nil when it left none. A nil pod was deleted.
func Failure(pod *corev1.Pod, report *mover.Report) (reason, message string) {
	reason = v1alpha1.ReasonTransferFailed
	if pod == nil {
		return reason, "the pod was deleted, and its result is not known"
	}
	if report != nil && report.Message != "" {
		if knownReasons[report.Reason] {
			reason = report.Reason
		}
		return reason, strings.ToValidUTF8(report.Message[:min(len(report.Message), maxMessage)], "")
	}
	for _, status := range pod.Status.ContainerStatuses {
		if end := status.State.Terminated; end != nil {
			var why string
			if end.Reason != "" {
				why = " (" + end.Reason + ")"
			}
			return reason, fmt.Sprintf("pod %s ended with code %d%s and reported nothing", pod.Name, end.ExitCode, why)
		}
	}
	why := strings.TrimSpace(pod.Status.Reason + " " + pod.Status.Message)
	if why == "" {
		return reason, fmt.Sprintf("pod %s failed, and Kubernetes reports no cause", pod.Name)
	}
	return reason, fmt.Sprintf("pod %s failed: %s", pod.Name, why)
}

// WaitsFor is why a pod does not start; empty when it is about to start.
func WaitsFor(pod *corev1.Pod) string {
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

// Ready reports whether what a pod serves can be read; that of a nil one cannot.
func Ready(pod *corev1.Pod) bool {
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

// LastReport is the Report that the mover of a pod left at its end, or at its last end if its container was restarted;
// nil before the first, and when it could not leave one.
func LastReport(pod *corev1.Pod) *mover.Report {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != ContainerName {
			continue
		}
		end := status.State.Terminated
		if end == nil {
			end = status.LastTerminationState.Terminated
		}
		if end == nil {
			return nil
		}
		if report, err := mover.ParseReport([]byte(end.Message)); err == nil {
			return report
		}
	}
	return nil
}

// End is the condition that reports the end of a Job; nil before.
func End(job *batchv1.Job) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		condition := &job.Status.Conditions[i]
		ended := condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed
		if ended && condition.Status == corev1.ConditionTrue {
			return condition
		}
	}
	return nil
}
