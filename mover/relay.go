package mover

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// heldBack is how many bytes at the end of an object are not sent before all of it is verified. CDI's importer takes a
// connection that ends before them for a failure.
const heldBack = 64 << 10

// relay offers an object of a bucket to CDI's importer (version 1.61, pkg/importer/http-datasource.go), which asks for
// its size by HEAD, and then reads it from the beginning to the end by one GET, with Basic authentication.
type relay struct {
	*bucket
	// etag and size are those of the object when the relay began; plainSize is that of what is served, in bytes.
	etag            string
	size, plainSize int64
	checksum        string
	// identities decrypt the object; none for one that is not encrypted.
	identities []age.Identity
	token      string
	// failed has the first failure that is the object's, and not a client's.
	failed chan error
	once   sync.Once
}

// relay serves the object until the context ends, which is success, or until it finds that the object cannot be
// verified. Kubelet restarts it then.
func (o Options) relay(ctx context.Context, track *tracker) error {
	offered, err := o.openRelay(ctx)
	if err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(o.serving, CertificateFile),
		filepath.Join(o.serving, PrivateKeyFile))
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	listener, err := net.Listen("tcp", o.downloadAddress)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           offered.handler(),
		ReadHeaderTimeout: headerPatience,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	track.update(func() { track.ready, track.report.SizeBytes = true, offered.plainSize })
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	select {
	case <-ctx.Done():
	case err = <-offered.failed:
	case err = <-served:
	}
	return errors.Join(err, server.Close())
}

// openRelay finds out whether the object can be read: its problems must not be found by the importer.
func (o Options) openRelay(ctx context.Context) (*relay, error) {
	place, err := o.bucket()
	if err != nil {
		return nil, err
	}
	token, err := credential(o.serving, TokenFile)
	if err != nil {
		return nil, err
	}
	opened := &relay{bucket: place, checksum: o.Checksum, token: token, failed: make(chan error, 1)}
	info, err := place.core.StatObject(ctx, place.name, place.key, minio.StatObjectOptions{})
	if err != nil {
		return nil, opened.explain(err)
	}
	opened.etag, opened.size, opened.plainSize = info.ETag, info.Size, info.Size
	if o.Encrypted {
		if opened.identities, err = identities(o.encryption); err != nil {
			return nil, err
		}
	}
	return opened, opened.readHeader(ctx)
}

// readHeader checks that the object is encrypted as it should be, and finds the size of its content.
func (r *relay) readHeader(ctx context.Context) error {
	object, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer object.Close()
	begin := make([]byte, min(int64(len(encryptedMagic)), r.size))
	if _, err := object.ReadAt(begin, 0); err != nil && !errors.Is(err, io.EOF) {
		return r.explain(err)
	}
	isEncrypted := bytes.Equal(begin, encryptedMagic)
	switch {
	case isEncrypted && len(r.identities) == 0:
		return &failure{v1alpha1.ReasonKeyRefused, "the object is encrypted: name the key in encryption.secretRef",
			errors.New(r.url)}
	case !isEncrypted && len(r.identities) > 0:
		return &failure{v1alpha1.ReasonKeyRefused, "the object is not encrypted by age: leave encryption out, " +
			"if that is expected", errors.New(r.url)}
	case !isEncrypted:
		return nil
	}
	_, r.plainSize, err = age.DecryptReaderAt(object, r.size, r.identities...)
	return r.undecryptable(err)
}

// undecryptable explains why an encrypted object cannot be read; nil for no error.
func (r *relay) undecryptable(err error) error {
	var other *age.NoIdentityMatchError
	var response minio.ErrorResponse
	var connection net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &other):
		return &failure{v1alpha1.ReasonKeyRefused, "the object is encrypted for another key than that of " +
			"encryption.secretRef: name the Secret with the right key", errors.New(r.url)}
	case errors.As(err, &response), errors.As(err, &connection), errors.Is(err, context.Canceled):
		return r.explain(err)
	default:
		return &failure{v1alpha1.ReasonChecksumMismatch, "the object was changed after it was encrypted, or a part of it " +
			"is missing: restore it, or use another backup", fmt.Errorf("%s: %w", r.url, err)}
	}
}

