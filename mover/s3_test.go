package mover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// versityGateway runs a real S3 server on a folder, with the bucket backups, and returns its address.
func versityGateway(t *testing.T) (*url.URL, string) {
	t.Helper()
	program, err := exec.LookPath("versitygw")
	if err != nil {
		t.Skip("versitygw is not in PATH: build it from e2e/devcluster/tools/s3; the end-to-end suite disks has it")
	}
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "backups"), 0o755))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "--port", address, "--access", "key", "--secret", "secret",
		"--quiet", "posix", folder)
	require.NoError(t, command.Start())
	t.Cleanup(func() { cancel(); _ = command.Wait() })
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		return err == nil && connection.Close() == nil
	}, 30*time.Second, 50*time.Millisecond)
	return &url.URL{Scheme: "http", Host: address}, folder
}

func s3Credentials() map[string]string {
	return map[string]string{AccessKeyFile: "key", SecretKeyFile: "secret\n"}
}

func TestS3(t *testing.T) {
	server, folder := versityGateway(t)
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			options, content := workplace(t, s3Credentials())
			options.Target, options.Compression, options.Region = TargetS3, compression, "us-east-1"
			options.Location = server.String() + "/backups/2026/web-" + compression
			require.NoError(t, options.Run(t.Context()))
			object, err := os.ReadFile(filepath.Join(folder, "backups", "2026", "web-"+compression))
			require.NoError(t, err)
			report := last(t, options)
			assert.Equal(t, Report{Percent: 100, SizeBytes: int64(len(object)), Checksum: sumOf(object),
				Location: options.Location}, *report)
			assert.True(t, bytes.Equal(content, plain(t, object, compression)))
		})
	}
}

func TestS3RefusalsOfARealServer(t *testing.T) {
	server, _ := versityGateway(t)
	tests := map[string]struct {
		path, secret, reason string
	}{
		"no bucket":    {"/nowhere/web", "secret", v1alpha1.ReasonBucketMissing},
		"wrong secret": {"/backups/web", "guess", v1alpha1.ReasonCredentialsRefused},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options, _ := workplace(t, map[string]string{AccessKeyFile: "key", SecretKeyFile: test.secret})
			options.Target, options.Region, options.Location = TargetS3, "us-east-1", server.String()+test.path
			assert.Error(t, options.Run(t.Context()))
			assert.Equal(t, test.reason, last(t, options).Reason, last(t, options).Message)
		})
	}
}

// The connection breaks after two parts. The next attempt sends only the others, and the object is right.
func TestS3GoesOnWhereItBrokeOff(t *testing.T) {
	server, folder := versityGateway(t)
	var parts atomic.Int32
	limit := int32(2)
	proxy := httputil.NewSingleHostReverseProxy(server)
	proxy.Director = func(request *http.Request) { request.URL.Scheme, request.URL.Host = server.Scheme, server.Host }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPut && request.URL.Query().Has("partNumber") {
			if parts.Add(1) > limit {
				_, _ = io.Copy(io.Discard, request.Body)
				w.WriteHeader(http.StatusForbidden)
				_, _ = fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>")
				return
			}
		}
		proxy.ServeHTTP(w, request)
	}))
	defer front.Close()

	options, _ := workplace(t, s3Credentials())
	disk := filepath.Join(options.Source, "disk.img")
	content := bytes.Repeat([]byte("0123456789abcdef"), 4*int(minPartSize)/16+100)
	require.NoError(t, os.WriteFile(disk, content, 0o600))
	options.Target, options.Region, options.Location = TargetS3, "us-east-1", front.URL+"/backups/web"
	require.Error(t, options.Run(t.Context()))
	assert.False(t, exists(filepath.Join(folder, "backups", "web")), "nothing half is there")

	parts.Store(0)
	limit = 100
	require.NoError(t, options.Run(t.Context()))
	assert.Equal(t, int32(3), parts.Load(), "five parts, of which two are there")
	object, err := os.ReadFile(filepath.Join(folder, "backups", "web"))
	require.NoError(t, err)
	assert.Equal(t, sumOf(content), sumOf(object))
	assert.Equal(t, sumOf(content), last(t, options).Checksum)

	// The disk changed meanwhile: parts of an earlier upload with other content are not used.
	parts.Store(0)
	limit = 3
	require.Error(t, options.Run(t.Context()))
	changed := bytes.Replace(content, []byte("0"), []byte("X"), 1)
	require.NoError(t, os.WriteFile(disk, changed, 0o600))
	parts.Store(0)
	limit = 100
	require.NoError(t, options.Run(t.Context()))
	assert.Equal(t, int32(3), parts.Load(), "the first part, which is another one, and the two that were missing")
	object, err = os.ReadFile(filepath.Join(folder, "backups", "web"))
	require.NoError(t, err)
	assert.Equal(t, sumOf(changed), sumOf(object))
}

// The number of parts is within the limit, and equal files have equal parts.
func TestPartSize(t *testing.T) {
	for _, size := range []int64{1, 5 << 20, 10 << 30, 16 << 40} {
		part := partSize(size)
		assert.GreaterOrEqual(t, part, minPartSize)
		assert.LessOrEqual(t, size/part+1, int64(maxParts), "%d bytes", size)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
