package mover

import (
	"encoding/json"
	"net/http"
	"sync"
)

// tracker keeps the Report, and notifies its followers of changes.
type tracker struct {
	mutex   sync.Mutex
	report  Report
	total   int64
	done    int64
	ready   bool
	changed chan struct{}
}

func newTracker() *tracker { return &tracker{changed: make(chan struct{})} }

// plan adds the number of bytes that the work will read, in all passes together.
func (t *tracker) plan(bytes int64) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.total += bytes
}

// advance counts bytes that were read. The last step is left to the target, which alone knows the end.
func (t *tracker) advance(bytes int64) {
	t.update(func() {
		t.done += bytes
		if t.total > 0 {
			percent := int32(min(t.done*100/t.total, 99))
			t.report.Percent = max(t.report.Percent, percent/progressStep*progressStep)
		}
	})
}

// update changes the report, and notifies followers if it differs.
func (t *tracker) update(change func()) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	before, wasReady := t.report, t.ready
	change()
	if t.report != before || t.ready != wasReady {
		close(t.changed)
		t.changed = make(chan struct{})
	}
}

func (t *tracker) current() (Report, bool, <-chan struct{}) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.report, t.ready, t.changed
}

// handler streams reports, one per line, until the client disconnects.
func (t *tracker) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		if _, ready, _ := t.current(); !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET "+StatusPath, func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		encoder, controller := json.NewEncoder(w), http.NewResponseController(w)
		for {
			report, _, changed := t.current()
			if encoder.Encode(report) != nil || controller.Flush() != nil {
				return
			}
			select {
			case <-request.Context().Done():
				return
			case <-changed:
			}
		}
	})
	return mux
}
