package wukong

import (
	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// precedence orders the phases of parts: the first that any part reports is the phase of the application.
var precedence = []v1alpha1.Phase{
	v1alpha1.PhaseError,
	v1alpha1.PhaseCreating,
	v1alpha1.PhasePending,
	v1alpha1.PhaseStarting,
	v1alpha1.PhaseMigrating,
	v1alpha1.PhaseStopping,
	v1alpha1.PhaseRunning,
	v1alpha1.PhasePaused,
	v1alpha1.PhaseStopped,
}

// aggregatePhase returns the phase of an application that is not being deleted itself. Parts that are being deleted do
// not count, as long as others remain.
func aggregatePhase(parts []model.Part) v1alpha1.Phase {
	reported := map[v1alpha1.Phase]bool{}
	deleting, ready := 0, true
	for i := range parts {
		if parts[i].Deleting {
			deleting++
			continue
		}
		reported[reportedPhase(&parts[i])] = true
		ready = ready && parts[i].IsReady()
	}
	if len(parts) > 0 && deleting == len(parts) {
		return v1alpha1.PhaseTerminating
	}
	for _, phase := range precedence {
		if reported[phase] {
			return phase
		}
	}
	if len(parts) > 0 && ready {
		return v1alpha1.PhaseRunning
	}
	return v1alpha1.PhasePending
}

// reportedPhase translates the phase of a part of any kind. It returns "" for a disk or network that is ready, and for
// a disk that waits for its consumer: then the WukongVMs decide the phase.
func reportedPhase(p *model.Part) v1alpha1.Phase {
	switch p.Phase {
	case string(v1alpha1.DiskReady), string(v1alpha1.DiskAwaitingConsumer):
		return ""
	case string(v1alpha1.DiskImporting):
		return v1alpha1.PhaseCreating
	case "":
		return v1alpha1.PhasePending
	default:
		return v1alpha1.Phase(p.Phase)
	}
}
