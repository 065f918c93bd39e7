//go:build controlplane

package wukongdisk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
)

// What CDI's own schema accepts and keeps of the DataVolume of each source. B17: a registry URL keeps, or gets, its
// scheme.
func TestB17DataVolumeOfEachSource(t *testing.T) {
	f, _ := start(t)
	secret, certificates := &v1alpha1.LocalObjectReference{Name: "credentials"},
		&v1alpha1.LocalObjectReference{Name: "ca"}
	tests := map[string]struct {
		source   v1alpha1.WukongDiskSource
		expected cdiv1.DataVolumeSource
	}{
		"blank": {v1alpha1.WukongDiskSource{Blank: &v1alpha1.BlankSource{}},
			cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}},
		"http": {
			v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{
				URL: "https://images/d.qcow2", SecretRef: secret, CertConfigMapRef: certificates,
			}},
			cdiv1.DataVolumeSource{HTTP: &cdiv1.DataVolumeSourceHTTP{
				URL: "https://images/d.qcow2", SecretRef: "credentials", CertConfigMap: "ca",
			}},
		},
		"registry": {
			v1alpha1.WukongDiskSource{Registry: &v1alpha1.RegistrySource{
				URL: "quay.io/disks/debian:13", SecretRef: secret, CertConfigMapRef: certificates,
			}},
			cdiv1.DataVolumeSource{Registry: &cdiv1.DataVolumeSourceRegistry{
				URL: ptr.To("docker://quay.io/disks/debian:13"), SecretRef: ptr.To("credentials"),
				CertConfigMap: ptr.To("ca")}},
		},
		"s3": {
			v1alpha1.WukongDiskSource{S3: &v1alpha1.S3Source{URL: "https://s3/bucket/d.raw", SecretRef: secret}},
			cdiv1.DataVolumeSource{
				S3: &cdiv1.DataVolumeSourceS3{URL: "https://s3/bucket/d.raw", SecretRef: "credentials"},
			},
		},
		"gcs": {
			v1alpha1.WukongDiskSource{GCS: &v1alpha1.GCSSource{URL: "gs://bucket/d.raw"}},
			cdiv1.DataVolumeSource{GCS: &cdiv1.DataVolumeSourceGCS{URL: "gs://bucket/d.raw"}},
		},
		"upload": {v1alpha1.WukongDiskSource{Upload: &v1alpha1.UploadSource{}},
			cdiv1.DataVolumeSource{Upload: &cdiv1.DataVolumeSourceUpload{}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := f.in(t)
			disk := f.newDisk(name, builder.From(test.source))
			f.Create(disk)
			dataVolume := f.waitDataVolume(disk)
			assert.Equal(t, &test.expected, dataVolume.Spec.Source)
			assert.True(t, metav1.IsControlledBy(dataVolume, disk), "B24: the disk is the controller")
			assert.Equal(t, "wukong", dataVolume.Labels["app.kubernetes.io/managed-by"])
		})
	}
}

// B18: a disk can be shared and a block device when the person, or CDI, wants it so.
func TestB18ModesAreThePersonsOrCDIs(t *testing.T) {
	f, _ := start(t)
	open := f.newDisk("open")
	fixed := f.newDisk("fixed", func(spec *v1alpha1.WukongDiskSpec) {
		spec.AccessModes = []v1alpha1.AccessMode{"ReadWriteMany"}
		spec.VolumeMode = ptr.To(corev1.PersistentVolumeBlock)
	})
	f.Create(open, fixed)

	storage := f.waitDataVolume(open).Spec.Storage
	assert.Empty(t, storage.AccessModes)
	assert.Nil(t, storage.VolumeMode)
	storage = f.waitDataVolume(fixed).Spec.Storage
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}, storage.AccessModes)
	assert.Equal(t, ptr.To(corev1.PersistentVolumeBlock), storage.VolumeMode)
}
