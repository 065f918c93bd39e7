package mover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// An interrupted blob is resumed after blobPause, which doubles each time, until blobTries interruptions without a
// further byte: after a minute, the Job's next attempt starts from the beginning.
const (
	blobTries = 6
	blobPause = time.Second
)

// blobUpload sends one blob to a registry (OCI distribution specification, "Pushing blobs" and "Resuming a push"). It
// is a single request, which every registry accepts. When that is interrupted, the registry is asked how much it has,
// and gets the rest; one that does not report it gets the whole blob again. go-containerregistry, which does
// everything else, always sends the whole blob again.
type blobUpload struct {
	client     *http.Client
	repository name.Repository
	content    disk.Image
	digest     string
	observe    func(int64)

	// begun reports that the registry has accepted an upload. location is its URL, empty to start again, and offset the
	// number of bytes that it has.
	begun    bool
	location string
	offset   int64
}

func newBlobUpload(
	ctx context.Context, repository name.Repository, base http.RoundTripper, keychain authn.Keychain,
) (*blobUpload, error) {
	credentials, err := keychain.Resolve(repository)
	if err != nil {
		return nil, err
	}
	authenticated, err := transport.NewWithContext(ctx, repository.Registry, credentials, base,
		[]string{repository.Scope(transport.PushScope)})
	if err != nil {
		return nil, err
	}
	return &blobUpload{client: &http.Client{Transport: authenticated}, repository: repository}, nil
}

// send returns when the registry has the blob. Failures before the upload begins are not retried: they are seldom the
// network's fault.
func (b *blobUpload) send(ctx context.Context) error {
	for tries, pause := 0, blobPause; ; tries, pause = tries+1, 2*pause {
		before := b.offset
		err := b.attempt(ctx)
		var local *failure
		if err == nil || ctx.Err() != nil || !b.begun || errors.As(err, &local) {
			return err
		}
		if b.offset > before {
			tries, pause = 0, blobPause
		}
		if tries == blobTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// attempt sends what the registry does not have.
func (b *blobUpload) attempt(ctx context.Context) error {
	present, err := b.present(ctx)
	if err != nil || present {
		return err
	}
	if b.location != "" {
		if err := b.resume(ctx); err != nil {
			return err
		}
	}
	if b.location == "" {
		if err := b.begin(ctx); err != nil {
			return err
		}
	}
	if err := b.append(ctx); err != nil {
		return err
	}
	return b.commit(ctx)
}

func (b *blobUpload) present(ctx context.Context) (bool, error) {
	response, err := b.ask(ctx, http.MethodHead, b.address("/blobs/"+b.digest), nil, nil,
		http.StatusOK, http.StatusNotFound)
	return err == nil && response.StatusCode == http.StatusOK, err
}

func (b *blobUpload) begin(ctx context.Context) error {
	response, err := b.ask(ctx, http.MethodPost, b.address("/blobs/uploads/"), nil, nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	b.begun, b.offset = true, 0
	return b.follow(response)
}

// resume asks how far the upload is. One that the registry no longer knows, or whose position it does not report,
// starts again.
func (b *blobUpload) resume(ctx context.Context) error {
	response, err := b.ask(ctx, http.MethodGet, b.location, nil, nil, http.StatusNoContent, http.StatusAccepted)
	if refuses(err) {
		b.location = ""
		return nil
	}
	if err != nil {
		return err
	}
	// The header is "Range: 0-<last byte>", and 0-0 also without any bytes.
	var last int64
	_, err = fmt.Sscanf(strings.TrimPrefix(response.Header.Get("Range"), "bytes="), "0-%d", &last)
	if err != nil || last >= b.content.Size() {
		b.location = ""
		return nil
	}
	b.offset = 0
	if last > 0 {
		b.offset = last + 1
	}
	return b.follow(response)
}

// append sends the rest.
func (b *blobUpload) append(ctx context.Context) error {
	rest := b.content.Size() - b.offset
	if rest == 0 {
		return nil
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if b.offset > 0 {
		header.Set("Content-Range", fmt.Sprintf("%d-%d", b.offset, b.content.Size()-1))
	}
	response, err := b.ask(ctx, http.MethodPatch, b.location, header, io.NewSectionReader(b.content, b.offset, rest),
		http.StatusAccepted, http.StatusNoContent, http.StatusCreated)
	if err != nil {
		return err
	}
	return b.follow(response)
}

func (b *blobUpload) commit(ctx context.Context) error {
	location, err := url.Parse(b.location)
	if err != nil {
		return err
	}
	query := location.Query()
	query.Set("digest", b.digest)
	location.RawQuery = query.Encode()
	_, err = b.ask(ctx, http.MethodPut, location.String(), http.Header{"Content-Type": {"application/octet-stream"}},
		nil, http.StatusCreated)
	if refuses(err) {
		b.location = "" // its bytes do not match the digest
	}
	return err
}

// refuses reports whether the registry refuses the request, and a retry would not help.
func refuses(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode < http.StatusInternalServerError &&
		answer.StatusCode != http.StatusTooManyRequests
}

// follow stores the next location, which may be relative.
func (b *blobUpload) follow(response *http.Response) error {
	location, err := response.Location()
	if err != nil {
		return fmt.Errorf("%s returned no location for the upload: %w", b.repository.RegistryStr(), err)
	}
	b.location = location.String()
	return nil
}

func (b *blobUpload) address(path string) string {
	address := url.URL{Scheme: b.repository.Scheme(), Host: b.repository.RegistryStr(), Path: "/v2/" +
		b.repository.RepositoryStr() + path}
	return address.String()
}

// ask sends a request, and returns the response without its body if it has one of the statuses.
func (b *blobUpload) ask(
	ctx context.Context, method, address string, header http.Header, content disk.Image, statuses ...int,
) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	if content != nil {
		request.ContentLength = content.Size()
		request.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(readable{disk.Reader(ctx, content, b.observe)}), nil
		}
		request.Body, _ = request.GetBody()
	}
	response, err := b.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return response, transport.CheckError(response, statuses...)
}

// readable marks an error as one of the disk, and not of the registry.
type readable struct{ io.Reader }

// Read implements io.Reader.
func (r readable) Read(buffer []byte) (int, error) {
	n, err := r.Reader.Read(buffer)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		err = unreadable(err)
	}
	return n, err
}
