//go:build e2e

package disks

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

const (
	exportDiskSize  = "64Mi"
	credentialsName = "bucket"
)

func exportCredentials(namespace, secretKey string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: credentialsName},
		StringData: map[string]string{testbed.S3AccessKeyField: testbed.S3AccessKey, testbed.S3SecretKeyField: secretKey},
	}
}

func exportedDisk(namespace, name string, source *v1alpha1.WukongDiskSource, options ...func(*v1alpha1.WukongDiskSpec)) *v1alpha1.WukongDisk {
	size := resource.MustParse(exportDiskSize)
	disk := &v1alpha1.WukongDisk{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.WukongDiskSpec{Size: &size, Source: source},
	}
	for _, option := range options {
		option(&disk.Spec)
	}
	return disk
}

func fromTiny() *v1alpha1.WukongDiskSource {
	return &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: testbed.ImageURL(testbed.TinyImage)}}
}

func onBlock(spec *v1alpha1.WukongDiskSpec) {
	mode := corev1.PersistentVolumeBlock
	spec.VolumeMode = &mode
}

// diskExport is an export of a disk, whereto the option says.
func diskExport(namespace, name, disk string, option func(*v1alpha1.WukongExportSpec)) *v1alpha1.WukongExport {
	export := &v1alpha1.WukongExport{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.WukongExportSpec{Source: v1alpha1.ExportSource{DiskRef: &v1alpha1.LocalObjectReference{Name: disk}}},
	}
	option(&export.Spec)
	return export
}

func toBucket(key string, format v1alpha1.ExportFormat, compression v1alpha1.ExportCompression) func(*v1alpha1.WukongExportSpec) {
	return func(spec *v1alpha1.WukongExportSpec) {
		spec.Format, spec.Compression = format, compression
		spec.Target.S3 = &v1alpha1.S3Target{URL: testbed.S3URL(key), Region: testbed.S3Region, SecretRef: v1alpha1.LocalObjectReference{Name: credentialsName}}
	}
}

func toImage(image string) func(*v1alpha1.WukongExportSpec) {
	return func(spec *v1alpha1.WukongExportSpec) {
		spec.Compression = v1alpha1.ExportGzip
		spec.Target.Registry = &v1alpha1.RegistryTarget{Image: image, Insecure: true}
	}
}

func toLink(format v1alpha1.ExportFormat) func(*v1alpha1.WukongExportSpec) {
	return func(spec *v1alpha1.WukongExportSpec) {
		spec.Format = format
		spec.Target.Download = &v1alpha1.DownloadTarget{ExpiresAfterSeconds: 600}
	}
}

func exportCreate(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		require.NoError(t, cluster.Create(t.Context(), object), "%T %s", object, object.GetName())
	}
}

// rawChecksum is the checksum of a disk's bytes, as a download of it in raw format says.
func rawChecksum(t *testing.T, disk *v1alpha1.WukongDisk) string {
	t.Helper()
	export := diskExport(disk.Namespace, disk.Name+"-raw", disk.Name, toLink(v1alpha1.ExportRaw))
	exportCreate(t, export)
	waitServed(t, export)
	require.NoError(t, cluster.Delete(t.Context(), export))
	return export.Status.Checksum
}

func waitServed(t *testing.T, export *v1alpha1.WukongExport) {
	t.Helper()
	cluster.Wait(t, export, patience, "served, with its checksum", func() bool {
		return export.Status.Phase == v1alpha1.ExportServing && export.Status.Checksum != ""
	})
}

// forwardPatience is how long kubectl may take to listen.
const forwardPatience = 30 * time.Second

var forwarding = regexp.MustCompile(`Forwarding from 127\.0\.0\.1:([0-9]+)`)

// download is a client of an export's link, through kubectl port-forward as a person has it.
func download(t *testing.T, export *v1alpha1.WukongExport) func(headers map[string]string) (*http.Response, []byte) {
	t.Helper()
	secret := &corev1.Secret{}
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Namespace: export.Namespace, Name: export.Status.Download.SecretName}, secret))
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(secret.Data["ca.crt"]))
	port := portForward(t.Context(), t, export.Namespace, export.Status.Download.ServiceName)
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

// portForward forwards to the HTTPS port of a Service until ctx ends, and returns the local port. It ends for good when the pod resets
// a connection, as a server does that answers before it has read all of a request (client-go tools/portforward, handleConnection).
func portForward(ctx context.Context, t require.TestingT, namespace, service string) (port string) {
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, testbed.Here().Program("kubectl"), "--kubeconfig="+testbed.Kubeconfig(),
		"-n", namespace, "port-forward", "service/"+service, ":443")
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	hung := time.AfterFunc(forwardPatience, cancel)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if match := forwarding.FindStringSubmatch(lines.Text()); match != nil {
			hung.Stop()
			context.AfterFunc(ctx, func() { _ = command.Wait() })
			return match[1]
		}
	}
	cancel()
	require.FailNow(t, fmt.Sprintf("kubectl port-forward ended: %v", command.Wait()))
	return ""
}
