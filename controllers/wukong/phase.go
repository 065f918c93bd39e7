package wukong

import "github.com/novasphere/wukong/apis/v1alpha1"

// precedence orders what children say: the first that any child says is the phase of the application.
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

// aggregatePhase is the phase of an application that is not being deleted itself. Children that are being deleted have no
// say, as long as others stay.
func aggregatePhase(children []child) v1alpha1.Phase {
	said := map[v1alpha1.Phase]bool{}
	going, ready := 0, true
	for i := range children {
		if children[i].deleting {
			going++
			continue
		}
		said[says(&children[i])] = true
		ready = ready && children[i].isReady()
	}
	if len(children) > 0 && going == len(children) {
		return v1alpha1.PhaseTerminating
	}
	for _, phase := range precedence {
		if said[phase] {
			return phase
		}
	}
	if len(children) > 0 && ready {
		return v1alpha1.PhaseRunning
	}
	return v1alpha1.PhasePending
}

// says translates the phase of a child of any kind. A disk or network that is in place, or a disk that waits for its machine,
// says nothing: then the machines give the phase.
func says(c *child) v1alpha1.Phase {
	switch c.phase {
	case string(v1alpha1.DiskReady), string(v1alpha1.DiskAwaitingConsumer):
		return ""
	case string(v1alpha1.DiskImporting):
		return v1alpha1.PhaseCreating
	case "":
		return v1alpha1.PhasePending
	default:
		return v1alpha1.Phase(c.phase)
	}
}
