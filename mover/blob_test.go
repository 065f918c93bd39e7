package mover

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brittleRegistry is a registry whose connections break during a blob. It keeps what it received and reports that, as
// the distribution specification says and distribution 3 does, or has forgotten the upload.
type brittleRegistry struct {
	http.Handler
	// breakAfter is how many bytes a connection lasts, and breaks the number of connections that break.
	breakAfter int64
	breaks     int
	forgets    bool
	// stumbles is how many requests to commit, or for the status, a proxy in front of it answers.
	stumbles int

	kept      []byte
	received  int64
	committed bool
}

const uploadPath = "/v2/disks/web/blobs/uploads/brittle"

// ServeHTTP implements http.Handler.
func (b *brittleRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	atUpload := r.URL.Path == uploadPath
	status := func(code int) {
		w.Header().Set("Location", uploadPath)
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(len(b.kept)-1, 0)))
		w.WriteHeader(code)
	}
	switch {
	case atUpload && b.stumbles > 0 && (r.Method == http.MethodPut || r.Method == http.MethodGet):
		b.stumbles--
		w.WriteHeader(http.StatusBadGateway)
	case r.Method == http.MethodPost && !b.committed:
		b.kept = nil
		status(http.StatusAccepted)
	case r.Method == http.MethodGet && atUpload && b.forgets:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet && atUpload:
		status(http.StatusNoContent)
	case r.Method == http.MethodPatch && atUpload:
		b.take(w, r, status)
	case r.Method == http.MethodPut && atUpload:
		// The registry behind it checks the bytes against the digest.
		b.committed = true
		whole := httptest.NewRequest(http.MethodPost,
			"/v2/disks/web/blobs/uploads/?digest="+r.URL.Query().Get("digest"),
			bytes.NewReader(b.kept))
		b.Handler.ServeHTTP(w, whole)
	default:
		b.Handler.ServeHTTP(w, r)
	}
}

func (b *brittleRegistry) take(w http.ResponseWriter, r *http.Request, status func(int)) {
	begin := 0
	if header := r.Header.Get("Content-Range"); header != "" {
		_, _ = fmt.Sscanf(header, "%d-", &begin)
	}
	if begin != len(b.kept) {
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	body := io.Reader(r.Body)
	if b.breaks > 0 {
		body = io.LimitReader(body, b.breakAfter)
	}
	content, _ := io.ReadAll(body)
	b.kept, b.received = append(b.kept, content...), b.received+int64(len(content))
	if b.breaks > 0 {
		b.breaks--
		panic(http.ErrAbortHandler)
	}
	status(http.StatusAccepted)
}

// A layer is resumed after the last byte that the registry has. A registry that no longer knows the upload gets all of
// it.
func TestALayerGoesOnWhereItBrokeOff(t *testing.T) {
	for name, test := range map[string]struct {
		breaks   int
		forgets  bool
		stumbles int
	}{"it remembers": {breaks: 2}, "it forgets": {breaks: 1, forgets: true}, "it stumbles": {stumbles: 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
			brittle := &brittleRegistry{Handler: backend, breakAfter: 4 << 20, breaks: test.breaks,
				forgets:  test.forgets,
				stumbles: test.stumbles}
			server := httptest.NewServer(brittle)
			defer server.Close()
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			options, content := workplace(t, nil)
			options.Target, options.Location = TargetRegistry, strings.TrimPrefix(server.URL, "http://")+"/disks/web:1"
			require.NoError(t, options.Run(t.Context()))
			assert.Equal(t, sumOf(content), last(t, options).Checksum)
			assert.Zero(t, brittle.breaks+brittle.stumbles)
			layer := int64(len(brittle.kept))
			assert.Greater(t, layer, int64(len(content)))
			if test.forgets {
				assert.Equal(t, layer+brittle.breakAfter, brittle.received)
			} else {
				assert.Equal(t, layer, brittle.received, "no byte is sent twice")
			}
		})
	}
}
