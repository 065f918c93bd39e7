package testkit

import (
	"fmt"
	"strings"
)

// Attempt is one attempt of a wait. Assertions on it fail the attempt, and not the test.
type Attempt struct{ failures []string }

// abandoned is the panic value of a failed requirement on an Attempt.
type abandoned struct{}

// make runs one attempt, and reports whether it succeeded.
func (a *Attempt) make(look func(*Attempt)) (found bool) {
	defer func() {
		if cause := recover(); cause != nil {
			if _, ours := cause.(abandoned); !ours {
				panic(cause)
			}
			found = false
		}
	}()
	look(a)
	return len(a.failures) == 0
}

// Errorf implements the testing interface of assert.
func (a *Attempt) Errorf(format string, arguments ...any) {
	a.failures = append(a.failures, strings.TrimSpace(fmt.Sprintf(format, arguments...)))
}

// FailNow implements the testing interface of require.
func (a *Attempt) FailNow() {
	if len(a.failures) == 0 {
		a.failures = append(a.failures, "failed without words")
	}
	panic(abandoned{})
}

// Helper is for testify.
func (a *Attempt) Helper() {}

// String returns what did not hold.
func (a *Attempt) String() string { return strings.Join(a.failures, "\n") }
