// Package consistency decides how consistent the content of VolumeSnapshots is, whether that suffices, and whether the
// guest has to be frozen for it. It reads and writes nothing.
package consistency

import (
	"slices"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/guest"
)

// Inputs decide how consistent a snapshot is.
type Inputs struct {
	// VM is the name of the WukongVM that the snapshot is taken of; empty when it does not exist, and for a snapshot of
	// a disk.
	VM string
	// Guest of the WukongVM; nil when none runs.
	Guest *guest.Guest
	// Writers are the names of the WukongVMs that may write to the disks.
	Writers []string
	// Disks is how many disks the snapshot holds.
	Disks int
	// Begins are the consistencies at which those VolumeSnapshots were begun that exist.
	Begins []v1alpha1.SnapshotConsistency
	// Required is the consistency that the spec requires; empty for any.
	Required v1alpha1.SnapshotConsistency
	// Recorded is the consistency in the status, and Indications are those in the status; empty before the first disk
	// is cut.
	Recorded    v1alpha1.SnapshotConsistency
	Indications []v1alpha1.SnapshotIndication
	// Quiesce is the freeze of the guest; nil when it was not tried.
	Quiesce *v1alpha1.SnapshotQuiesce
	// Finished reports that the snapshot has ended, and that its consistency is not decided again.
	Finished bool
}

// Unfrozen is how consistent disks are that are cut now, one after another, without a freeze. The content of one disk,
// and that of all disks of a paused guest, is of one moment.
func (in Inputs) Unfrozen() v1alpha1.SnapshotConsistency {
	switch {
	case len(in.Writers) == 0:
		return v1alpha1.ConsistencyApplication
	case in.Disks == 1, in.Guest != nil && in.Guest.Paused && len(in.Others()) == 0:
		return v1alpha1.ConsistencyCrash
	default:
		return v1alpha1.ConsistencyAny
	}
}

// Others are the writers beside the WukongVM that the snapshot is taken of.
func (in Inputs) Others() []string {
	return slices.DeleteFunc(slices.Clone(in.Writers), func(name string) bool { return name == in.VM })
}

// Reached is the consistency of what was cut: that of a proven freeze, otherwise the worst of the time when each
// VolumeSnapshot was made, of what the status recorded since then, and of now.
func (in Inputs) Reached() v1alpha1.SnapshotConsistency {
	if in.Quiesce != nil && in.Quiesce.Proven {
		return v1alpha1.ConsistencyApplication
	}
	worst := in.Unfrozen()
	for _, begin := range in.Begins {
		worst = model.WorseConsistency(worst, begin)
	}
	if in.Recorded != "" {
		worst = model.WorseConsistency(worst, in.Recorded)
	}
	return worst
}

// Insufficient reports whether what was cut is less consistent than the spec requires.
func (in Inputs) Insufficient() bool {
	if in.Required == "" || in.Finished {
		return false
	}
	reached := in.Reached()
	return reached != in.Required && model.WorseConsistency(reached, in.Required) == reached
}

// RequiresFreeze reports whether the snapshot is useless without a freeze, because a guest may write to the disks.
func (in Inputs) RequiresFreeze() bool {
	return len(in.Writers) > 0 && in.Required != "" && model.WorseConsistency(in.Unfrozen(), in.Required) != in.Required
}

// Freezable reports whether the guest agent can freeze everything that writes to the disks.
func (in Inputs) Freezable() bool {
	return in.Guest != nil && in.Guest.HasAgent && !in.Guest.Paused && len(in.Others()) == 0
}

// Indicate returns facts about how the disks were cut. They are found when the first disk is cut, and those about a
// freeze at its end.
func (in Inputs) Indicate() []v1alpha1.SnapshotIndication {
	online := func(more ...v1alpha1.SnapshotIndication) []v1alpha1.SnapshotIndication {
		return append([]v1alpha1.SnapshotIndication{v1alpha1.IndicationOnline}, more...)
	}
	switch {
	case in.Quiesce != nil && in.Quiesce.Proven:
		return online(v1alpha1.IndicationGuestAgent)
	case in.Quiesce != nil && in.Quiesce.FrozenAt == nil:
		return online(v1alpha1.IndicationQuiesceFailed)
	case in.Quiesce != nil:
		return online(v1alpha1.IndicationQuiesceTimeout)
	case len(in.Indications) > 0 || in.Guest == nil:
		return in.Indications
	case in.Guest.Paused:
		return online(v1alpha1.IndicationPaused)
	case !in.Guest.HasAgent:
		return online(v1alpha1.IndicationNoGuestAgent)
	default:
		return online()
	}
}
