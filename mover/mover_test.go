package mover

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// workplace creates what kubelet gives the container: a disk of a few megabytes with holes, credentials, and a
// termination log.
func workplace(t *testing.T, credentials map[string]string) (Options, []byte) {
	t.Helper()
	folder := t.TempDir()
	content := make([]byte, 9<<20+512)
	_, _ = rand.Read(content[1<<20 : 2<<20])
	copy(content[len(content)-512:], "the end")
	write := func(path string, data []byte) {
		path = filepath.Join(folder, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	write("source/disk.img", content)
	for name, value := range credentials {
		write("credentials/"+name, []byte(value))
	}
	return Options{
		Source: filepath.Join(folder, "source"), Format: "raw", Compression: "none", FileName: "web.img",
		credentials: filepath.Join(folder, "credentials"), certificates: filepath.Join(folder, "certificates"),
		terminationLog: filepath.Join(folder, "termination-log"), statusAddress: "127.0.0.1:0",
		downloadAddress: "127.0.0.1:0",
	}, content
}

// last returns the report that kubelet finds.
func last(t *testing.T, options Options) *Report {
	t.Helper()
	text, err := os.ReadFile(options.terminationLog)
	require.NoError(t, err)
	report, err := ParseReport(text)
	require.NoError(t, err)
	return report
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// A pushed container disk has the disk below /disk, and the report names it by digest.
func TestRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			options, content := workplace(t, nil)
			options.Target, options.Compression = TargetRegistry, compression
			options.Location = "docker://" + strings.TrimPrefix(server.URL, "http://") + "/disks/web:1"
			require.NoError(t, options.Run(t.Context()))
			report := last(t, options)
			assert.Equal(t, int32(100), report.Percent)
			assert.Equal(t, sumOf(content), report.Checksum)
			assert.Equal(t, int64(len(content)), report.SizeBytes)

			reference, err := name.ParseReference(report.Location)
			require.NoError(t, err)
			image, err := remote.Image(reference)
			require.NoError(t, err)
			layers, err := image.Layers()
			require.NoError(t, err)
			require.Len(t, layers, 1)
			uncompressed, err := layers[0].Uncompressed()
			require.NoError(t, err)
			archive := tar.NewReader(uncompressed)
			header, err := archive.Next()
			require.NoError(t, err)
			assert.Equal(t, "disk/", header.Name)
			header, err = archive.Next()
			require.NoError(t, err)
			assert.Equal(t, "disk/web.img", header.Name)
			assert.Equal(t, 107, header.Uid)
			found, err := io.ReadAll(archive)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(content, found))
			_, err = archive.Next()
			assert.ErrorIs(t, err, io.EOF)
		})
	}
}

// An existing layer is not sent again.
func TestRegistryIsNotSentWhatItHas(t *testing.T) {
	var uploads int
	backend := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			uploads++
		}
		backend.ServeHTTP(w, r)
	}))
	defer server.Close()
	options, _ := workplace(t, nil)
	options.Target, options.Location = TargetRegistry, strings.TrimPrefix(server.URL, "http://")+"/disks/web:1"
	require.NoError(t, options.Run(t.Context()))
	first := uploads
	require.Positive(t, first)
	require.NoError(t, options.Run(t.Context()))
	assert.Equal(t, first, uploads)
}

