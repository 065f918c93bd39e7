package gotest

import (
	"encoding/json"
	"time"
)

// Event is a line of `go test -json`; `go doc test2json` describes it.
type Event struct {
	Time        time.Time
	Action      string
	Package     string
	Test        string
	Output      string
	ImportPath  string
	FailedBuild string
}

// What an event can be, as far as it matters here.
const (
	actionRun         = "run"
	actionPause       = "pause"
	actionCont        = "cont"
	actionPass        = "pass"
	actionFail        = "fail"
	actionSkip        = "skip"
	actionOutput      = "output"
	actionBuildOutput = "build-output"
)

// ParseLine returns false for a line that is no event, such as what make prints in between.
func ParseLine(line []byte) (Event, bool) {
	var one Event
	if len(line) == 0 || line[0] != '{' {
		return one, false
	}
	if err := json.Unmarshal(line, &one); err != nil || one.Action == "" {
		return Event{}, false
	}
	return one, true
}
