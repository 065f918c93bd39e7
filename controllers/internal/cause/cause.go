// Package cause is why an object is not as its spec says. It is one type for all parts of a controller, so that each can be a package of its own and answer with the same words.
package cause

import (
	"cmp"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// Cause is one reason and what a person reads of it. It is nil where nothing is the matter.
type Cause struct {
	// Reason and Message are those of a condition.
	Reason, Message string
	// Blocking: what the object needs cannot be written, because its content is not known, or because it must not be.
	Blocking bool
	// Waiting: nothing is wrong, it only takes time.
	Waiting bool
}

// Refused is the cause of a write that was refused.
func Refused(err error) *Cause {
	reason := apply.Reason(err)
	return &Cause{Reason: reason, Message: err.Error(), Waiting: reason == v1alpha1.ReasonPending}
}

// Graver returns the cause that a person should see first, and blocks when either does. What takes time comes last, and what blocks first.
func Graver(one, two *Cause) *Cause {
	if one == nil || two == nil {
		return cmp.Or(one, two)
	}
	first := *one
	if two.rank() > one.rank() {
		first = *two
	}
	first.Blocking = one.Blocking || two.Blocking
	return &first
}

func (c *Cause) rank() int {
	switch {
	case c.Waiting:
		return 1
	case !c.Blocking:
		return 2
	default:
		return 3
	}
}