// Each failure has a reason, and a message with the fix.
func TestFailuresInPlainWords(t *testing.T) {
	refusing := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	s3Error := func(code string) string {
		return "<Error><Code>" + code + "</Code><BucketName>backups</BucketName></Error>"
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	secret := map[string]string{AccessKeyFile: "key", SecretKeyFile: "secret"}
	tests := map[string]struct {
		target, location string
		credentials      map[string]string
		reason, message  string
	}{
		"no secret": {TargetS3, "http://127.0.0.1:1/backups/disk", nil, v1alpha1.ReasonSecretMissing,
			"does not exist, or has no key accessKeyId"},
		"no bucket": {TargetS3, "http://" + refusing(404, s3Error("NoSuchBucket")) + "/backups/disk", secret,
			v1alpha1.ReasonBucketMissing, "does not exist: create it"},
		"unknown key": {TargetS3, "http://" + refusing(403, s3Error("InvalidAccessKeyId")) + "/backups/disk", secret,
			v1alpha1.ReasonCredentialsRefused, "does not know these credentials"},
		"not allowed": {TargetS3, "http://" + refusing(403, s3Error("AccessDenied")) + "/backups/disk", secret,
			v1alpha1.ReasonCredentialsRefused, "allow s3:PutObject"},
		"nobody there": {TargetS3, "http://" + closed.Addr().String() + "/backups/disk", secret,
			v1alpha1.ReasonTargetUnreachable, "no connection to"},
		"registry login": {TargetRegistry, refusing(401, "") + "/disks/web:1", secret,
			v1alpha1.ReasonCredentialsRefused, "refuses these credentials"},
		"registry not there": {TargetRegistry, closed.Addr().String() + "/disks/web:1", nil,
			v1alpha1.ReasonTargetUnreachable, "no connection to"},
		"unknown name": {TargetRegistry, "registry.invalid/disks/web:1", nil,
			v1alpha1.ReasonTargetUnreachable, "is not known"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, _ := workplace(t, test.credentials)
			options.Target, options.Location = test.target, test.location
			assert.Error(t, options.Run(t.Context()))
			report := last(t, options)
			assert.Equal(t, test.reason, report.Reason, report.Message)
			assert.Contains(t, report.Message, test.message)
			assert.Zero(t, report.Percent, "it is found out before the disk is read")
		})
	}
}

func TestAClaimWithoutADisk(t *testing.T) {
	options, _ := workplace(t, nil)
	options.Target, options.Location = TargetRegistry, "127.0.0.1:1/disks/web:1"
	require.NoError(t, os.Remove(filepath.Join(options.Source, "disk.img")))
	assert.Error(t, options.Run(t.Context()))
	assert.Equal(t, v1alpha1.ReasonSourceUnreadable, last(t, options).Reason)
	assert.Contains(t, last(t, options).Message, "contains no disk.img")
}

// The whole file, a part of it, and nothing without the token. After its expiry the server ends successfully.
func TestDownload(t *testing.T) {
	for _, compression := range []string{"none", "gzip"} {
		t.Run(compression, func(t *testing.T) {
			certificate, key := certificateFor(t)
			options, content := workplace(t,
				map[string]string{TokenFile: "open sesame", CertificateFile: certificate, PrivateKeyFile: key})
			options.Compression = compression
			target, err := newDownloadTarget(downloadOptions{
				fileName: "web.img", expiresAt: time.Now().Add(time.Hour), credentials: options.credentials,
				address: options.downloadAddress,
			})
			require.NoError(t, err)
			track := newTracker()
			image, source, err := openImage(t.Context(), options.Source, "raw", track)
			require.NoError(t, err)
			defer source.Close()
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- target.serve(ctx, image, compression == "gzip", track) }()
			waitReady(t, track)

			get := client(t, certificate, "https://"+target.listener.Addr().String()+"/web.img")
			response, whole := get(map[string]string{"Authorization": "Bearer open sesame"})
			require.Equal(t, http.StatusOK, response.StatusCode)
			report, _, _ := track.current()
			assert.Equal(t, sumOf(whole), report.Checksum)
			assert.Equal(t, `"`+strings.TrimPrefix(report.Checksum, "sha256:")+`"`, response.Header.Get("ETag"))
			assert.True(t, bytes.Equal(content, plain(t, whole, compression)))

			middle := len(whole) / 2
			response, rest := get(map[string]string{
				"Authorization": "Bearer open sesame", "Range": "bytes=" + itoa(middle) + "-",
				"If-Range": response.Header.Get("ETag"),
			})
			assert.Equal(t, http.StatusPartialContent, response.StatusCode)
			assert.True(t, bytes.Equal(whole[middle:], rest))

			for _, token := range []string{"", "Bearer wrong", "open sesame"} {
				response, _ := get(map[string]string{"Authorization": token})
				assert.Equal(t, http.StatusUnauthorized, response.StatusCode, token)
			}
			cancel()
			assert.ErrorIs(t, <-served, context.Canceled)
		})
	}
}

