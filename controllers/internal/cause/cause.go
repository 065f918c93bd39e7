// Package cause holds the reason why an object is not in its desired state. All parts of a controller share the type,
// so that each can be a package of its own.
package cause

import (
	"cmp"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// Cause is one reason, with its message for users. It is nil when there is no problem.
type Cause struct {
	// Reason and Message are those of a condition.
	Reason, Message string
	// Blocking: the needed object must not be written, or its content is not known.
	Blocking bool
	// Waiting: nothing is wrong, it only takes time.
	Waiting bool
}

// Refused returns the cause for a refused write.
func Refused(err error) *Cause {
	reason := apply.Reason(err)
	return &Cause{Reason: reason, Message: err.Error(), Waiting: reason == v1alpha1.ReasonPending}
}

// Graver returns the more important of two causes: a blocking one first, and a waiting one last. The result blocks if
// either does.
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
