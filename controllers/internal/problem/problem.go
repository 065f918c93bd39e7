// Package problem is why an object is not ready. It is one type for the kinds that have a phase, so that each says it in the same way.
package problem

import "fmt"

// Problem is why an object is not ready, as a condition reports it, and the phase that the object is in for that. It is nil where nothing is the
// matter. P is the type of the kind's phases.
type Problem[P ~string] struct {
	Phase           P
	Reason, Message string
}

// In is a problem in a phase.
func In[P ~string](phase P, reason, format string, arguments ...any) *Problem[P] {
	return &Problem[P]{Phase: phase, Reason: reason, Message: fmt.Sprintf(format, arguments...)}
}
