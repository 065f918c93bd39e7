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
// prefix. A creation without a name in its path counts when the prefix is anywhere in its body.
type Faults struct {
	mutex    sync.Mutex
	answers  map[faulty]metav1.Status
	answered map[faulty]int
	// left is how many writes succeed before all fail; nil for no such limit. failed is how many did.
	left   *int
	failed int
}

type faulty struct{ resource, prefix string }

// NewFaults returns faults that answer nothing yet.
func NewFaults() *Faults {
	return &Faults{answers: map[faulty]metav1.Status{}, answered: map[faulty]int{}}
}

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

// RefuseCreation answers like an admission policy that forbids new objects of a resource.
func (f *Faults) RefuseCreation(resource string) { f.Refuse(resource, "") }

// FailAfter lets that many writes succeed, and fails all later ones: so ends a manager that is killed.
func (f *Faults) FailAfter(writes int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.left, f.failed = &writes, 0
}

// Failed returns how many writes failed since FailAfter.
func (f *Faults) Failed() int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.failed
}

// failure is the answer of an API server that fails.
func failure(resource string) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError,
		Message: "failed by a test: " + resource,
	}
}

// isOver counts a write, and reports whether it is one too many.
func (f *Faults) isOver() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.left == nil {
		return false
	}
	if *f.left > 0 {
		*f.left--
		return false
	}
	f.failed++
	return true
}

func (f *Faults) answer(resource, prefix string, status metav1.Status) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	status.TypeMeta, status.Status = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, metav1.StatusFailure
	f.answers[faulty{resource, prefix}] = status
}

// Answered returns how often requests for objects of a resource with a prefix were answered.
func (f *Faults) Answered(resource, prefix string) int {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.answered[faulty{resource, prefix}]
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
		status, found, err := f.find(request)
		if err != nil {
			return nil, err
		}
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

func (f *Faults) find(request *http.Request) (metav1.Status, bool, error) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		return metav1.Status{}, false, nil
	}
	info, err := requestInfo.NewRequestInfo(request)
	if err == nil && info.IsResourceRequest && info.Resource != "leases" && f.isOver() {
		return failure(info.Resource), true, nil
	}
	if err != nil || info.Subresource != "" {
		return metav1.Status{}, false, nil
	}
	is := func(prefix string) bool { return strings.HasPrefix(info.Name, prefix) }
	if info.Name == "" {
		body, err := reread(request)
		if err != nil {
			return metav1.Status{}, false, err
		}
		is = func(prefix string) bool { return bytes.Contains(body, []byte(prefix)) }
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for key, status := range f.answers {
		if key.resource == info.Resource && is(key.prefix) {
			f.answered[key]++
			return status, true, nil
		}
	}
	return metav1.Status{}, false, nil
}

// reread returns the body of a request, which can be read again.
func reread(request *http.Request) ([]byte, error) {
	if request.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}
