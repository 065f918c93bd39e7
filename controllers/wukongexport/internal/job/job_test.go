package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/mover"
)

// download are the inputs of a download of disk data, changed by the functions.
func download(changes ...func(*Inputs)) Inputs {
	export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "monday"}}
	export.Spec.Source.DiskRef = &v1alpha1.LocalObjectReference{Name: "data"}
	export.Spec.Target.Download = &v1alpha1.DownloadTarget{}
	in := Inputs{Export: export, Claim: claim(), ExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	for _, change := range changes {
		change(&in)
	}
	return in
}

func claim(changes ...func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	made := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "data"}}
	for _, change := range changes {
		change(made)
	}
	return keeptest.Object(made, diskstate.KeepClaim)
}

func assigned(in *Inputs) { in.AssignsUsers = true }

func podOf(changes ...func(*Inputs)) corev1.PodSpec {
	return Make(download(changes...)).Spec.Template.Spec
}

// Fault C.8: with a private registry the mover had no Secret to be pulled with.
func TestTheMoverIsPulledWithTheSecretsOfTheRelease(t *testing.T) {
	assert.Empty(t, podOf().ImagePullSecrets)
	pod := podOf(func(in *Inputs) {
		in.Mover = kind.Mover{Image: "registry.example.com/wukong:1", PullSecrets: []string{"registry", "mirror"}}
	})
	assert.Equal(t, "registry.example.com/wukong:1", pod.Containers[0].Image)
	assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}, {Name: "mirror"}}, pod.ImagePullSecrets)
}

// Fault C.8: OpenShift refuses pods with user ids that are not their namespace's.
func TestOpenShiftGivesTheMoverItsUser(t *testing.T) {
	pod := podOf()
	assert.Equal(t, ptr.To[int64](107), pod.SecurityContext.RunAsUser)
	assert.True(t, pod.Volumes[0].PersistentVolumeClaim.ReadOnly)

	pod = podOf(assigned)
	require.NotNil(t, pod.SecurityContext)
	assert.Nil(t, pod.SecurityContext.RunAsUser)
	assert.Nil(t, pod.SecurityContext.RunAsGroup)
	assert.Nil(t, pod.SecurityContext.FSGroup)
	assert.True(t, *pod.SecurityContext.RunAsNonRoot)
	assert.False(t, pod.Volumes[0].PersistentVolumeClaim.ReadOnly, "kubelet gives a read-only volume to no group")
	assert.True(t, pod.Containers[0].VolumeMounts[0].ReadOnly, "and yet nothing is written")

	pod = podOf(assigned, func(in *Inputs) {
		in.Claim = claim(func(c *corev1.PersistentVolumeClaim) {
			c.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}
		})
	})
	assert.True(t, pod.Volumes[0].PersistentVolumeClaim.ReadOnly, "nobody may change a claim that many pods read")
}

func TestTheSourceOfTheJob(t *testing.T) {
	block := func(in *Inputs) {
		in.Claim = claim(func(c *corev1.PersistentVolumeClaim) {
			c.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock)
		})
	}
	pod := podOf(block)
	assert.Equal(t, []corev1.VolumeDevice{{Name: "source", DevicePath: mover.DevicePath}},
		pod.Containers[0].VolumeDevices)
	assert.Equal(t, "data", ClaimName(Make(download(block))))

	restored := func(in *Inputs) {
		in.Claim, in.RestoredMode = nil, corev1.PersistentVolumeFilesystem
		in.Export.Spec.Source = v1alpha1.ExportSource{VolumeSnapshot: &v1alpha1.ExportSnapshotSource{Name: "cut"}}
	}
	volume := podOf(restored).Volumes[0].PersistentVolumeClaim
	assert.NotEqual(t, "data", volume.ClaimName)
	assert.False(t, volume.ReadOnly, "some drivers have to prepare the volume")
	assert.Empty(t, ClaimName(&batchv1.Job{}))
}

// A pod waits for the Secret of a download. The mover reports when one of a user is missing.
func TestTheTargetOfTheJob(t *testing.T) {
	secret := func(pod corev1.PodSpec) *corev1.SecretVolumeSource { return pod.Volumes[1].Secret }
	assert.False(t, *secret(podOf()).Optional)
	assert.NotNil(t, podOf().Containers[0].ReadinessProbe)
	assert.Equal(t, "2026-03-01T12:00:00Z", Make(download()).Annotations[AnnotationExpiresAt])

	pod := podOf(func(in *Inputs) {
		in.Export.Spec.Target = v1alpha1.ExportTarget{Registry: &v1alpha1.RegistryTarget{
			SecretRef:        &v1alpha1.LocalObjectReference{Name: "login"},
			CertConfigMapRef: &v1alpha1.LocalObjectReference{Name: "authority"},
		}}
	})
	assert.True(t, *secret(pod).Optional)
	assert.Contains(t, secret(pod).Items,
		corev1.KeyToPath{Key: corev1.DockerConfigJsonKey, Path: mover.DockerConfigFile})
	assert.Equal(t, "authority", pod.Volumes[2].ConfigMap.Name)
	assert.Nil(t, pod.Containers[0].ReadinessProbe)
}

func TestFileName(t *testing.T) {
	tests := map[string]struct {
		format      v1alpha1.ExportFormat
		compression v1alpha1.ExportCompression
		registry    bool
		expected    string
	}{
		"qcow2":                      {v1alpha1.ExportQCOW2, v1alpha1.ExportUncompressed, false, "web.qcow2"},
		"raw":                        {v1alpha1.ExportRaw, v1alpha1.ExportUncompressed, false, "web.img"},
		"compressed":                 {v1alpha1.ExportRaw, v1alpha1.ExportGzip, false, "web.img.gz"},
		"an image's layer, not file": {v1alpha1.ExportQCOW2, v1alpha1.ExportGzip, true, "web.qcow2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			export := &v1alpha1.WukongExport{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
			export.Spec.Format, export.Spec.Compression = test.format, test.compression
			if test.registry {
				export.Spec.Target.Registry = &v1alpha1.RegistryTarget{}
			}
			assert.Equal(t, test.expected, FileName(export))
		})
	}
}
