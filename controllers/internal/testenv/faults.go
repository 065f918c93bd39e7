package testenv

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Faults answers requests instead of the API server: those that change objects of a resource whose names have a
// prefix.
type Faults struct {
	mutex   sync.Mutex
	answers map[faulty]metav1.Status
}

type faulty struct{ resource, prefix string }

// NewFaults returns faults that answer nothing yet.
func NewFaults() *Faults { return &Faults{answers: map[faulty]metav1.Status{}} }

// Refuse answers like an admission policy that forbids the change.
func (f *Faults) Refuse(resource, prefix string) {
	f.answer(resource, prefix, metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
		Message: "forbidden by a test: " + resource})
}

// Fail answers like an API server that cannot reach a webhook.
func (f *Faults) Fail(resource, prefix string) {
	f.answer(resource, prefix, metav1.Status{Code: http.StatusInternalServerError,
		Reason: metav1.StatusReasonInternalError, Message: "failed by a test: " + resource})
}

func (f *Faults) answer(resource, prefix string, status metav1.Status) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	status.TypeMeta, status.Status = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, metav1.StatusFailure
	f.answers[faulty{resource, prefix}] = status
}

// Heal ends the faults of objects with a prefix.
func (f *Faults) Heal(prefix string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for key := range f.answers {
		if key.prefix == prefix {
			delete(f.answers, key)
		}
	}
}

// Wrap puts the faults in front of a transport.
func (f *Faults) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		status, found := f.find(request)
		if !found {
			return next.RoundTrip(request)
		}
		body, err := json.Marshal(status)
		if err != nil {
			return nil, err
		}
		return &http.Response{
			StatusCode: int(status.Code), Status: http.StatusText(int(status.Code)), Proto: "HTTP/1.1",
			ProtoMajor: 1, ProtoMinor: 1,
			Header:        http.Header{"Content-Type": []string{"application/json"}},
			Body:          io.NopCloser(bytes.NewReader(body)),
			ContentLength: int64(len(body)), Request: request,
		}, nil
	})
}

func (f *Faults) find(request *http.Request) (metav1.Status, bool) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		return metav1.Status{}, false
	}
	info, err := requestInfo.NewRequestInfo(request)
	if err != nil || info.Name == "" || info.Subresource != "" {
		return metav1.Status{}, false
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for key, status := range f.answers {
		if key.resource == info.Resource && strings.HasPrefix(info.Name, key.prefix) {
			return status, true
		}
	}
	return metav1.Status{}, false
}
