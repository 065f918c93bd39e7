package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// eventsVariable names the file that takes what happened in tests beside passing and failing, for the report of 'make
// test': a JSON object a line.
const eventsVariable = "WUKONG_TEST_EVENTS"

// event is a line of that file.
type event struct {
	Test    string  `json:"test,omitempty"`
	Event   string  `json:"event"`
	Cause   string  `json:"cause,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Factor  float64 `json:"factor,omitempty"`
}

// What tests wait for.
const (
	CauseImport    = "image import"
	CauseBoot      = "guest boot"
	CauseStop      = "guest stop"
	CauseMigration = "migration"
	CausePlug      = "disk or interface plugged"
	CauseTransfer  = "export"
	CauseNetwork   = "network"
	CauseDeletion  = "deletion"
	CauseOperator  = "operator restart"
	CauseOther     = "other"
)

var recording sync.Mutex

// record appends an event. A file that cannot be written is an error of the test run, not of the product, and is
// printed.
func record(one event) {
	path := os.Getenv(eventsVariable)
	if path == "" {
		return
	}
	line, err := json.Marshal(one)
	if err != nil {
		fmt.Fprintf(os.Stderr, "record an event: %s\n", err)
		return
	}
	recording.Lock()
	defer recording.Unlock()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintf(os.Stderr, "record an event: %s\n", err)
		return
	}
	defer file.Close()
	if _, err := file.Write(append(line, '\n')); err != nil {
		fmt.Fprintf(os.Stderr, "record an event: %s\n", err)
	}
}

// Waited records that a test has waited since a moment. Use it with defer.
func Waited(t testing.TB, cause string, since time.Time) {
	record(event{Test: t.Name(), Event: "wait", Cause: cause, Seconds: time.Since(since).Seconds()})
}

// account adds up what one wait was for, which may change while it lasts.
type account struct {
	spent map[string]time.Duration
	since time.Time
}

func newAccount() *account { return &account{spent: map[string]time.Duration{}, since: time.Now()} }

// spend books the time since the last call on a cause.
func (a *account) spend(cause string) {
	now := time.Now()
	a.spent[cause] += now.Sub(a.since)
	a.since = now
}

func (a *account) record(t testing.TB) {
	for cause, spent := range a.spent {
		record(event{Test: t.Name(), Event: "wait", Cause: cause, Seconds: spent.Seconds()})
	}
}
