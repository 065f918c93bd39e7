// Package problem is why a WukongDisk is not ready, and what claims and DataVolumes say about it.
package problem

import (
	"fmt"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Problem is why a disk is not ready, as a condition reports it.
type Problem struct {
	Phase           v1alpha1.DiskPhase
	Reason, Message string
}

// In is a problem in a phase.
func In(phase v1alpha1.DiskPhase, reason, format string, arguments ...any) *Problem {
	return &Problem{Phase: phase, Reason: reason, Message: fmt.Sprintf(format, arguments...)}
}

// Pending is what only takes time.
func Pending(reason, format string, arguments ...any) *Problem {
	return In(v1alpha1.DiskPending, reason, format, arguments...)
}

// Failed is what somebody has to mend.
func Failed(reason, format string, arguments ...any) *Problem {
	return In(v1alpha1.DiskError, reason, format, arguments...)
}