func (r *relay) explain(err error) error {
	var response minio.ErrorResponse
	if errors.As(err, &response) {
		switch response.Code {
		case minio.NoSuchKey, "NotFound":
			return &failure{v1alpha1.ReasonSourceMissing, "the object " + r.key + " does not exist in " + r.place(), err}
		case minio.PreconditionFailed:
			return &failure{v1alpha1.ReasonChecksumMismatch, "the object was replaced while it was read", err}
		}
	}
	return explain(r.place(), err)
}

// open opens the object that was found at the beginning, and no other that replaced it.
func (r *relay) open(ctx context.Context) (*minio.Object, error) {
	options := minio.GetObjectOptions{}
	if r.etag != "" {
		if err := options.SetMatchETag(r.etag); err != nil {
			return nil, err
		}
	}
	object, err := r.core.Client.GetObject(ctx, r.name, r.key, options)
	if err != nil {
		return nil, r.explain(err)
	}
	return object, nil
}

func (r *relay) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+RelayPath, func(w http.ResponseWriter, request *http.Request) {
		_, password, _ := request.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(password), []byte(r.token)) != 1 {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "the token is missing or wrong", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.FormatInt(r.plainSize, 10))
		if request.Method == http.MethodHead {
			return
		}
		if err := r.send(request.Context(), w); err != nil {
			var client *clientError
			if !errors.As(err, &client) && request.Context().Err() == nil {
				r.once.Do(func() { r.failed <- err })
			}
			panic(http.ErrAbortHandler) // the client must not take what it has for the whole
		}
	})
	return mux
}

// clientError is a failure of the client, or of the connection to it.
type clientError struct{ error }

// send writes the content of the object, and its last bytes only once all of it is verified.
func (r *relay) send(ctx context.Context, w io.Writer) error {
	object, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer object.Close()
	raw := &received{source: object, sum: sha256.New()}
	last, err := r.sendMost(raw, w)
	var client *clientError
	if errors.As(err, &client) {
		return err
	}
	_, _ = io.Copy(io.Discard, raw)
	if raw.broke(r.size) { // whatever followed from that
		return r.explain(raw.cause())
	}
	if err != nil {
		return r.undecryptable(err)
	}
	if err := r.verify(raw.sum); err != nil {
		return err
	}
	if _, err := w.Write(last); err != nil {
		return &clientError{err}
	}
	return nil
}

// received is what came from the bucket.
type received struct {
	source io.Reader
	sum    hash.Hash
	size   int64
	err    error
}

// Read implements io.Reader.
func (r *received) Read(buffer []byte) (int, error) {
	n, err := r.source.Read(buffer)
	r.size += int64(n)
	_, _ = r.sum.Write(buffer[:n]) // it never fails
	if err != nil && !errors.Is(err, io.EOF) && r.err == nil {
		r.err = err
	}
	return n, err
}

// broke reports whether the connection ended before an object of a size did.
func (r *received) broke(size int64) bool { return r.err != nil || r.size < size }

func (r *received) cause() error {
	if r.err != nil {
		return r.err
	}
	return io.ErrUnexpectedEOF
}

// sendMost writes the content of an object but its last bytes, and returns those.
func (r *relay) sendMost(raw io.Reader, w io.Writer) ([]byte, error) {
	if len(r.identities) == 0 {
		return forward(raw, w)
	}
	content, err := age.Decrypt(raw, r.identities...)
	if err != nil {
		return nil, err
	}
	return forward(content, w)
}

// forward writes all but the last bytes, and returns those.
func forward(content io.Reader, w io.Writer) ([]byte, error) {
	current, next := make([]byte, 0, heldBack), make([]byte, heldBack)
	for {
		n, err := io.ReadFull(content, next[:heldBack])
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return nil, err
		}
		if n > 0 {
			if _, err := w.Write(current); err != nil {
				return nil, &clientError{err}
			}
			current, next = next[:n], current[:0:heldBack]
			next = next[:heldBack]
		}
		if ended {
			return current, nil
		}
	}
}

func (r *relay) verify(sum hash.Hash) error {
	if found := digest(sum); r.checksum != "" && found != r.checksum {
		return &failure{v1alpha1.ReasonChecksumMismatch, "the object does not have the checksum of the spec: it was " +
			"changed; restore it, or use another backup", fmt.Errorf("%s has %s", r.url, found)}
	}
	return nil
}
