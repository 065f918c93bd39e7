package mover

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// testBucket is an S3 server with one bucket, backups, in memory. It knows what this program asks of a server, and
// nothing about signatures: TestS3 and the end-to-end tests use a real server.
type testBucket struct {
	*httptest.Server
	mutex    sync.Mutex
	objects  map[string][]byte
	modified map[string]time.Time
	uploads  map[string]*testUpload
	// order are the keys in the order in which they were written.
	order []string
	// limit is how many bytes of an object are sent before the connection breaks; zero for all.
	limit int
	// refuses answers a request with AccessDenied.
	refuses func(method, key string) bool
}

type testUpload struct {
	key   string
	begun time.Time
	parts map[string][]byte
}

func newTestBucket(t *testing.T) *testBucket {
	t.Helper()
	made := &testBucket{
		objects: map[string][]byte{}, modified: map[string]time.Time{}, uploads: map[string]*testUpload{},
		refuses: func(string, string) bool { return false },
	}
	made.Server = httptest.NewServer(http.HandlerFunc(made.serve))
	t.Cleanup(made.Close)
	return made
}

func (b *testBucket) location(key string) string { return b.URL + "/backups/" + key }

// put stores an object that was written some time ago.
func (b *testBucket) put(key string, content []byte, ago time.Duration) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.objects[key], b.modified[key] = content, time.Now().Add(-ago)
	b.order = append(b.order, key)
}

// keys are the objects that exist, sorted.
func (b *testBucket) keys() []string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	var found []string
	for key := range b.objects {
		found = append(found, key)
	}
	slices.Sort(found)
	return found
}

func (b *testBucket) breaksAfter(bytes int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.limit = bytes
}

func etag(content []byte) string {
	sum := md5.Sum(content)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

func (b *testBucket) serve(w http.ResponseWriter, request *http.Request) {
	name, key, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, "/"), "/")
	query, body := request.URL.Query(), []byte(nil)
	if request.Body != nil {
		body, _ = io.ReadAll(request.Body)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch {
	case name != "backups":
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case b.refuses(request.Method, key):
		refuse(w, http.StatusForbidden, "AccessDenied")
	case key == "":
		b.list(w, query.Get("prefix"), query.Has("uploads"))
	case query.Has("uploads"):
		id := fmt.Sprintf("upload-%d", len(b.uploads))
		b.uploads[id] = &testUpload{key: key, begun: time.Now(), parts: map[string][]byte{}}
		_, _ = fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case query.Has("uploadId"):
		b.upload(w, request.Method, query.Get("uploadId"), query.Get("partNumber"), body)
	case request.Method == http.MethodPut:
		b.objects[key], b.modified[key], b.order = unchunked(body), time.Now(), append(b.order, key)
		w.Header().Set("ETag", etag(b.objects[key]))
	case request.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		b.get(w, request, key)
	}
}

func (b *testBucket) get(w http.ResponseWriter, request *http.Request, key string) {
	content, ok := b.objects[key]
	if !ok {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	w.Header().Set("ETag", etag(content))
	if b.limit > 0 && request.Method == http.MethodGet {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Header().Set("Last-Modified", b.modified[key].UTC().Format(http.TimeFormat))
		_, _ = w.Write(content[:b.limit])
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, request, "", b.modified[key].UTC().Truncate(time.Second), bytes.NewReader(content))
}

func (b *testBucket) upload(w http.ResponseWriter, method, id, part string, body []byte) {
	upload, ok := b.uploads[id]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "NoSuchUpload")
	case method == http.MethodPut:
		upload.parts[fmt.Sprintf("%05s", part)] = unchunked(body)
		w.Header().Set("ETag", etag(unchunked(body)))
	case method == http.MethodPost:
		var whole []byte
		var numbers []string
		for number := range upload.parts {
			numbers = append(numbers, number)
		}
		slices.Sort(numbers)
		for _, number := range numbers {
			whole = append(whole, upload.parts[number]...)
		}
		b.objects[upload.key], b.modified[upload.key] = whole, time.Now()
		b.order = append(b.order, upload.key)
		delete(b.uploads, id)
		_, _ = fmt.Fprintf(w, "<CompleteMultipartUploadResult><Bucket>backups</Bucket><ETag>%s</ETag>"+
			"</CompleteMultipartUploadResult>", etag(whole))
	case method == http.MethodDelete:
		delete(b.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = fmt.Fprint(w, "<ListPartsResult></ListPartsResult>")
	}
}

type testListed struct {
	Key          string
	LastModified string `xml:",omitempty"`
	Size         int    `xml:",omitempty"`
	UploadID     string `xml:"UploadId,omitempty"`
	Initiated    string `xml:",omitempty"`
}

func (b *testBucket) list(w http.ResponseWriter, prefix string, uploads bool) {
	result := struct {
		XMLName  xml.Name
		Contents []testListed
		Upload   []testListed
	}{XMLName: xml.Name{Local: "ListBucketResult"}}
	for key, content := range b.objects {
		if strings.HasPrefix(key, prefix) && !uploads {
			result.Contents = append(result.Contents, testListed{
				Key: key, LastModified: b.modified[key].UTC().Format(time.RFC3339), Size: len(content),
			})
		}
	}
	for id, upload := range b.uploads {
		if strings.HasPrefix(upload.key, prefix) && uploads {
			result.XMLName.Local = "ListMultipartUploadsResult"
			result.Upload = append(result.Upload, testListed{
				Key: upload.key, UploadID: id, Initiated: upload.begun.UTC().Format(time.RFC3339),
			})
		}
	}
	if uploads {
		result.XMLName.Local = "ListMultipartUploadsResult"
	}
	_ = xml.NewEncoder(w).Encode(result)
}

// unchunked is the content of a body that a client signed in chunks.
func unchunked(body []byte) []byte {
	if !bytes.Contains(body[:min(len(body), 200)], []byte(";chunk-signature=")) {
		return body
	}
	var content []byte
	for len(body) > 0 {
		header, rest, found := bytes.Cut(body, []byte("\r\n"))
		var size int
		if _, err := fmt.Sscanf(string(header), "%x", &size); !found || err != nil || size == 0 {
			return content
		}
		content, body = append(content, rest[:size]...), rest[size+2:]
	}
	return content
}
