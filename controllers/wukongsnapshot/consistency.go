package wukongsnapshot

import (
	"slices"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// levels of consistency, the best first.
var levels = []v1alpha1.SnapshotConsistency{v1alpha1.ConsistencyApplication, v1alpha1.ConsistencyCrash, v1alpha1.ConsistencyAny}

// worse is the worse of two levels. What is no level is the worst.
func worse(one, two v1alpha1.SnapshotConsistency) v1alpha1.SnapshotConsistency {
	rank := func(level v1alpha1.SnapshotConsistency) int {
		if at := slices.Index(levels, level); at >= 0 {
			return at
		}
		return len(levels) - 1
	}
	return levels[max(rank(one), rank(two))]
}

// unfrozen is how consistent disks are that are cut now, one after another, without a freeze: of one disk, and of all
// disks of a guest that is paused, the content is of one moment.
func (o *observation) unfrozen() v1alpha1.SnapshotConsistency {
	switch {
	case len(o.source.writers) == 0:
		return v1alpha1.ConsistencyApplication
	case len(o.parts) == 1, o.source.guest != nil && o.source.guest.paused && len(o.source.others()) == 0:
		return v1alpha1.ConsistencyCrash
	default:
		return v1alpha1.ConsistencyAny
	}
}

// others are the writers beside the WukongVM that the snapshot is taken of.
func (s *source) others() []string {
	return slices.DeleteFunc(slices.Clone(s.writers), func(name string) bool { return s.vm != nil && name == s.vm.Name })
}

// reached is the consistency of what was cut: that of a proven freeze, else the worst of the time when each
// VolumeSnapshot was made, of what status remembers of the time since, and of now.
func reached(snapshot *v1alpha1.WukongSnapshot, observed *observation) v1alpha1.SnapshotConsistency {
	if quiesce := snapshot.Status.Quiesce; quiesce != nil && quiesce.Proven {
		return v1alpha1.ConsistencyApplication
	}
	worst := observed.unfrozen()
	for _, one := range observed.parts {
		if one.taken != nil {
			worst = worse(worst, v1alpha1.SnapshotConsistency(one.taken.Annotations[v1alpha1.AnnotationSnapshotBegun]))
		}
	}
	if before := snapshot.Status.Consistency; before != "" {
		worst = worse(worst, before)
	}
	return worst
}

// insufficient reports whether what was cut is less consistent than it has to be.
func insufficient(snapshot *v1alpha1.WukongSnapshot, observed *observation) bool {
	required := snapshot.Spec.RequiredConsistency
	if required == "" || snapshot.Finished() {
		return false
	}
	got := reached(snapshot, observed)
	return got != required && worse(got, required) == got
}

// requiresFreeze reports whether a snapshot of a guest that writes is of no use without a freeze.
func requiresFreeze(snapshot *v1alpha1.WukongSnapshot, observed *observation) bool {
	if len(observed.source.writers) == 0 {
		return false
	}
	required := snapshot.Spec.RequiredConsistency
	return required != "" && worse(observed.unfrozen(), required) != required
}

// freezable reports whether the guest agent can freeze all that writes to the disks.
func (s *source) freezable() bool {
	return s.guest != nil && s.guest.hasAgent && !s.guest.paused && len(s.others()) == 0
}

// indications are facts about how the disks were cut. They are found when the first one is, and of a freeze at its end.
func indications(snapshot *v1alpha1.WukongSnapshot, observed *observation) []v1alpha1.SnapshotIndication {
	guest := observed.source.guest
	switch quiesce := snapshot.Status.Quiesce; {
	case quiesce != nil && quiesce.Proven:
		return []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationGuestAgent}
	case quiesce != nil && quiesce.FrozenAt == nil:
		return []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationQuiesceFailed}
	case quiesce != nil:
		return []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationQuiesceTimeout}
	case len(snapshot.Status.Indications) > 0 || guest == nil:
		return snapshot.Status.Indications
	case guest.paused:
		return []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationPaused}
	case !guest.hasAgent:
		return []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline, v1alpha1.IndicationNoGuestAgent}
	default:
		return []v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline}
	}
}
