//go:build e2e

package disks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// upload sends a disk image as 'virtctl image-upload' does: with a token for the claim, to the upload proxy, and again
// while that answers that its pod is not there yet.
func upload(t *testing.T, disk *v1alpha1.WukongDisk, image []byte) {
	t.Helper()
	request := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest",
		"metadata": map[string]any{"namespace": disk.Namespace, "name": disk.Name},
		"spec":     map[string]any{"pvcName": disk.Status.ClaimName},
	}}
	require.NoError(t, cluster.Create(t.Context(), request))
	token, _, err := unstructured.NestedString(request.Object, "status", "token")
	require.NoError(t, err)

	bundle := &corev1.ConfigMap{}
	require.NoError(t,
		cluster.Get(t.Context(), client.ObjectKey{Namespace: testbed.CDINamespace, Name: testbed.UploadProxyAuthority},
			bundle))
	pool := x509.NewCertPool()
	for _, certificates := range bundle.Data {
		pool.AppendCertsFromPEM([]byte(certificates))
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: testbed.UploadProxy, MinVersion: tls.VersionTLS12},
	}
	defer transport.CloseIdleConnections()
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		port := harness.PortForward(ctx, collect, testbed.CDINamespace, testbed.UploadProxy, 443)
		post, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://localhost:"+port+testbed.UploadPath,
			bytes.NewReader(image))
		require.NoError(collect, err)
		post.Header.Set("Authorization", "Bearer "+token)
		post.Header.Set("Content-Type", "application/octet-stream")
		response, err := transport.RoundTrip(post)
		require.NoError(collect, err)
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		require.NoError(collect, err)
		require.Equal(collect, http.StatusOK, response.StatusCode, string(answer))
	}, patience, time.Second)
}
