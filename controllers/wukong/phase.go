package wukong

import (
	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// precedence orders what parts report: the first that any part reports is the phase of the application.
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

// aggregatePhase is the phase of an application that is not being deleted itself. Parts that are being deleted have no
// say, as long as others stay.
func aggregatePhase(parts []model.Part) v1alpha1.Phase {
	said := map[v1alpha1.Phase]bool{}
	going, ready := 0, true
	for i := range parts {
		if parts[i].Deleting {
			going++
			continue
		}
		said[says(&parts[i])] = true
		ready = ready && parts[i].IsReady()
	}
	if len(parts) > 0 && going == len(parts) {
		return v1alpha1.PhaseTerminating
	}
	for _, phase := range precedence {
		if said[phase] {
			return phase
		}
	}
	if len(parts) > 0 && ready {
		return v1alpha1.PhaseRunning
	}
	return v1alpha1.PhasePending
}

// says translates the phase of a part of any kind. A disk or network that is in place, or a disk that waits for its machine,
// says nothing: then the machines give the phase.
func says(p *model.Part) v1alpha1.Phase {
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
