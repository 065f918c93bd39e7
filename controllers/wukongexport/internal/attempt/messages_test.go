package attempt

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/moverpod"
	"github.com/novasphere/wukong/mover"
)

// A user reads how often it was tried, and why it failed.
func TestAFailedAttempt(t *testing.T) {
	failed := made(time.Hour)
	for _, row := range []struct {
		count   int32
		message string
	}{
		{0, "bucket b does not exist; it is retried (1 of 6 attempts failed)"},
		{1, "bucket b does not exist; it is retried (1 of 6 attempts failed)"},
		{5, "bucket b does not exist; it is retried (5 of 6 attempts failed)"},
	} {
		failed.Status.Failed = row.count
		found := Inputs{Job: failed, Pod: pod(corev1.PodFailed),
			Report: &mover.Report{Reason: v1alpha1.ReasonBucketMissing, Message: "bucket b does not exist"}}.Problem()
		assert.Equal(t, v1alpha1.ReasonBucketMissing, found.Reason)
		assert.Equal(t, row.message, found.Message)
		assert.False(t, found.Finished(), "the Job decides when it is given up")
	}
}

// Reasons that the mover may not give would let a pod of a tenant pretend anything.
func TestReasonsOfAReport(t *testing.T) {
	for reason, known := range map[string]bool{
		v1alpha1.ReasonSourceUnreadable: true, v1alpha1.ReasonCredentialsRefused: true, v1alpha1.ReasonSecretMissing: true,
		v1alpha1.ReasonTargetUnreachable: true, v1alpha1.ReasonCompleted: false, v1alpha1.ReasonReady: false, "": false,
		"no reason at all": false,
	} {
		found, message := Inputs{Pod: pod(corev1.PodFailed), Report: &mover.Report{Reason: reason, Message: "why"}}.Failure()
		assert.Equal(t, "why", message)
		wanted := v1alpha1.ReasonTransferFailed
		if known {
			wanted = reason
		}
		assert.Equal(t, wanted, found, reason)
	}
	_, message := Inputs{Pod: pod(corev1.PodFailed, terminated("")), Report: &mover.Report{Percent: 40}}.Failure()
	assert.Equal(t, "pod monday-export-x ended with code 137 (OOMKilled) and reported nothing", message,
		"a Report of its progress is no cause")
}

// A message is a sentence, also when Kubernetes explains little.
func TestAFailureWithoutACause(t *testing.T) {
	exited := container(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2}})
	status := func(reason, message string) func(*corev1.PodStatus) {
		return func(status *corev1.PodStatus) { status.Reason, status.Message = reason, message }
	}
	for name, row := range map[string]struct {
		change  func(*corev1.PodStatus)
		message string
	}{
		"nothing":      {status("", ""), "pod monday-export-x failed, and Kubernetes reports no cause"},
		"only spaces":  {status(" ", " "), "pod monday-export-x failed, and Kubernetes reports no cause"},
		"a reason":     {status("Evicted", ""), "pod monday-export-x failed: Evicted"},
		"a message":    {status("", "no memory"), "pod monday-export-x failed: no memory"},
		"a code":       {exited, "pod monday-export-x ended with code 2 and reported nothing"},
		"a killed one": {terminated(""), "pod monday-export-x ended with code 137 (OOMKilled) and reported nothing"},
	} {
		reason, message := Inputs{Pod: pod(corev1.PodFailed, row.change)}.Failure()
		assert.Equal(t, v1alpha1.ReasonTransferFailed, reason, name)
		assert.Equal(t, row.message, message, name)
	}
}

func TestWhatAPodWaitsFor(t *testing.T) {
	both := func(status *corev1.PodStatus) {
		condition(corev1.PodScheduled, corev1.ConditionFalse, "0/3 nodes are available")(status)
		waiting("ErrImagePull", "denied")(status)
	}
	for name, row := range map[string]struct {
		change func(*corev1.PodStatus)
		says   string
	}{
		"a node": {
			condition(corev1.PodScheduled, corev1.ConditionFalse, "no node"), "pod monday-export-x: no node"},
		"a node first": {both, "pod monday-export-x: 0/3 nodes are available"},
		"an image":     {waiting("ImagePullBackOff", "denied"), "pod monday-export-x: ImagePullBackOff: denied"},
		"a Secret": {
			waiting("CreateContainerConfigError", "no Secret"), "pod monday-export-x: CreateContainerConfigError: no Secret"},
		"nothing that is explained": {waiting("ImagePullBackOff", ""), ""},
		"its start":                 {condition(corev1.PodScheduled, corev1.ConditionTrue, "scheduled"), ""},
	} {
		found := Inputs{Job: made(time.Hour), Pod: pod(corev1.PodPending, row.change)}.Problem()
		if row.says == "" {
			assert.Nil(t, found, name)
			continue
		}
		require.NotNil(t, found, name)
		assert.Equal(t, row.says, found.Message, name)
		assert.Nil(t, Inputs{Pod: pod(corev1.PodRunning, row.change)}.Problem(), "%s: it runs", name)
	}
}

// Only the mover's own container reports: a sidecar that a mesh adds does not.
func TestReportsOfOtherContainers(t *testing.T) {
	found := pod(corev1.PodFailed, terminated(`{"percent":40,"reason":"BucketMissing","message":"b"}`))
	found.Status.ContainerStatuses[0].Name = "istio-proxy"
	assert.Nil(t, moverpod.LastReport(found))
	found.Status.ContainerStatuses = append(found.Status.ContainerStatuses,
		pod(corev1.PodFailed, terminated(`{"percent":140}`)).Status.ContainerStatuses...)
	assert.EqualValues(t, 100, moverpod.LastReport(found).Percent, "a pod can write anything")
}

func TestMoreChangesOfAPod(t *testing.T) {
	matters := func(change func(*corev1.Pod)) bool {
		after := pod(corev1.PodRunning)
		change(after)
		return Change().Update(event.UpdateEvent{ObjectOld: pod(corev1.PodRunning), ObjectNew: after})
	}
	assert.True(t, matters(func(p *corev1.Pod) { p.UID = "another" }))
	assert.True(t, matters(func(p *corev1.Pod) { p.Status.PodIP = "10.0.0.1" }), "its mover can be followed")
	assert.True(t, matters(func(p *corev1.Pod) { p.DeletionTimestamp = ptr.To(metav1.NewTime(now)) }))
	assert.False(t, matters(func(p *corev1.Pod) { p.Labels = map[string]string{"a": "b"} }))
	assert.False(t, matters(func(p *corev1.Pod) { p.Status.StartTime = ptr.To(metav1.NewTime(now)) }))
}

// A Job that failed without a pod, such as one whose deadline is over, ends too.
func TestTheEndOfAJobWithoutAPod(t *testing.T) {
	failed := &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuspended, Status: corev1.ConditionTrue}, {Type: batchv1.JobFailed, Status: corev1.ConditionTrue,
			Reason: "DeadlineExceeded"}}}}
	assert.Equal(t, "DeadlineExceeded", Inputs{Job: failed}.End().Reason)
	assert.Nil(t, Inputs{Job: failed, Pod: pod(corev1.PodPending)}.End())
}
