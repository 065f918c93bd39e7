package mover

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// keyed adds a folder with the keys of an encryption to a workplace.
func keyed(t *testing.T, options *Options, files map[string]string) {
	t.Helper()
	options.Encrypted, options.encryption = true, t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(options.encryption, name), []byte(content), 0o600))
	}
}

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return identity
}

// asGenerated is the file of age-keygen.
func asGenerated(identity *age.X25519Identity) string {
	return "# created: 2026-01-01T00:00:00Z\n# public key: " + identity.Recipient().String() + "\n" + identity.String() +
		"\n"
}

// Whoever has the secret key restores an encrypted export with age and gunzip alone.
func TestEncryptedExport(t *testing.T) {
	identity := newIdentity(t)
	for name, files := range map[string]map[string]string{
		"to a public key": {RecipientFile: "# ops\n\n" + identity.Recipient().String() + "\n"},
		"to its own key":  {IdentityFile: asGenerated(identity)},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := newTestBucket(t)
			options, content := workplace(t, s3Credentials())
			keyed(t, &options, files)
			options.Target, options.Compression = TargetS3, "gzip"
			options.Region, options.Location = "us-east-1", bucket.location("web/root.gz.age")
			bucket.uploads["old"] = &testUpload{key: "web/root.gz.age", begun: time.Now()}
			bucket.uploads["other"] = &testUpload{key: "web/data.gz.age", begun: time.Now()}
			require.NoError(t, options.Run(t.Context()))

			object := bucket.objects["web/root.gz.age"]
			report := last(t, options)
			assert.Equal(t, sumOf(object), report.Checksum, "of the object as it is in the bucket")
			assert.EqualValues(t, len(object), report.SizeBytes)
			reader, err := age.Decrypt(bytes.NewReader(object), identity)
			require.NoError(t, err)
			compressed, err := io.ReadAll(reader)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(content, plain(t, compressed, "gzip")))
			assert.NotContains(t, bucket.uploads, "old", "its parts would be stored for ever")
			assert.Contains(t, bucket.uploads, "other", "another object is none of its business")
		})
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	bucket := newTestBucket(t)
	for name, test := range map[string]struct {
		files          map[string]string
		reason, advice string
	}{
		"none":         {nil, v1alpha1.ReasonSecretMissing, "neither a key recipient nor a key identity: create it"},
		"no recipient": {map[string]string{RecipientFile: "me\n"}, v1alpha1.ReasonKeyRefused, "the key recipient"},
		"a secret key where a public one belongs": {map[string]string{RecipientFile: newIdentity(t).String()},
			v1alpha1.ReasonKeyRefused, "the key recipient"},
		"no identity": {map[string]string{IdentityFile: "AGE-SECRET-KEY-1X"}, v1alpha1.ReasonKeyRefused, "the key identity"},
	} {
		t.Run(name, func(t *testing.T) {
			options, _ := workplace(t, s3Credentials())
			keyed(t, &options, test.files)
			options.Target, options.Region, options.Location = TargetS3, "us-east-1", bucket.location("web")
			require.Error(t, options.Run(t.Context()))
			report := last(t, options)
			assert.Equal(t, test.reason, report.Reason)
			assert.Contains(t, report.Message, test.advice)
			assert.NotContains(t, report.Message, "AGE-SECRET-KEY", "a message is no place for a secret")
			assert.Empty(t, bucket.keys())
		})
	}
}

// relayed is a relay that runs, and what CDI knows of it.
type relayed struct {
	client *http.Client
	url    string
	token  string
	ended  chan error
	stop   context.CancelFunc
}

// offer runs a relay of an object.
func offer(t *testing.T, options Options) *relayed {
	t.Helper()
	certificate, key := certificateFor(t)
	options.serving = t.TempDir()
	for name, content := range map[string]string{
		TokenFile: "the token", CertificateFile: certificate, PrivateKeyFile: key,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(options.serving, name), []byte(content), 0o600))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	options.downloadAddress = listener.Addr().String()
	require.NoError(t, listener.Close())
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(certificate)))
	ctx, stop := context.WithCancel(t.Context())
	made := &relayed{
		client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true,
		}},
		url: "https://" + options.downloadAddress + RelayPath, token: "the token", ended: make(chan error, 1), stop: stop,
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		made.ended <- options.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done // it writes into a folder of the test
	})
	return made
}

