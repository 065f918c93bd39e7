package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// The spec of the DataVolume for each source, as CDI reads it. B17: a registry URL keeps, or gets, the scheme that CDI
// requires.
func TestDesiredDataVolumeSourceB17(t *testing.T) {
	secret := &v1alpha1.LocalObjectReference{Name: "credentials"}
	certificates := &v1alpha1.LocalObjectReference{Name: "ca"}

	tests := map[string]struct {
		source *v1alpha1.WukongDiskSource
		golden string
	}{
		"omitted": {nil, `blank: {}`},
		"blank":   {&v1alpha1.WukongDiskSource{Blank: &v1alpha1.BlankSource{}}, `blank: {}`},
		"http": {&v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: "https://images/debian.qcow2"}}, `
http:
  url: https://images/debian.qcow2`},
		"http with credentials and certificates": {&v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{
			URL: "https://images/debian.qcow2", SecretRef: secret, CertConfigMapRef: certificates}}, `
http:
  url: https://images/debian.qcow2
  secretRef: credentials
  certConfigMap: ca`},
		"registry without a scheme": {&v1alpha1.WukongDiskSource{Registry: &v1alpha1.RegistrySource{
			URL: "quay.io/disks/debian:13"}}, `
registry:
  url: docker://quay.io/disks/debian:13`},
		"registry with its scheme": {&v1alpha1.WukongDiskSource{Registry: &v1alpha1.RegistrySource{
			URL: "docker://quay.io/disks/debian:13"}}, `
registry:
  url: docker://quay.io/disks/debian:13`},
		"registry archive with credentials and certificates": {&v1alpha1.WukongDiskSource{
			Registry: &v1alpha1.RegistrySource{
				URL: "oci-archive://images/debian.tar", SecretRef: secret, CertConfigMapRef: certificates,
			},
		}, `
registry:
  url: oci-archive://images/debian.tar
  secretRef: credentials
  certConfigMap: ca`},
		"s3": {&v1alpha1.WukongDiskSource{S3: &v1alpha1.S3Source{
			URL: "https://s3/bucket/debian.raw", SecretRef: secret, CertConfigMapRef: certificates}}, `
s3:
  url: https://s3/bucket/debian.raw
  secretRef: credentials
  certConfigMap: ca`},
		"gcs": {&v1alpha1.WukongDiskSource{GCS: &v1alpha1.GCSSource{URL: "gs://bucket/debian.raw", SecretRef: secret}},
			`
gcs:
  url: gs://bucket/debian.raw
  secretRef: credentials`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			actual, err := yaml.Marshal(plainSource(&v1alpha1.WukongDisk{Spec: v1alpha1.WukongDiskSpec{Source: test.source}}))
			assert.NoError(t, err)
			assert.YAMLEq(t, test.golden, string(actual))
		})
	}
}

// B18: the user decides about access modes and volume mode, or CDI does, which knows what the class supports.
func TestDesiredDataVolumeStorageB18(t *testing.T) {
	tests := map[string]struct {
		spec   v1alpha1.WukongDiskSpec
		golden string
	}{
		"the least": {v1alpha1.WukongDiskSpec{Size: ptr.To(resource.MustParse("20Gi"))}, `
resources:
  requests:
    storage: 20Gi`},
		"all": {v1alpha1.WukongDiskSpec{
			Size: ptr.To(resource.MustParse("500M")), StorageClassName: ptr.To("fast"),
			VolumeMode:  ptr.To(corev1.PersistentVolumeBlock),
			AccessModes: []v1alpha1.AccessMode{"ReadWriteMany", "ReadOnlyMany"},
		}, `
accessModes: [ReadWriteMany, ReadOnlyMany]
storageClassName: fast
volumeMode: Block
resources:
  requests:
    storage: 500M`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			disk := &v1alpha1.WukongDisk{
				ObjectMeta: metav1.ObjectMeta{Name: "root", Namespace: "shop"}, Spec: test.spec,
			}
			desired := Inputs{View: backing.View{Disk: disk}}.Desired()
			assert.Equal(t, "root", desired.Name, "the claim gets the DataVolume's name, and must have the disk's")
			assert.Equal(t, "shop", desired.Namespace)
			actual, err := yaml.Marshal(desired.Spec.Storage)
			assert.NoError(t, err)
			assert.YAMLEq(t, test.golden, string(actual))
			assert.Equal(t, &cdiv1.DataVolumeSource{Blank: &cdiv1.DataVolumeBlankImage{}}, desired.Spec.Source)
		})
	}
}
