// Package problem holds the reason why an object is not ready. The kinds with a phase share the type.
package problem

import "fmt"

// Problem is why an object is not ready, as a condition reports it, and the phase of the object. It is nil when there
// is no problem. P is the type of the kind's phases.
type Problem[P ~string] struct {
	Phase           P
	Reason, Message string
}

// In returns a problem in a phase.
func In[P ~string](phase P, reason, format string, arguments ...any) *Problem[P] {
	return &Problem[P]{Phase: phase, Reason: reason, Message: fmt.Sprintf(format, arguments...)}
}