func (r *relayed) ask(t *testing.T, method string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url, nil)
	require.NoError(t, err)
	request.SetBasicAuth("wukong", r.token)
	for {
		response, err := r.client.Do(request)
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			return response, err
		}
		select {
		case failed := <-r.ended:
			r.ended <- failed
			return nil, failed
		case <-time.After(10 * time.Millisecond): // it does not listen yet
		}
	}
}

// read is what CDI's importer does.
func (r *relayed) read(t *testing.T) ([]byte, error) {
	t.Helper()
	response, err := r.ask(t, http.MethodGet)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	return io.ReadAll(response.Body)
}

// encryptedFor encrypts some content.
func encryptedFor(t *testing.T, identity *age.X25519Identity, content []byte) []byte {
	t.Helper()
	reader := encrypted(io.NopCloser(bytes.NewReader(content)), []age.Recipient{identity.Recipient()})
	object, err := io.ReadAll(reader)
	require.NoError(t, err)
	return object
}

func relayOptions(t *testing.T, bucket *testBucket) Options {
	t.Helper()
	options, _ := workplace(t, s3Credentials())
	options.Target, options.Region, options.Location = TargetRelay, "us-east-1", bucket.location("web")
	return options
}

func TestRelay(t *testing.T) {
	identity := newIdentity(t)
	for name, size := range map[string]int{
		"of one byte": 1, "of less than is held back": 1000, "of as much": heldBack, "of more": heldBack + 1,
		"of much more": 5*heldBack + 77,
	} {
		content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		for encryption, isEncrypted := range map[string]bool{"an object ": false, "an encrypted object ": true} {
			t.Run(encryption+name, func(t *testing.T) {
				bucket := newTestBucket(t)
				options, object := relayOptions(t, bucket), content
				if isEncrypted {
					keyed(t, &options, map[string]string{IdentityFile: asGenerated(identity)})
					object = encryptedFor(t, identity, content)
				}
				bucket.put("web", object, 0)
				options.Checksum = sumOf(object)
				relay := offer(t, options)

				head, err := relay.ask(t, http.MethodHead)
				require.NoError(t, err)
				require.NoError(t, head.Body.Close())
				assert.EqualValues(t, size, head.ContentLength, "CDI shows the progress by it")
				for range 2 { // an importer that was killed reads again
					found, err := relay.read(t)
					require.NoError(t, err)
					assert.True(t, bytes.Equal(content, found))
				}
				relay.stop()
				require.NoError(t, <-relay.ended, "to be stopped is its usual end")
			})
		}
	}
}

func TestARelayNeedsTheToken(t *testing.T) {
	bucket := newTestBucket(t)
	bucket.put("web", []byte("disk"), 0)
	relay := offer(t, relayOptions(t, bucket))
	relay.token = "guess"
	response, err := relay.ask(t, http.MethodGet)
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
	found, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.NotContains(t, string(found), "disk")
}

// What is not what was written never looks complete to the importer, and the program ends with the cause.
func TestARelayVerifies(t *testing.T) {
	identity := newIdentity(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	object := encryptedFor(t, identity, content)
	changed := bytes.Clone(object)
	changed[len(changed)/2] ^= 1
	ended := bytes.Clone(object)
	ended[len(ended)-1] ^= 1
	for name, test := range map[string]struct {
		object    []byte
		encrypted bool
		checksum  string
		message   string
	}{
		"another checksum":          {content, false, sumOf([]byte("other")), "does not have the checksum of the spec"},
		"a short one":               {[]byte("x"), false, sumOf([]byte("other")), "does not have the checksum of the spec"},
		"encrypted, other checksum": {object, true, sumOf(content), "does not have the checksum of the spec"},
		"changed":                   {changed, true, "", "was changed after it was encrypted"},
		"changed at the end":        {ended, true, "", "was changed after it was encrypted"},
		"truncated":                 {object[:len(object)-70000], true, "", "a part of it is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := newTestBucket(t)
			bucket.put("web", test.object, 0)
			options := relayOptions(t, bucket)
			options.Checksum = test.checksum
			if test.encrypted {
				keyed(t, &options, map[string]string{IdentityFile: asGenerated(identity)})
			}
			relay := offer(t, options)
			_, err := relay.read(t)
			require.Error(t, err, "the importer has to see a failure")
			require.Error(t, <-relay.ended)
			report := last(t, options)
			assert.Equal(t, v1alpha1.ReasonChecksumMismatch, report.Reason)
			assert.Contains(t, report.Message, test.message)
		})
	}
}

