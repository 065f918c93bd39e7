package wukongimage

import (
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// notReady is why a WukongImage is not ready.
type notReady = problem.Problem[v1alpha1.ImagePhase]

func pending(reason, format string, arguments ...any) *notReady {
	return problem.In(v1alpha1.ImagePending, reason, format, arguments...)
}

func failed(reason, format string, arguments ...any) *notReady {
	return problem.In(v1alpha1.ImageError, reason, format, arguments...)
}

// writeRefused reports a permanent error of this pass's writes.
func writeRefused(err error) *notReady {
	if reason := apply.Reason(err); reason != v1alpha1.ReasonPending {
		return failed(reason, "%s", err)
	}
	return pending(v1alpha1.ReasonPending, "%s", err)
}

// obstacle returns what prevents all writes, or nil. A name conflict is found by the write itself.
func obstacle(observed *observation) *notReady {
	switch {
	case observed.scheduleErr != nil:
		return failed(v1alpha1.ReasonInvalidSpec, "%s", observed.scheduleErr)
	case observed.missing != nil:
		return failed(v1alpha1.ReasonDependencyMissing, "%s", observed.missing.Missing())
	default:
		return nil
	}
}
