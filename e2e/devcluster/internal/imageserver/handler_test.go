package imageserver_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/e2e/devcluster/internal/imageserver"
)

const size = 1 << 20

func start(t *testing.T) (url string, data []byte) {
	t.Helper()
	folder := t.TempDir()
	data = bytes.Repeat([]byte("0123456789abcdef"), size/16)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "disk.img"), data, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(folder), "secret"), data, 0o600))
	server := httptest.NewServer(imageserver.New(folder))
	t.Cleanup(server.Close)
	return server.URL, data
}

func get(t *testing.T, request *http.Request) (*http.Response, []byte, error) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func newRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	return request
}

func TestFilesAreServedWholeAndByRange(t *testing.T) {
	url, data := start(t)
	for _, path := range []string{"/disk.img", "/bucket/disk.img"} {
		response, body, err := get(t, newRequest(t, url+path))
		require.NoError(t, err, path)
		require.Equal(t, http.StatusOK, response.StatusCode, path)
		require.Equal(t, data, body, path)
	}

	request := newRequest(t, url+"/disk.img")
	request.Header.Set("Range", "bytes=5-9")
	response, body, err := get(t, request)
	require.NoError(t, err)
	require.Equal(t, http.StatusPartialContent, response.StatusCode)
	require.Equal(t, data[5:10], body)
}

func TestWhatIsNotInTheFolderIsNotFound(t *testing.T) {
	url, _ := start(t)
	for _, path := range []string{"/other.img", "/..%2fsecret", "/", "/status/404", "/status/404/disk.img",
		"/truncate/other.img"} {
		response, _, err := get(t, newRequest(t, url+path))
		require.NoError(t, err, path)
		require.Equal(t, http.StatusNotFound, response.StatusCode, path)
	}
}

func TestTruncatedFilesNeverShowTheirSecondHalf(t *testing.T) {
	url, data := start(t)
	response, body, err := get(t, newRequest(t, url+"/truncate/disk.img"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, int64(size), response.ContentLength, "the length that is promised is the whole")
	require.Equal(t, data[:size/2], body)

	request := newRequest(t, url+"/truncate/disk.img")
	request.Header.Set("Range", "bytes=800000-")
	_, body, err = get(t, request)
	require.Error(t, err)
	require.Empty(t, body)
}

func TestFlakyFilesBreakSoManyTimes(t *testing.T) {
	url, data := start(t)
	for _, key := range []string{"one", "two"} {
		head, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url+"/flaky/2/"+key+"/disk.img", nil)
		require.NoError(t, err)
		response, _, err := get(t, head)
		require.NoError(t, err, "a look at the header does not count")
		require.Equal(t, int64(size), response.ContentLength)
		for range 2 {
			_, _, err := get(t, newRequest(t, url+"/flaky/2/"+key+"/disk.img"))
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
		_, body, err := get(t, newRequest(t, url+"/flaky/2/"+key+"/disk.img"))
		require.NoError(t, err)
		require.Equal(t, data, body)
	}
}

func TestCutFilesLookWhole(t *testing.T) {
	url, data := start(t)
	response, body, err := get(t, newRequest(t, url+"/cut/disk.img"))
	require.NoError(t, err)
	require.Equal(t, int64(size/2), response.ContentLength)
	require.Equal(t, data[:size/2], body)
}

func TestCorruptFilesKeepTheirMagicAndTheirContent(t *testing.T) {
	url, data := start(t)
	_, body, err := get(t, newRequest(t, url+"/corrupt/disk.img"))
	require.NoError(t, err)
	require.Len(t, body, size)
	require.Equal(t, data[:4], body[:4])
	require.NotEqual(t, data[4:104], body[4:104])
	require.Equal(t, data[104:], body[104:])
}

func TestSlowFilesTakeTheirTime(t *testing.T) {
	url, data := start(t)
	began := time.Now()
	_, body, err := get(t, newRequest(t, url+"/slow/4194304/disk.img"))
	require.NoError(t, err)
	require.Equal(t, data, body)
	require.GreaterOrEqual(t, time.Since(began), 240*time.Millisecond)
}

func TestHangingFilesEndWithTheClient(t *testing.T) {
	url, _ := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/hang/disk.img", nil)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(request)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCredentialsAreAskedFor(t *testing.T) {
	url, data := start(t)
	response, _, err := get(t, newRequest(t, url+"/auth/alice/secret/disk.img"))
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, response.StatusCode)

	request := newRequest(t, url+"/auth/alice/secret/disk.img")
	request.SetBasicAuth("alice", "secret")
	_, body, err := get(t, request)
	require.NoError(t, err)
	require.Equal(t, data, body)
}
