package wukongexport

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
)

func podOf(observed *observation, with kind.Mover) corev1.PodSpec {
	export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "monday"}}
	export.Spec.Source.DiskRef, export.Spec.Target.Download = &v1alpha1.LocalObjectReference{Name: "data"}, &v1alpha1.DownloadTarget{}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}}
	observed.claim = keeptest.Object(claim, diskstate.KeepClaim)
	return desiredJob(export, observed, with, metav1.Time{}).Spec.Template.Spec
}

// Fault C.8: with a private registry the mover had no Secret to be pulled with.
func TestTheMoverIsPulledWithTheSecretsOfTheRelease(t *testing.T) {
	assert.Empty(t, podOf(&observation{}, kind.Mover{}).ImagePullSecrets)
	pod := podOf(&observation{}, kind.Mover{
		Image: "registry.example.com/wukong:1", PullSecrets: []string{"registry", "mirror"},
	})
	assert.Equal(t, "registry.example.com/wukong:1", pod.Containers[0].Image)
	assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}, {Name: "mirror"}}, pod.ImagePullSecrets)
}

// Fault C.8: OpenShift refuses pods with user ids that are not their namespace's.
func TestOpenShiftGivesTheMoverItsUser(t *testing.T) {
	pod := podOf(&observation{}, kind.Mover{})
	assert.Equal(t, ptr.To[int64](qemuUser), pod.SecurityContext.RunAsUser)
	assert.True(t, pod.Volumes[0].PersistentVolumeClaim.ReadOnly)

	pod = podOf(&observation{assignsUsers: true}, kind.Mover{})
	require.NotNil(t, pod.SecurityContext)
	assert.Nil(t, pod.SecurityContext.RunAsUser)
	assert.Nil(t, pod.SecurityContext.RunAsGroup)
	assert.Nil(t, pod.SecurityContext.FSGroup)
	assert.True(t, *pod.SecurityContext.RunAsNonRoot)
	assert.False(t, pod.Volumes[0].PersistentVolumeClaim.ReadOnly, "kubelet gives a read-only volume to no group")
	assert.True(t, pod.Containers[0].VolumeMounts[0].ReadOnly, "and yet nothing is written")
}
