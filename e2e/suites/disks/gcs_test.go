//go:build e2e

package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// TestDisksFromABucketOfGoogle: CDI's client of Cloud Storage reads a public object as that storage serves it, with the bytes that a web server
// gives; what the bucket does not have, and a key that is none, are told in the client's own words.
func TestDisksFromABucketOfGoogle(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	object := func(name string) *v1alpha1.GCSSource {
		return &v1alpha1.GCSSource{URL: testbed.BucketURL(name)}
	}
	key := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "key"}, StringData: map[string]string{"credentials.json": `{"type": "nobody"}`},
	}
	locked := object(testbed.TinyImage)
	locked.SecretRef = &v1alpha1.LocalObjectReference{Name: key.Name}
	public := exportedDisk(namespace, "public", &v1alpha1.WukongDiskSource{GCS: object(testbed.TinyImage)})
	web := exportedDisk(namespace, "web", fromTiny())
	missing := exportedDisk(namespace, "missing", &v1alpha1.WukongDiskSource{GCS: object("missing.qcow2")})
	refused := exportedDisk(namespace, "refused", &v1alpha1.WukongDiskSource{GCS: locked})
	exportCreate(t, key, public, web, missing, refused)
	waitDisk(t, public)
	waitDisk(t, web)
	assert.Equal(t, rawChecksum(t, web), rawChecksum(t, public))
	cluster.WaitCause(t, missing, v1alpha1.ReasonImportFailed, "object doesn't exist", patience)
	cluster.WaitCause(t, refused, v1alpha1.ReasonImportFailed, `unknown credential type: "nobody"`, patience)
}
