//go:build e2e

package disks

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// TestDisksFromABucketOfGoogle: CDI's client of Cloud Storage reads a public object as that storage serves it, with the
// bytes that a web server gives; what the bucket does not have, and a key that is none, are told in the client's own
// words.
func TestDisksFromABucketOfGoogle(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	object := func(name string) *v1alpha1.GCSSource {
		return &v1alpha1.GCSSource{URL: testbed.BucketURL(name)}
	}
	key := builder.Secret(namespace, "key", map[string]string{"credentials.json": `{"type": "nobody"}`})
	locked := object(testbed.TinyImage)
	locked.SecretRef = &v1alpha1.LocalObjectReference{Name: key.Name}
	public := smallDisk(namespace, "public", builder.From(v1alpha1.WukongDiskSource{GCS: object(testbed.TinyImage)}))
	web := smallDisk(namespace, "web", builder.FromHTTP(testbed.ImageURL(testbed.TinyImage)))
	missing := smallDisk(namespace, "missing", builder.From(v1alpha1.WukongDiskSource{GCS: object("missing.qcow2")}))
	refused := smallDisk(namespace, "refused", builder.From(v1alpha1.WukongDiskSource{GCS: locked}))
	cluster.Make(t, key, public, web, missing, refused)
	waitDisk(t, public)
	waitDisk(t, web)
	assert.Equal(t, rawChecksum(t, web), rawChecksum(t, public))
	cluster.WaitCause(t, missing, v1alpha1.ReasonImportFailed, "object doesn't exist", patience)
	cluster.WaitCause(t, refused, v1alpha1.ReasonImportFailed, `unknown credential type: "nobody"`, patience)
}
