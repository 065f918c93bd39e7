// Package diskstate is why a WukongDisk is not ready, and what its claim and its DataVolume say about that.
package diskstate

import (
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// Problem is why a WukongDisk is not ready.
type Problem = problem.Problem[v1alpha1.DiskPhase]

// Pending is what only takes time.
func Pending(reason, format string, arguments ...any) *Problem {
	return problem.In(v1alpha1.DiskPending, reason, format, arguments...)
}

// Failed is what somebody has to mend.
func Failed(reason, format string, arguments ...any) *Problem {
	return problem.In(v1alpha1.DiskError, reason, format, arguments...)
}
