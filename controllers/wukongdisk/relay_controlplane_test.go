//go:build controlplane

package wukongdisk_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

const moverImage = "registry.example/wukong:1"

// verified is a disk that is filled from an object with a checksum, which is encrypted if a Secret has the key.
func verified(key string) builder.DiskOption {
	return builder.FromVerifiedS3("https://s3.example/backups/web/root.qcow2.gz", "credentials",
		"sha256:"+strings.Repeat("0f", 32), key)
}

// relays is the fixture of disks with a relay: the test plays the Job controller and kubelet. The manager has the name
// of the operator's account, so that each of its Jobs is judged by the policy for them.
func relays(t *testing.T) disks {
	t.Helper()
	f := disks{testkit.Parallel(t).Running("wukongdisk").MovingBy(moverImage).Called(testenv.Operator)}
	f.StartManager()
	return f
}

func isReady(pod *corev1.Pod) {
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
}

// hasFailed is a pod whose container was restarted after a report.
func hasFailed(report string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "mover", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: report},
			},
		}}
	}
}

// relayPod sets the status of the pod of a relay, which it makes first.
func (f disks) relayPod(disk *v1alpha1.WukongDisk, set func(*corev1.Pod)) {
	f.Helper()
	job, name := &batchv1.Job{}, model.RelayName(disk)
	f.Until(func() bool { return f.Exists(name, job) })
	pod := &corev1.Pod{}
	if !f.Exists(name+"-x", pod) {
		pod = &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
		pod.Namespace, pod.Name = f.Namespace, name+"-x"
		pod.Labels[batchv1.ControllerUidLabel] = string(job.UID)
		f.Create(pod)
	}
	pod.Status = corev1.PodStatus{}
	set(pod)
	f.SetStatus(pod)
}

func TestADiskFromAnObjectThatIsVerified(t *testing.T) {
	f := relays(t)
	disk := f.newDisk("web", verified("key"))
	f.Create(disk)
	name := model.RelayName(disk)
	job, secret, trusted, service := &batchv1.Job{}, &corev1.Secret{}, &corev1.ConfigMap{}, &corev1.Service{}
	f.Until(func() bool {
		return f.Exists(name, job) && f.Exists(name, secret) && f.Exists(name, trusted) && f.Exists(name, service)
	})
	assert.True(t, metav1.IsControlledBy(job, disk))
	for _, owned := range []metav1.Object{secret, trusted, service} {
		assert.True(t, metav1.IsControlledBy(owned, job), "the garbage collector deletes it with the Job")
	}
	assert.Len(t, trusted.Data, 1, "CDI trusts each key")
	assert.Contains(t, job.Spec.Template.Spec.Containers[0].Args, "--encrypted")
	testkit.Wait(f.Fixture, disk, metav1.ConditionFalse, v1alpha1.ReasonPending, "which reads the object, has no pod yet")

	// A wrong key is reported before an importer fails, and nothing is imported.
	f.relayPod(disk, hasFailed(`{"reason":"KeyRefused","message":"the object is encrypted for another key"}`))
	testkit.Wait(f.Fixture, disk, metav1.ConditionFalse, v1alpha1.ReasonKeyRefused,
		"the object cannot be read: the object is encrypted for another key; it is retried")
	assert.False(t, f.Exists(disk.Name, &cdiv1.DataVolume{}))

	f.relayPod(disk, isReady)
	dataVolume := f.waitDataVolume(disk)
	require.NotNil(t, dataVolume.Spec.Source.HTTP)
	assert.Equal(t, cdiv1.DataVolumeSourceHTTP{
		URL: "https://" + name + "." + f.Namespace + ".svc/disk", SecretRef: name, CertConfigMap: name,
	}, *dataVolume.Spec.Source.HTTP)
	assert.Equal(t, "true", dataVolume.Annotations["cdi.kubevirt.io/storage.bind.immediate.requested"],
		"the pod does not run until a guest starts")

	// What is wrong at the end of the object is reported, too.
	f.relayPod(disk, hasFailed(`{"reason":"ChecksumMismatch","message":"the object does not have the checksum"}`))
	f.SetDataVolume(disk.Name, cdiv1.ImportInProgress)
	testkit.Wait(f.Fixture, disk, metav1.ConditionFalse, v1alpha1.ReasonChecksumMismatch, "does not have the checksum")

	f.relayPod(disk, isReady)
	f.fill(disk)
	f.waitReady(disk)
	f.WaitGone(job)
	f.WaitIdle()
	assert.Equal(t, dataVolume.UID, testkit.Read(f.Fixture, disk.Name, &cdiv1.DataVolume{}).UID)
	assert.False(t, f.Exists(name, &batchv1.Job{}), "a disk that has its bytes needs none again")
}

// A Secret that somebody made before would give the content to whoever knows the token in it.
func TestARelayTakesNoForeignSecret(t *testing.T) {
	f := relays(t)
	disk := f.newDisk("web", verified(""))
	foreign := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: model.RelayName(disk)},
		Data:       map[string][]byte{"token": []byte("known")},
	}
	f.Create(foreign)
	f.Create(disk)
	testkit.Wait(f.Fixture, disk, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "Secret "+foreign.Name)
	f.relayPod(disk, isReady) // kubelet gave it the foreign Secret
	f.Patch(disk, `{"spec":{"cloneableFrom":["another"]}}`)
	f.WaitIdle()
	testkit.Wait(f.Fixture, disk, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "Secret "+foreign.Name)
	assert.False(t, f.Exists(disk.Name, &cdiv1.DataVolume{}), "who made the Secret could read the disk")
	assert.Equal(t, "known", string(testkit.Read(f.Fixture, foreign.Name, foreign).Data["token"]))
	f.Remove(foreign)
	f.Patch(disk, `{"spec":{"cloneableFrom":["other"]}}`) // a refused write is retried after a minute
	f.Until(func() bool {
		made := &corev1.Secret{}
		return f.Exists(foreign.Name, made) && string(made.Data["token"]) != "known"
	})
}

func TestADiskWithARelayIsDeleted(t *testing.T) {
	f := relays(t)
	disk := f.newDisk("web", verified(""))
	f.Create(disk)
	f.relayPod(disk, isReady)
	f.waitDataVolume(disk)
	f.Remove(disk)
	f.WaitGone(disk)
	f.WaitGone(f.Named(model.RelayName(disk), &batchv1.Job{}))
}

// A pod that its node stops ends with success, and its Job with it. The import needs another one.
func TestARelayThatWasStopped(t *testing.T) {
	f := relays(t)
	disk := f.newDisk("web", verified(""))
	f.Create(disk)
	f.relayPod(disk, isReady)
	f.waitDataVolume(disk)
	first, at := testkit.Read(f.Fixture, model.RelayName(disk), &batchv1.Job{}), metav1.Now()
	first.Status = batchv1.JobStatus{
		StartTime: &at, CompletionTime: &at, Succeeded: 1, Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: at},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: at},
		},
	}
	f.SetStatus(first)
	f.Until(func() bool {
		next := &batchv1.Job{}
		return f.Exists(first.Name, next) && next.UID != first.UID
	})
	f.Until(func() bool {
		secret, next := &corev1.Secret{}, testkit.Read(f.Fixture, first.Name, &batchv1.Job{})
		return f.Exists(first.Name, secret) && metav1.IsControlledBy(secret, next)
	})
}
