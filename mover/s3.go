package mover

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"

	"github.com/novasphere/wukong/mover/internal/disk"
	"github.com/novasphere/wukong/mover/internal/gzipped"
)

// Limits of S3's multipart upload: the number of parts, and their size, of which S3 requires 5 MiB for all but the
// last. A part is held in memory.
const (
	maxParts    = 10000
	minPartSize = int64(16) << 20
)

// s3Target is an object that is written.
type s3Target struct {
	*bucket
	// recipients are the keys that the object is encrypted to; none for one that is not encrypted.
	recipients []age.Recipient
}

// send writes the file to the object, in parts. Parts of an earlier attempt that are still right are not sent again.
// Those of an encrypted file never are: each encryption uses another key.
func (s *s3Target) send(ctx context.Context, image disk.Image, compressed bool, track *tracker) error {
	track.plan(image.Size())
	upload, present, err := s.begin(ctx)
	if err != nil {
		return explain(s.place(), err)
	}
	bound := image.Size()
	if compressed {
		bound = gzipped.Bound(bound)
	}
	sum := sha256.New()
	file := stream(ctx, image, compressed, track.advance)
	if len(s.recipients) > 0 {
		bound, file = encryptionBound(bound), encrypted(file, s.recipients)
	}
	defer file.Close()
	sender := &partSender{target: s, upload: upload, present: present}
	size, err := sender.sendAll(ctx, io.TeeReader(file, sum), partSize(bound))
	if err != nil {
		return err
	}
	if _, err := s.core.CompleteMultipartUpload(ctx, s.name, s.key, upload, sender.parts,
		minio.PutObjectOptions{}); err != nil {
		return explain(s.place(), err)
	}
	track.update(func() {
		track.report = Report{Percent: 100, SizeBytes: size, Checksum: digest(sum), Location: s.url}
	})
	return nil
}

// partSize returns the same size for the same file: otherwise a second attempt would find no part of the first.
func partSize(size int64) int64 {
	const unit = int64(1) << 20
	return max(minPartSize, (size/maxParts/unit+1)*unit)
}

// begin returns the unfinished upload of an earlier attempt, with its parts, or a new one.
func (s *s3Target) begin(ctx context.Context) (string, map[int]minio.ObjectPart, error) {
	if len(s.recipients) > 0 {
		return s.beginAfresh(ctx)
	}
	upload, err := s.unfinished(ctx)
	if err != nil {
		return "", nil, err
	}
	if upload == "" {
		upload, err = s.core.NewMultipartUpload(ctx, s.name, s.key,
			minio.PutObjectOptions{ContentType: "application/octet-stream"})
		return upload, nil, err
	}
	parts, marker := map[int]minio.ObjectPart{}, 0
	for {
		page, err := s.core.ListObjectParts(ctx, s.name, s.key, upload, marker, 1000)
		if err != nil {
			return "", nil, err
		}
		for _, part := range page.ObjectParts {
			parts[part.PartNumber] = part
		}
		if !page.IsTruncated {
			return upload, parts, nil
		}
		marker = page.NextPartNumberMarker
	}
}

// beginAfresh returns a new upload, and aborts those of earlier attempts: they cannot be continued, and their parts
// would be stored, and paid for, until they expire.
func (s *s3Target) beginAfresh(ctx context.Context) (string, map[int]minio.ObjectPart, error) {
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	for upload := range s.core.ListIncompleteUploads(listing, s.name, s.key, true) {
		if upload.Err != nil {
			if err := unlessImpossible(upload.Err); err != nil {
				return "", nil, err
			}
			break
		}
		if upload.Key != s.key {
			continue
		}
		err := s.core.AbortMultipartUpload(ctx, s.name, s.key, upload.UploadID)
		if err := unlessImpossible(err); err != nil {
			return "", nil, err
		}
	}
	upload, err := s.core.NewMultipartUpload(ctx, s.name, s.key,
		minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return upload, nil, err
}

// unlessImpossible is an error, unless it reports that the server has no such function, does not permit it, or that the
// upload does not exist any more.
func unlessImpossible(err error) error {
	var response minio.ErrorResponse
	if errors.As(err, &response) && (response.Code == "AccessDenied" || response.Code == minio.NoSuchUpload ||
		response.StatusCode == http.StatusNotImplemented) {
		return nil
	}
	return err
}

// unfinished returns the newest upload to the key that was not completed, or "". Without the right to list uploads,
// each attempt starts again.
func (s *s3Target) unfinished(ctx context.Context) (string, error) {
	var newest minio.ObjectMultipartInfo
	keyMarker, uploadMarker := "", ""
	for {
		page, err := s.core.ListMultipartUploads(ctx, s.name, s.key, keyMarker, uploadMarker, "", 1000)
		if err != nil {
			return "", unlessImpossible(err)
		}
		for _, upload := range page.Uploads {
			if upload.Key == s.key && (newest.UploadID == "" || upload.Initiated.After(newest.Initiated)) {
				newest = upload
			}
		}
		if !page.IsTruncated {
			return newest.UploadID, nil
		}
		keyMarker, uploadMarker = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// partSender sends the parts of one upload.
type partSender struct {
	target  *s3Target
	upload  string
	present map[int]minio.ObjectPart
	parts   []minio.CompletePart
}

func (p *partSender) sendAll(ctx context.Context, file io.Reader, size int64) (int64, error) {
	buffer, total := make([]byte, size), int64(0)
	for {
		n, err := io.ReadFull(file, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return 0, unreadable(err)
		}
		if n > 0 {
			if err := p.sendOne(ctx, buffer[:n]); err != nil {
				return 0, explain(p.target.place(), err)
			}
			total += int64(n)
		}
		if last {
			return total, nil
		}
	}
}

// sendOne sends a part unless it exists. The ETag of a part is the MD5 of its content, unless the bucket encrypts it
// with keys of its own: then the part is sent again.
func (p *partSender) sendOne(ctx context.Context, content []byte) error {
	number := len(p.parts) + 1
	sum := md5.Sum(content)
	if part, ok := p.present[number]; ok && part.Size == int64(len(content)) &&
		strings.Trim(part.ETag, `"`) == hex.EncodeToString(sum[:]) {
		p.parts = append(p.parts, minio.CompletePart{PartNumber: number, ETag: part.ETag})
		return nil
	}
	part, err := p.target.core.PutObjectPart(ctx, p.target.name, p.target.key, p.upload, number,
		bytes.NewReader(content), int64(len(content)),
		minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(sum[:])})
	if err != nil {
		return err
	}
	p.parts = append(p.parts, minio.CompletePart{PartNumber: number, ETag: part.ETag})
	return nil
}