// What cannot be read is found before an importer asks.
func TestARelayThatCannotBegin(t *testing.T) {
	identity, other := newIdentity(t), newIdentity(t)
	content := []byte("a disk")
	for name, test := range map[string]struct {
		object          []byte
		keys            map[string]string
		reason, message string
	}{
		"no object": {nil, nil, v1alpha1.ReasonSourceMissing, "the object web does not exist in bucket backups"},
		"not encrypted": {content, map[string]string{IdentityFile: asGenerated(identity)},
			v1alpha1.ReasonKeyRefused, "is not encrypted"},
		"encrypted": {encryptedFor(t, identity, content), nil,
			v1alpha1.ReasonKeyRefused, "name the key in encryption.secretRef"},
		"another key": {encryptedFor(t, identity, content), map[string]string{IdentityFile: asGenerated(other)},
			v1alpha1.ReasonKeyRefused, "encrypted for another key"},
		"a public key alone": {encryptedFor(t, identity, content),
			map[string]string{RecipientFile: identity.Recipient().String()}, v1alpha1.ReasonSecretMissing, "needed to decrypt"},
	} {
		t.Run(name, func(t *testing.T) {
			bucket := newTestBucket(t)
			if test.object != nil {
				bucket.put("web", test.object, 0)
			}
			options := relayOptions(t, bucket)
			if test.keys != nil {
				keyed(t, &options, test.keys)
			}
			relay := offer(t, options)
			require.Error(t, <-relay.ended)
			report := last(t, options)
			assert.Equal(t, test.reason, report.Reason)
			assert.Contains(t, report.Message, test.message)
		})
	}
}

// A connection that breaks says nothing about the object.
func TestABucketThatBreaksOff(t *testing.T) {
	identity := newIdentity(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 40000)
	for name, isEncrypted := range map[string]bool{"an object": false, "an encrypted object": true} {
		t.Run(name, func(t *testing.T) {
			bucket := newTestBucket(t)
			options, object := relayOptions(t, bucket), content
			if isEncrypted {
				keyed(t, &options, map[string]string{IdentityFile: asGenerated(identity)})
				object = encryptedFor(t, identity, content)
			}
			bucket.put("web", object, 0)
			options.Checksum = sumOf(object)
			relay := offer(t, options)
			head, err := relay.ask(t, http.MethodHead)
			require.NoError(t, err)
			require.NoError(t, head.Body.Close())
			bucket.breaksAfter(heldBack + 1000)
			_, err = relay.read(t)
			require.Error(t, err)
			require.Error(t, <-relay.ended)
			assert.NotEqual(t, v1alpha1.ReasonChecksumMismatch, last(t, options).Reason, last(t, options).Message)
		})
	}
}

// An importer that is killed while it reads does not end the relay.
func TestAClientThatDisconnects(t *testing.T) {
	bucket := newTestBucket(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	bucket.put("web", content, 0)
	relay := offer(t, relayOptions(t, bucket))
	response, err := relay.ask(t, http.MethodGet)
	require.NoError(t, err)
	_, err = io.ReadFull(response.Body, make([]byte, 100))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	found, err := relay.read(t)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, found))
}

// What everyone knows is no token.
func TestAnEmptyToken(t *testing.T) {
	bucket := newTestBucket(t)
	bucket.put("web", []byte("disk"), 0)
	options := relayOptions(t, bucket)
	options.serving = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(options.serving, TokenFile), []byte("\n"), 0o600))
	require.Error(t, options.Run(t.Context()))
	assert.Contains(t, last(t, options).Message, "empty key token")
}

func TestOnlyBucketsAreEncrypted(t *testing.T) {
	options, _ := workplace(t, nil)
	options.Target, options.Encrypted = TargetDownload, true
	assert.ErrorContains(t, options.Run(t.Context()), "cannot be encrypted")
}

// An object that is replaced while a relay offers it is not mixed with the other one.
func TestAnObjectThatIsReplaced(t *testing.T) {
	bucket := newTestBucket(t)
	bucket.put("web", []byte("one disk"), 0)
	options := relayOptions(t, bucket)
	relay := offer(t, options)
	_, err := relay.read(t)
	require.NoError(t, err)
	bucket.put("web", []byte("another!"), 0)
	_, err = relay.read(t)
	require.Error(t, err)
	require.Error(t, <-relay.ended)
	assert.Contains(t, last(t, options).Message, "was replaced while it was read")
}
