package imageserver_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/internal/imageserver"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

// Each URL that tests rely on is served as its function says.
func TestURLsOfTheTestbed(t *testing.T) {
	const image, content = "tiny.qcow2", "QFI\xfb0123456789"
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, image), []byte(content), 0o600))
	server := httptest.NewServer(imageserver.New(folder))
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(
		ctx context.Context, network, address string,
	) (net.Conn, error) {
		assert.Equal(t, testbed.ImageHost+":80", address)
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}}}
	get := func(url string) (int, string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		require.NoError(t, err)
		if url == testbed.GuardedImageURL("alice", "secret", image) {
			request.SetBasicAuth("alice", "secret")
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, string(body), err
	}
	for url, whole := range map[string]bool{
		testbed.ImageURL(image): true, testbed.BucketURL(image): true, testbed.SlowImageURL(1<<20, image): true,
		testbed.GuardedImageURL("alice", "secret", image): true,
		testbed.CutImageURL(image):                        false, testbed.CorruptImageURL(image): false,
	} {
		status, body, err := get(url)
		require.NoError(t, err, url)
		assert.Equal(t, http.StatusOK, status, url)
		assert.Equal(t, whole, body == content, url)
	}
	_, _, err := get(testbed.TruncatedImageURL(image))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, _, err = get(testbed.FlakyImageURL(1, "key", image))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, body, err := get(testbed.FlakyImageURL(1, "key", image))
	require.NoError(t, err)
	assert.Equal(t, content, body)
	_, _, err = get(testbed.HangingImageURL(image))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	status, _, err := get(testbed.NotFoundURL())
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotFound, status)
	status, _, err = get(testbed.GuardedImageURL("alice", "other", image))
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, status)
}
