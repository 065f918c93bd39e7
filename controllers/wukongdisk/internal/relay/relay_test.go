package relay

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
	"github.com/novasphere/wukong/mover"
)

func disk(change func(*v1alpha1.S3Source)) *v1alpha1.WukongDisk {
	source := &v1alpha1.S3Source{URL: "https://s3/b/k", SecretRef: &v1alpha1.LocalObjectReference{Name: "login"}}
	if change != nil {
		change(source)
	}
	made := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "root", UID: "1"}}
	made.Spec.Source = &v1alpha1.WukongDiskSource{S3: source}
	return made
}

func withChecksum(source *v1alpha1.S3Source) { source.Checksum = "sha256:00" }

func withKey(source *v1alpha1.S3Source) {
	source.Encryption = &v1alpha1.Encryption{SecretRef: v1alpha1.LocalObjectReference{Name: "key"}}
}

func inputs(disk *v1alpha1.WukongDisk) Inputs {
	return Inputs{View: backing.View{Disk: disk}, Seen: Seen{Mover: kind.Mover{Image: "image"}}}
}

func TestWhichDisksNeedARelay(t *testing.T) {
	assert.False(t, Relays(disk(nil)), "CDI reads it itself")
	assert.False(t, Relays(&v1alpha1.WukongDisk{}))
	assert.True(t, Relays(disk(withChecksum)))
	assert.True(t, Relays(disk(withKey)))

	for name, row := range map[string]struct {
		change func(*Inputs)
		needed bool
	}{
		"a new one":    {func(*Inputs) {}, true},
		"being filled": {func(in *Inputs) { in.DataVolume = &cdiv1.DataVolume{} }, true},
		"complete": {func(in *Inputs) {
			in.DataVolume = &cdiv1.DataVolume{Status: cdiv1.DataVolumeStatus{Phase: cdiv1.Succeeded}}
		}, false},
		"complete, and CDI collected its DataVolume": {func(in *Inputs) {
			in.Claim = keeptest.Object(&corev1.PersistentVolumeClaim{}, diskstate.KeepClaim)
		}, false},
		"filled once": {func(in *Inputs) {
			in.Disk.Annotations = map[string]string{v1alpha1.AnnotationFilled: "root"}
		}, false},
		"being deleted": {func(in *Inputs) { in.Disk.DeletionTimestamp = ptr.To(metav1.Now()) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(disk(withKey))
			row.change(&in)
			assert.Equal(t, row.needed, in.IsNeeded())
		})
	}
}

// What a user provides is optional for kubelet, and the token of the server is not.
func TestTheJobOfARelay(t *testing.T) {
	in := inputs(disk(func(source *v1alpha1.S3Source) {
		withKey(source)
		withChecksum(source)
		source.CertConfigMapRef = &v1alpha1.LocalObjectReference{Name: "ca"}
	}))
	job := in.DesiredJob()
	pod := job.Spec.Template.Spec
	assert.Equal(t, []string{"mover", "--target=relay", "--location=https://s3/b/k", "--region=us-east-1",
		"--checksum=sha256:00", "--encrypted"}, pod.Containers[0].Args)
	optional := map[string]bool{}
	for _, volume := range pod.Volumes {
		switch {
		case volume.Secret != nil:
			optional[volume.Secret.SecretName] = *volume.Secret.Optional
		case volume.ConfigMap != nil:
			optional[volume.ConfigMap.Name] = *volume.ConfigMap.Optional
		}
	}
	assert.Equal(t, map[string]bool{"login": true, "ca": true, "key": true, "root-relay": false}, optional)
	assert.Equal(t, corev1.RestartPolicyOnFailure, pod.RestartPolicy, "a user may correct a Secret at any time")
	assert.False(t, *pod.AutomountServiceAccountToken)
	assert.NotNil(t, pod.Containers[0].ReadinessProbe)
	assert.Equal(t, in.Service().Spec.Selector[v1alpha1.LabelRelay], job.Spec.Template.Labels[v1alpha1.LabelRelay])
}

