// Package request decides about acts that are asked for once, such as a migration or a restore, by the time at which they
// were asked for.
//
// A manifest in Git is applied again and again, also after its object was deleted. So a request carries a time, and the
// WukongVM that it is about remembers the last request of its kind in an annotation, a Mark. A request is carried out
//
//	if it is not in the future, and
//	if it is later than the creation of the WukongVM, and
//	if it is later than the Mark.
//
// The Mark is written before the act begins. So an act that has a Mark may have been carried out, and is not begun again
// by anybody but the object whose UID the Mark has.
package request

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Mark is the last request of its kind that was handled.
type Mark struct {
	// At is when it was asked for, in whole seconds.
	At time.Time
	// By is the object that asked; empty where requests are no objects.
	By types.UID
}

// String is the value of the annotation: the time in RFC 3339, a slash, the UID.
func (m Mark) String() string {
	at := m.At.UTC().Format(time.RFC3339)
	if m.By == "" {
		return at
	}
	return at + "/" + string(m.By)
}

// Parse reads the value of an annotation. What is no Mark, is none: whoever writes it by hand wants it away.
func Parse(value string) (Mark, bool) {
	text, by, _ := strings.Cut(value, "/")
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Mark{}, false
	}
	return Mark{At: at, By: types.UID(by)}, true
}

// Verdict is what becomes of a request.
type Verdict string

const (
	// Due means that it is to be carried out now, for the first time.
	Due Verdict = "Due"
	// Begun means that this object has begun to carry it out.
	Begun Verdict = "Begun"
	// Appointed means that its time is in the future.
	Appointed Verdict = "Appointed"
	// Outdated means that it is not later than the creation of what it is about, and was meant for an earlier one of the name.
	Outdated Verdict = "Outdated"
	// Handled means that it was carried out, or at least begun, for another object that asked for the same time.
	Handled Verdict = "Handled"
	// Superseded means that a later one was handled.
	Superseded Verdict = "Superseded"
)

// Decide returns what becomes of a request now. Created is when the WukongVM was created, and annotation the value of its
// Mark; empty for none.
func Decide(asked Mark, created time.Time, annotation string, now time.Time) Verdict {
	last, marked := Parse(annotation)
	switch {
	case marked && last.By == asked.By && last.At.Equal(asked.At):
		return Begun
	case !asked.At.After(created):
		return Outdated
	case marked && last.At.Equal(asked.At):
		return Handled
	case marked && last.At.After(asked.At):
		return Superseded
	case asked.At.After(now):
		return Appointed
	default:
		return Due
	}
}
