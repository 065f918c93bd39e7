package wukongimage

import (
	"fmt"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
)

// problem is why an image is not ready, or not up to date, as a condition tells it.
type problem struct {
	phase           v1alpha1.ImagePhase
	reason, message string
}

func pending(reason, format string, arguments ...any) *problem {
	return &problem{phase: v1alpha1.ImagePending, reason: reason, message: fmt.Sprintf(format, arguments...)}
}

func failed(reason, format string, arguments ...any) *problem {
	return &problem{phase: v1alpha1.ImageError, reason: reason, message: fmt.Sprintf(format, arguments...)}
}

// writeRefused tells of a permanent error of this pass's writes.
func writeRefused(err error) *problem {
	if reason := apply.Reason(err); reason != v1alpha1.ReasonPending {
		return failed(reason, "%s", err)
	}
	return pending(v1alpha1.ReasonPending, "%s", err)
}

// obstacle keeps anything from being written; nil for none. That a name is taken is for the writing itself to find out.
func obstacle(observed *observation) *problem {
	switch {
	case observed.scheduleErr != nil:
		return failed(v1alpha1.ReasonInvalidSpec, `spec.schedule cannot be read: %s; write the five fields of cron, for example "0 3 * * *"`, observed.scheduleErr)
	case observed.missing != nil:
		return failed(v1alpha1.ReasonDependencyMissing, "%s", observed.missing.Missing())
	default:
		return nil
	}
}
