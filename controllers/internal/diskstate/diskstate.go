// Package diskstate computes why a WukongDisk is not ready, from its claim and its DataVolume.
package diskstate

import (
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/problem"
)

// Problem is why a WukongDisk is not ready.
type Problem = problem.Problem[v1alpha1.DiskPhase]

// Pending is a problem that only takes time.
func Pending(reason, format string, arguments ...any) *Problem {
	return problem.In(v1alpha1.DiskPending, reason, format, arguments...)
}

// Failed is a problem that somebody has to fix.
func Failed(reason, format string, arguments ...any) *Problem {
	return problem.In(v1alpha1.DiskError, reason, format, arguments...)
}
