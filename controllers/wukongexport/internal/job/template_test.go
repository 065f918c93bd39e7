package job

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/mover"
)

func toS3(in *Inputs) {
	in.Export.Spec.Target = v1alpha1.ExportTarget{S3: &v1alpha1.S3Target{
		URL: "https://s3.example.com/backups/monday", Region: "eu-1", SecretRef: v1alpha1.LocalObjectReference{Name: "keys"},
	}}
}

func toRegistry(in *Inputs) {
	in.Export.Spec.Target = v1alpha1.ExportTarget{Registry: &v1alpha1.RegistryTarget{
		Image: "registry.example.com/disks/data:1", Insecure: true,
	}}
}

func onBlock(in *Inputs) {
	in.Claim = claim(func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) })
}

// A namespace that enforces the standard "restricted" refuses a pod that lacks any of this, and the export would wait
// for ever.
func TestThePodMeetsTheRestrictedStandard(t *testing.T) {
	for name, changes := range map[string][]func(*Inputs){
		"a download": nil, "to S3": {toS3}, "to a registry": {toRegistry}, "a block volume": {onBlock},
		"on OpenShift": {assigned},
	} {
		t.Run(name, func(t *testing.T) {
			pod := podOf(changes...)
			assert.Equal(t, ptr.To(true), pod.SecurityContext.RunAsNonRoot)
			assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.SecurityContext.SeccompProfile.Type)
			assert.Equal(t, ptr.To(false), pod.AutomountServiceAccountToken, "a mover asks the API server for nothing")
			assert.False(t, pod.HostNetwork || pod.HostPID || pod.HostIPC)
			require.Len(t, pod.Containers, 1)
			container := pod.Containers[0]
			assert.Equal(t, ptr.To(false), container.SecurityContext.AllowPrivilegeEscalation)
			assert.Equal(t, []corev1.Capability{"ALL"}, container.SecurityContext.Capabilities.Drop)
			assert.Equal(t, ptr.To(true), container.SecurityContext.ReadOnlyRootFilesystem)
			for _, volume := range pod.Volumes {
				assert.Nil(t, volume.HostPath, volume.Name)
			}
			for _, mount := range container.VolumeMounts {
				assert.True(t, mount.ReadOnly, mount.Name)
			}
			assert.NotEmpty(t, container.Resources.Requests, "a quota on requests refuses a pod without them")
		})
	}
}

// Each volume of the pod is where the mover looks for it.
func TestWhereTheMoverFindsThings(t *testing.T) {
	for name, row := range map[string]struct {
		changes []func(*Inputs)
		// paths by name of the volume.
		paths map[string]string
		keys  []string
	}{
		"a download": {nil, map[string]string{"source": mover.FolderPath, "credentials": mover.CredentialsPath},
			[]string{mover.TokenFile, mover.CertificateFile, mover.PrivateKeyFile}},
		"to S3": {[]func(*Inputs){toS3},
			map[string]string{"source": mover.FolderPath, "credentials": mover.CredentialsPath},
			[]string{mover.AccessKeyFile, mover.SecretKeyFile}},
		"to S3 with a certificate": {[]func(*Inputs){toS3, func(in *Inputs) {
			in.Export.Spec.Target.S3.CertConfigMapRef = &v1alpha1.LocalObjectReference{Name: "ca"}
		}}, map[string]string{"source": mover.FolderPath, "credentials": mover.CredentialsPath,
			"certificates": mover.CertificatesPath}, []string{mover.AccessKeyFile, mover.SecretKeyFile}},
		"to a registry without a login": {[]func(*Inputs){toRegistry}, map[string]string{"source": mover.FolderPath}, nil},
		"a block volume": {[]func(*Inputs){onBlock},
			map[string]string{"source": mover.DevicePath, "credentials": mover.CredentialsPath},
			[]string{mover.TokenFile, mover.CertificateFile, mover.PrivateKeyFile}},
	} {
		t.Run(name, func(t *testing.T) {
			pod, paths, keys := podOf(row.changes...), map[string]string{}, []string(nil)
			for _, mount := range pod.Containers[0].VolumeMounts {
				paths[mount.Name] = mount.MountPath
			}
			for _, device := range pod.Containers[0].VolumeDevices {
				paths[device.Name] = device.DevicePath
			}
			assert.Equal(t, row.paths, paths)
			for _, volume := range pod.Volumes {
				assert.Contains(t, paths, volume.Name)
				if volume.Secret != nil {
					for _, item := range volume.Secret.Items {
						keys = append(keys, item.Path)
					}
				}
			}
			assert.Equal(t, row.keys, keys)
		})
	}
}

// What a user asked for arrives as arguments. Secrets do not: anybody who may list pods reads arguments.
func TestWhatTheMoverIsTold(t *testing.T) {
	for name, row := range map[string]struct {
		changes []func(*Inputs)
		options mover.Options
	}{
		"a download": {nil, mover.Options{Target: mover.TargetDownload, Source: mover.FolderPath,
			FileName: "monday.qcow2", ExpiresAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}},
		"a device to S3, compressed": {[]func(*Inputs){toS3, onBlock, func(in *Inputs) {
			in.Export.Spec.Format, in.Export.Spec.Compression = v1alpha1.ExportRaw, v1alpha1.ExportGzip
		}}, mover.Options{Target: mover.TargetS3, Source: mover.DevicePath, Format: string(v1alpha1.ExportRaw),
			Compression: string(v1alpha1.ExportGzip), FileName: "monday.img.gz", Region: "eu-1",
			Location: "https://s3.example.com/backups/monday"}},
		"a registry": {[]func(*Inputs){toRegistry}, mover.Options{Target: mover.TargetRegistry,
			Source: mover.FolderPath, FileName: "monday.qcow2", Location: "registry.example.com/disks/data:1",
			Insecure: true}},
	} {
		assert.Equal(t, row.options.Arguments(), podOf(row.changes...).Containers[0].Args, name)
	}
}

// A node that is drained costs no attempt, and each pod is tried once: the Job makes another.
func TestHowAJobRetries(t *testing.T) {
	made := Make(download(toS3))
	assert.EqualValues(t, Attempts-1, *made.Spec.BackoffLimit)
	assert.Equal(t, corev1.RestartPolicyNever, made.Spec.Template.Spec.RestartPolicy,
		"the API server accepts a PodFailurePolicy with no other")
	require.Len(t, made.Spec.PodFailurePolicy.Rules, 1)
	rule := made.Spec.PodFailurePolicy.Rules[0]
	assert.Equal(t, batchv1.PodFailurePolicyActionIgnore, rule.Action)
	assert.Equal(t, corev1.DisruptionTarget, rule.OnPodConditions[0].Type)
	assert.NotContains(t, made.Annotations, AnnotationExpiresAt, "only a link expires")
	assert.Equal(t, "monday", made.Spec.Template.Labels[v1alpha1.LabelExport])
	assert.Equal(t, made, Make(download(toS3)), "it is the same each time")
}

// The time is read from the Job, also by a manager of another time zone.
func TestExpiresAt(t *testing.T) {
	far := time.FixedZone("far", 9*3600)
	made := Make(download(func(in *Inputs) { in.ExpiresAt = time.Date(2026, 3, 1, 21, 0, 0, 0, far) }))
	assert.Equal(t, "2026-03-01T12:00:00Z", made.Annotations[AnnotationExpiresAt])
	at, err := ExpiresAt(made)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), at)
	for _, text := range []string{"", "tomorrow", "2026-03-01"} {
		made.Annotations[AnnotationExpiresAt] = text
		_, err := ExpiresAt(made)
		require.Error(t, err, text)
	}
}
