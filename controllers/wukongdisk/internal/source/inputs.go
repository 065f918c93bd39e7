package source

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
)

// Inputs decide what a disk is filled from.
type Inputs struct {
	backing.View
	// Origin of a clone; nil for a disk that is no clone, and for one that has its DataVolume and is not severed.
	Origin *Origin
	// Severed reports that the claim or snapshot was deleted that the DataVolume is to be filled from.
	Severed bool
	// Awaited reports that another object needs the bytes of a disk that waits for its first consumer.
	Awaited bool
}

// phasesBeforeCopy are the phases of a DataVolume in which nothing was copied.
var phasesBeforeCopy = []cdiv1.DataVolumePhase{
	cdiv1.PhaseUnset, cdiv1.Pending, cdiv1.WaitForFirstConsumer, cdiv1.PendingPopulation, cdiv1.CloneScheduled,
}

// WaitsForOrigin reports whether a clone has a DataVolume, and nothing was copied to it.
func (in Inputs) WaitsForOrigin() bool {
	_, isClone := model.OriginOf(in.Disk)
	dataVolume := in.OwnDataVolume()
	return isClone && dataVolume != nil && !backing.Filled(in.Disk) &&
		slices.Contains(phasesBeforeCopy, dataVolume.Status.Phase)
}

// NeedsOrigin reports whether a clone has to be made, for the first time or because it is severed.
func (in Inputs) NeedsOrigin() bool {
	_, isClone := model.OriginOf(in.Disk)
	return isClone && (in.Severed || in.DataVolume == nil && in.Claim == nil)
}

// OriginChanged reports whether a severed clone can be made from the claim or snapshot that its origin has by now.
func (in Inputs) OriginChanged() bool {
	return in.Severed && in.DataVolume != nil && in.Origin != nil && in.Origin.source != nil &&
		!equality.Semantic.DeepEqual(in.Origin.source, in.DataVolume.Spec.Source)
}

// Problem reports why a clone cannot be made; nil when it can, and for any other disk.
func (in Inputs) Problem() *diskstate.Problem {
	reference, _ := model.OriginOf(in.Disk)
	if found := in.Origin.problemFor(in.Disk.Namespace, reference); found != nil {
		return found
	}
	if !in.Severed || in.OriginChanged() {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonSourceMissing,
		"what %s consisted of was deleted before this disk, which was to be a clone of it, had a first consumer: "+
			"create it again, or delete this disk and create it from something else", reference)
}
