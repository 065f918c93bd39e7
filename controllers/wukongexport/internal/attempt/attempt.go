// Package attempt describes one attempt of a Job to move the bytes, which is its newest pod: what the pod waits for,
// whether it serves a download, why it failed, and why the Job makes no pod. It writes nothing.
package attempt

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
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
		if message := moverpod.WaitsFor(pod); message != "" {
			return operation.InProgress(v1alpha1.ReasonInProgress, "pod %s: %s", pod.Name, message)
		}
	}
	return nil
}

// Failure is why the newest pod failed.
func (in Inputs) Failure() (reason, message string) { return moverpod.Failure(in.Pod, in.Report) }

// Running reports whether a pod runs; a nil one does not. It has its claim then, which stays as long as the pod runs
// (k8s.io/kubernetes, pkg/controller/volume/pvcprotection).
func Running(pod *corev1.Pod) bool { return pod != nil && pod.Status.Phase == corev1.PodRunning }

// End is the condition that reports the end of the Job; nil before. It is nil also until the pod has ended, because the
// status of a finished export keeps the last Report of the pod for ever, and Job and pod come from different caches.
func (in Inputs) End() *batchv1.JobCondition {
	if in.Pod != nil && in.Pod.Status.Phase != corev1.PodSucceeded && in.Pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	return moverpod.End(in.Job)
}
