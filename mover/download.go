package mover

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/novasphere/wukong/mover/internal/disk"
)

// Patience with clients of a download. There is no limit for a whole download.
const (
	headerPatience   = 10 * time.Second
	shutdownPatience = 5 * time.Second
)

// downloadTarget offers the file until it expires.
type downloadTarget struct {
	fileName    string
	expiresAt   time.Time
	token       string
	certificate tls.Certificate
	listener    net.Listener
}

type downloadOptions struct {
	fileName    string
	expiresAt   time.Time
	credentials string
	address     string
}

func newDownloadTarget(options downloadOptions) (*downloadTarget, error) {
	token, err := credential(options.credentials, TokenFile)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(options.credentials, CertificateFile),
		filepath.Join(options.credentials, PrivateKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	listener, err := net.Listen("tcp", options.address)
	if err != nil {
		return nil, err
	}
	return &downloadTarget{fileName: options.fileName, expiresAt: options.expiresAt, token: token,
		certificate: certificate, listener: listener}, nil
}

// serve reads the file once for its checksum, then offers it until the link expires, which is success.
func (d *downloadTarget) serve(ctx context.Context, image disk.Image, compressed bool, track *tracker) error {
	track.plan(image.Size())
	file, err := measure(ctx, image, compressed, track.advance)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           d.handler(file),
		ReadHeaderTimeout: headerPatience,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{d.certificate}, MinVersion: tls.VersionTLS12},
	}
	track.update(func() {
		track.ready = true
		track.report.Percent, track.report.SizeBytes, track.report.Checksum = 100, file.Size(), file.sum
	})
	live, cancel := context.WithDeadline(ctx, d.expiresAt)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		<-live.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
		defer cancel()
		// Running downloads are cut off: the link has expired for them as well.
		if err := server.Shutdown(grace); err != nil {
			err = server.Close()
			stopped <- err
			return
		}
		stopped <- nil
	}()
	if err := server.ServeTLS(d.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the download: %w", err)
	}
	return errors.Join(<-stopped, ctx.Err())
}

// handler answers GET and HEAD of the file, whole or a range of it.
func (d *downloadTarget) handler(file *measured) http.Handler {
	sum := strings.TrimPrefix(file.sum, "sha256:")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+d.fileName, func(w http.ResponseWriter, request *http.Request) {
		token, found := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
		if !found || subtle.ConstantTimeCompare([]byte(token), []byte(d.token)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w,
				"the token is missing or wrong: send 'Authorization: Bearer <token>', with the key token of the "+
					"export's Secret", http.StatusUnauthorized)
			return
		}
		// With the checksum as ETag, If-Range continues only the same file. Repr-Digest (RFC 9530) shows the checksum
		// to users.
		w.Header().Set("ETag", `"`+sum+`"`)
		if raw, err := hex.DecodeString(sum); err == nil {
			w.Header().Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(raw)+":")
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="`+d.fileName+`"`)
		http.ServeContent(w, request, "", time.Time{}, io.NewSectionReader(file, 0, file.Size()))
	})
	return mux
}