func TestDownloadExpires(t *testing.T) {
	certificate, key := certificateFor(t)
	options, _ := workplace(t,
		map[string]string{TokenFile: "open sesame", CertificateFile: certificate, PrivateKeyFile: key})
	options.Target, options.ExpiresAt = TargetDownload, time.Now().Add(500*time.Millisecond)
	require.NoError(t, options.Run(t.Context()), "an expired link is no failure")
	assert.Equal(t, int32(100), last(t, options).Percent)
}

// A client gets the current state at once, and then each change.
func TestStatusStream(t *testing.T) {
	track := newTracker()
	track.plan(1000)
	server := httptest.NewServer(track.handler())
	defer server.Close()
	response, err := http.Get(server.URL + StatusPath)
	require.NoError(t, err)
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	next := func() (report Report) {
		require.NoError(t, decoder.Decode(&report))
		return report
	}
	assert.Equal(t, Report{}, next())
	track.advance(95)
	track.advance(10)
	assert.Equal(t, Report{Percent: 10}, next())
	track.advance(5000)
	assert.Equal(t, Report{Percent: 90}, next(), "only the target says that all is done")
	track.update(func() { track.report = Report{Percent: 100, Checksum: "sha256:1"} })
	assert.Equal(t, Report{Percent: 100, Checksum: "sha256:1"}, next())
}

func TestATerminationMessageFits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	err := &failure{v1alpha1.ReasonTransferFailed, strings.Repeat("\"long\" ", 2000), io.EOF}
	require.NoError(t, writeTermination(path, Report{}, err))
	text, readErr := os.ReadFile(path)
	require.NoError(t, readErr)
	assert.LessOrEqual(t, len(text), maxMessage)
	report, parseErr := ParseReport(text)
	require.NoError(t, parseErr)
	assert.Equal(t, v1alpha1.ReasonTransferFailed, report.Reason)
}

// The program parses the Job's arguments.
func TestArguments(t *testing.T) {
	options := Options{Target: TargetS3, Source: FolderPath, Format: "raw", Compression: "gzip", FileName: "a.img.gz",
		Location: "https://s3/b/k", Region: "r", Insecure: true, ExpiresAt: time.Unix(1e9, 0), Encrypted: true,
		Checksum: "sha256:00", KeepCount: 3, KeepAge: time.Hour}
	command := NewCommand()
	arguments := options.Arguments()
	assert.Equal(t, command.Name(), arguments[0])
	assert.NoError(t, command.ParseFlags(arguments[1:]))
	for flag, value := range map[string]string{
		"target": "s3", "source": FolderPath, "format": "raw", "compression": "gzip", "file-name": "a.img.gz",
		"location": "https://s3/b/k", "region": "r", "insecure": "true", "expires-at": "2001-09-09T01:46:40Z",
		"encrypted": "true", "checksum": "sha256:00", "keep-count": "3", "keep-age": "1h0m0s",
	} {
		assert.Equal(t, value, command.Flags().Lookup(flag).Value.String(), flag)
	}
	assert.Len(t, arguments, 1+13, "each option is listed here")
}

func plain(t *testing.T, content []byte, compression string) []byte {
	t.Helper()
	if compression == "none" {
		return content
	}
	reader, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	result, err := io.ReadAll(reader)
	require.NoError(t, err)
	return result
}

func waitReady(t *testing.T, track *tracker) {
	t.Helper()
	require.Eventually(t, func() bool { _, ready, _ := track.current(); return ready },
		30*time.Second, 10*time.Millisecond)
}

func client(t *testing.T, certificate, url string) func(map[string]string) (*http.Response, []byte) {
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(certificate)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return func(headers map[string]string) (*http.Response, []byte) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
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

func certificateFor(t *testing.T) (string, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

func itoa(number int) string { return big.NewInt(int64(number)).String() }