func TestTheAccessToARelay(t *testing.T) {
	in := inputs(disk(withKey))
	secret, trusted, err := in.Access(metav1.Now().Time)
	require.NoError(t, err)
	assert.Equal(t, secret.Data[mover.TokenFile], secret.Data[mover.SecretKeyFile], "CDI sends it as the password")
	assert.Equal(t, map[string]string{caKey: string(secret.Data[mover.CertificateFile])}, trusted.Data)
	source := Source(in.Disk).HTTP
	assert.Equal(t, "https://root-relay.shop.svc/disk", source.URL)
	assert.Equal(t, secret.Name, source.SecretRef)
	assert.Equal(t, trusted.Name, source.CertConfigMap)
}

func TestWhatARelayReports(t *testing.T) {
	owned := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "root-relay", OwnerReferences: []metav1.OwnerReference{
		{UID: "1", Controller: ptr.To(true)},
	}}}
	running := func(change func(*corev1.PodStatus)) *corev1.Pod {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "root-relay-x"}}
		if change != nil {
			change(&pod.Status)
		}
		return pod
	}
	ended := func(message string) *corev1.Pod {
		return running(func(status *corev1.PodStatus) {
			status.ContainerStatuses = []corev1.ContainerStatus{{Name: "mover", LastTerminationState: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{Message: message},
			}}}
		})
	}
	for name, row := range map[string]struct {
		change          func(*Inputs)
		reason, message string
	}{
		"no image": {func(in *Inputs) { in.Mover.Image = "" }, v1alpha1.ReasonMoverMissing, "start it with --mover-image"},
		"foreign Job": {func(in *Inputs) { in.Job = &batchv1.Job{} }, v1alpha1.ReasonNameConflict,
			"Job root-relay already exists"},
		"no Job": {func(*Inputs) {}, v1alpha1.ReasonPending, "has no pod yet"},
		"a quota": {func(in *Inputs) { in.Job, in.Refusal = owned, "exceeded quota" }, v1alpha1.ReasonApplyRefused,
			"Job root-relay may create no pod: exceeded quota; it is retried"},
		"no node": {func(in *Inputs) {
			in.Job, in.Pod = owned, running(func(status *corev1.PodStatus) {
				status.Conditions = []corev1.PodCondition{
					{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"},
				}
			})
		}, v1alpha1.ReasonPending, "0/3 nodes are available"},
		"it starts": {func(in *Inputs) { in.Job, in.Pod = owned, running(nil) }, v1alpha1.ReasonPending, "opens the object"},
		"a cause": {func(in *Inputs) {
			in.Job, in.Pod = owned, ended(`{"reason":"CredentialsRefused","message":"no"}`)
		}, v1alpha1.ReasonCredentialsRefused, "the object cannot be read: no; it is retried"},
		"a reason that the mover does not have": {func(in *Inputs) {
			in.Job, in.Pod = owned, ended(`{"reason":"Ready","message":"no"}`)
		}, v1alpha1.ReasonTransferFailed, "no; it is retried"},
		"a cause while it is imported": {func(in *Inputs) {
			in.Job, in.Pod, in.DataVolume = owned, ended(`{"reason":"ChecksumMismatch","message":"other"}`), &cdiv1.DataVolume{}
		}, v1alpha1.ReasonChecksumMismatch, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(disk(withKey))
			row.change(&in)
			found := in.Problem()
			require.NotNil(t, found)
			assert.Equal(t, row.reason, found.Reason)
			assert.Contains(t, found.Message, row.message)
		})
	}
	in := inputs(disk(withKey))
	in.Job, in.Pod, in.DataVolume = owned, running(nil), &cdiv1.DataVolume{}
	assert.Nil(t, in.Problem(), "CDI reports more about an import")
}
