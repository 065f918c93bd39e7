//go:build e2e

package disks

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// credentialsName is the Secret with who may write to S3.
const credentialsName = "bucket"

func exportCredentials(namespace, secretKey string) *corev1.Secret {
	return builder.Secret(namespace, credentialsName, map[string]string{
		testbed.S3AccessKeyField: testbed.S3AccessKey, testbed.S3SecretKeyField: secretKey,
	})
}

// smallDisk has room for the tiny guest and little more.
func smallDisk(namespace, name string, options ...builder.DiskOption) *v1alpha1.WukongDisk {
	return builder.Disk(namespace, name, append([]builder.DiskOption{builder.Size(harness.TinySize)}, options...)...)
}

// toBucket writes an object of the dev cluster's bucket.
func toBucket(key string, format v1alpha1.ExportFormat, compression v1alpha1.ExportCompression) builder.ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) {
		builder.ToS3(testbed.S3URL(key), testbed.S3Region, credentialsName)(spec)
		builder.As(format, compression)(spec)
	}
}

// toImage pushes a container disk.
func toImage(image string) builder.ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) {
		builder.ToInsecureRegistry(image)(spec)
		spec.Compression = v1alpha1.ExportGzip
	}
}

// toLink makes a link that expires after ten minutes.
func toLink(format v1alpha1.ExportFormat) builder.ExportOption {
	return func(spec *v1alpha1.WukongExportSpec) {
		builder.ToDownload(600)(spec)
		spec.Format = format
	}
}

// rawChecksum is the checksum of a disk's bytes, as a download of it in raw format says.
func rawChecksum(t *testing.T, disk *v1alpha1.WukongDisk) string {
	t.Helper()
	export := builder.Export(disk.Namespace, disk.Name+"-raw", disk.Name, toLink(v1alpha1.ExportRaw))
	cluster.Make(t, export)
	waitServed(t, export)
	require.NoError(t, cluster.Delete(t.Context(), export))
	return export.Status.Checksum
}

func waitServed(t *testing.T, export *v1alpha1.WukongExport) {
	t.Helper()
	cluster.Wait(t, export, patience, "served, with its checksum", func() bool {
		ready := meta.FindStatusCondition(export.Status.Conditions, v1alpha1.ConditionReady)
		return ready != nil && ready.Reason == v1alpha1.ReasonServing && export.Status.Checksum != ""
	})
}

// download is a client of an export's link, through kubectl port-forward as a person has it.
func download(t *testing.T, export *v1alpha1.WukongExport) func(headers map[string]string) (*http.Response, []byte) {
	t.Helper()
	secret := &corev1.Secret{}
	require.NoError(t,
		cluster.Get(t.Context(), client.ObjectKey{Namespace: export.Namespace, Name: export.Status.Download.SecretName},
			secret))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(secret.Data["ca.crt"]))
	port := harness.PortForward(t.Context(), t, export.Namespace, export.Status.Download.ServiceName, 443)
	address := "https://localhost:" + port + "/" + filepath.Base(export.Status.Download.URL)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return func(headers map[string]string) (*http.Response, []byte) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+string(secret.Data["token"]))
		for key, value := range headers {
			request.Header.Set(key, value)
		}
		response, err := transport.RoundTrip(request)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response, body
	}
}
