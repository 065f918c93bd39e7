package testenv

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/sets"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"
)

// Write is one kind of request that changes something.
type Write struct {
	// Verb is the API verb: create, update, patch, delete, deletecollection.
	Verb string
	// Resource with its subresource, such as wukongvms/status.
	Resource string
}

// Writes counts requests that change something, by what they change, and the conflicts among their answers.
type Writes struct {
	namespace string

	mutex     sync.Mutex
	counts    map[Write]int
	conflicts int
}

// NewWrites returns an empty count of the writes in a namespace. An empty namespace means all, and cluster-scoped
// objects.
func NewWrites(namespace string) *Writes {
	return &Writes{namespace: namespace, counts: map[Write]int{}}
}

// Wrap counts the requests of a transport.
func (w *Writes) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		write, counts := w.parse(request)
		response, err := next.RoundTrip(request)
		if counts {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.counts[write]++
			if err == nil && response.StatusCode == http.StatusConflict {
				w.conflicts++
			}
		}
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

var requestInfo = &apirequest.RequestInfoFactory{
	APIPrefixes:          sets.NewString("api", "apis"),
	GrouplessAPIPrefixes: sets.NewString("api"),
}

// parse returns verb and resource as the API server does. Leases are the manager's own heartbeat, and reviews change
// nothing.
func (w *Writes) parse(request *http.Request) (Write, bool) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		return Write{}, false
	}
	info, err := requestInfo.NewRequestInfo(request)
	if err != nil || !info.IsResourceRequest || info.Resource == "leases" ||
		strings.HasSuffix(info.Resource, "reviews") {
		return Write{}, false
	}
	if w.namespace != "" && w.namespace != info.Namespace {
		return Write{}, false
	}
	resource := info.Resource
	if info.Subresource != "" {
		resource += "/" + info.Subresource
	}
	return Write{Verb: info.Verb, Resource: resource}, true
}

// Counts returns a copy of the counts.
func (w *Writes) Counts() map[Write]int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return maps.Clone(w.counts)
}

// Total returns the number of writes of all kinds.
func (w *Writes) Total() int {
	total := 0
	for _, count := range w.Counts() {
		total += count
	}
	return total
}

// Conflicts returns how many writes were answered by a conflict.
func (w *Writes) Conflicts() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.conflicts
}

// Reset sets the counts to zero.
func (w *Writes) Reset() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.counts, w.conflicts = map[Write]int{}, 0
}

// String lists the counts, for messages.
func (w *Writes) String() string {
	counts := w.Counts()
	var lines []string
	for write, count := range counts {
		lines = append(lines, fmt.Sprintf("%d %s %s", count, write.Verb, write.Resource))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
