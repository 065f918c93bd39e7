package attempt

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/mover"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// made is a Job of a time before now.
func made(age time.Duration) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "monday-export", UID: "1", CreationTimestamp: metav1.NewTime(now.Add(-age)),
	}}
}

// pod is the pod of a Job, in a phase.
func pod(phase corev1.PodPhase, changes ...func(*corev1.PodStatus)) *corev1.Pod {
	found := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "monday-export-x"}, Status: corev1.PodStatus{Phase: phase}}
	for _, change := range changes {
		change(&found.Status)
	}
	return found
}

func container(state corev1.ContainerState) func(*corev1.PodStatus) {
	return func(status *corev1.PodStatus) {
		status.ContainerStatuses = []corev1.ContainerStatus{{Name: moverpod.ContainerName, State: state}}
	}
}

func terminated(message string) func(*corev1.PodStatus) {
	return container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 137, Reason: "OOMKilled", Message: message,
	}})
}

func waiting(reason, message string) func(*corev1.PodStatus) {
	return container(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

func condition(kind corev1.PodConditionType, status corev1.ConditionStatus, message string) func(*corev1.PodStatus) {
	return func(pod *corev1.PodStatus) {
		pod.Conditions = []corev1.PodCondition{{Type: kind, Status: status, Message: message}}
	}
}

func TestProblem(t *testing.T) {
	unscheduled := condition(corev1.PodScheduled, corev1.ConditionFalse, "0/3 nodes are available")
	for name, row := range map[string]struct {
		in             Inputs
		reason, phrase string
	}{
		"refused": {
			Inputs{Pod: pod(corev1.PodFailed), Refusal: "exceeded quota"}, v1alpha1.ReasonApplyRefused,
			"Job monday-export may create no pod: exceeded quota; it is retried",
		},
		"no pod":        {Inputs{}, "", ""},
		"not scheduled": {Inputs{Pod: pod(corev1.PodPending, unscheduled)}, v1alpha1.ReasonInProgress, "0/3 nodes"},
		"not pulled": {
			Inputs{Pod: pod(corev1.PodPending, waiting("ErrImagePull", "denied"))}, v1alpha1.ReasonInProgress,
			"pod monday-export-x: ErrImagePull: denied",
		},
		"about to start": {Inputs{Pod: pod(corev1.PodPending, waiting("ContainerCreating", "soon"))}, "", ""},
		"running":        {Inputs{Pod: pod(corev1.PodRunning, unscheduled)}, "", ""},
		"failed": {
			Inputs{Pod: pod(corev1.PodFailed), Report: &mover.Report{
				Reason: v1alpha1.ReasonBucketMissing, Message: "no bucket",
			}},
			v1alpha1.ReasonBucketMissing, "no bucket; it is retried (1 of 6 attempts failed)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			row.in.Job = made(time.Hour)
			found := row.in.Problem()
			if row.reason == "" {
				assert.Nil(t, found)
				return
			}
			assert.Equal(t, row.reason, found.Reason)
			assert.Contains(t, found.Message, row.phrase)
		})
	}
}

// The Report of a mover comes from a pod, and is not trusted.
func TestFailure(t *testing.T) {
	for name, row := range map[string]struct {
		in             Inputs
		reason, phrase string
	}{
		"no pod": {Inputs{}, v1alpha1.ReasonTransferFailed, "the pod was deleted"},
		"an invented word": {
			Inputs{Pod: pod(corev1.PodFailed), Report: &mover.Report{Reason: "Completed", Message: "done"}},
			v1alpha1.ReasonTransferFailed, "done",
		},
		"killed": {
			Inputs{Pod: pod(corev1.PodFailed, terminated(""))}, v1alpha1.ReasonTransferFailed,
			"ended with code 137 (OOMKilled) and reported nothing",
		},
		"evicted": {
			Inputs{Pod: pod(corev1.PodFailed, func(status *corev1.PodStatus) {
				status.Reason, status.Message = "Evicted", "the node was low on memory"
			})},
			v1alpha1.ReasonTransferFailed, "failed: Evicted the node was low on memory",
		},
	} {
		reason, message := row.in.Failure()
		assert.Equal(t, row.reason, reason, name)
		assert.Contains(t, message, row.phrase, name)
	}
}

// A finished export keeps the last Report of the pod for ever.
func TestAJobEndsWithTheLastReportOfItsPod(t *testing.T) {
	complete := &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobComplete, Status: corev1.ConditionTrue},
	}}}
	assert.Nil(t, Inputs{Job: complete, Pod: pod(corev1.PodRunning)}.End())
	assert.NotNil(t, Inputs{Job: complete, Pod: pod(corev1.PodSucceeded)}.End())
	assert.NotNil(t, Inputs{Job: complete, Pod: pod(corev1.PodFailed)}.End())
	assert.NotNil(t, Inputs{Job: complete}.End(), "a deleted pod reports nothing more")
	assert.Nil(t, Inputs{Job: &batchv1.Job{}, Pod: pod(corev1.PodSucceeded)}.End())
}

func TestWhatAPodDoes(t *testing.T) {
	assert.False(t, Running(nil))
	assert.True(t, Running(pod(corev1.PodRunning)))
	assert.False(t, moverpod.Ready(nil))
	assert.False(t, moverpod.Ready(pod(corev1.PodRunning)))
	assert.True(t, moverpod.Ready(pod(corev1.PodRunning, condition(corev1.PodReady, corev1.ConditionTrue, ""))))
	assert.Nil(t, moverpod.LastReport(pod(corev1.PodRunning)))
	assert.Nil(t, moverpod.LastReport(pod(corev1.PodFailed, terminated("killed"))))
	assert.NotNil(t, moverpod.LastReport(pod(corev1.PodSucceeded, terminated(`{"percent":100}`))))
}

func TestWhichChangesOfAPodMatter(t *testing.T) {
	matters := func(before, after *corev1.Pod) bool {
		return Change().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after})
	}
	pending, node := pod(corev1.PodPending), pod(corev1.PodPending)
	node.Spec.NodeName = "node-1"
	assert.False(t, matters(pending, node))
	assert.True(t, matters(pending, pod(corev1.PodRunning)))
	assert.True(t, matters(pending, pod(corev1.PodPending, waiting("ErrImagePull", "denied"))))
	assert.True(t, matters(pending, pod(corev1.PodPending, condition(corev1.PodReady, corev1.ConditionTrue, ""))))
	assert.True(t, matters(pending, pod(corev1.PodPending, terminated(`{"percent":100}`))))
}
