// Package copies assigns the DataVolumes of a disk to their roles. A disk begins with one DataVolume. It gets another
// one when it moves to another StorageClass, and when it is restored from a snapshot. Which of them holds the disk is
// read from the DataVolumes alone: each but the first records which claim it replaces, and whether it is in use. Status
// only repeats it. So nothing depends on a status that may be lost.
//
//	moved-from      the claim that the DataVolume replaces
//	in-use          it has replaced that claim
//	restored-for    the request of a restore; absent after a move
//	keep-previous   the claim that a restore replaced, as long as it may be put back
//	rejected        the claim that the restore replaced was put back
package copies

import (
	"slices"

	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Copies are the DataVolumes that a disk was moved or restored to, or will be.
type Copies struct {
	// Current is the name of the claim that holds the disk.
	Current string
	// DataVolume is that of the current claim, when the disk was moved or restored before. The first one is read by its
	// name.
	DataVolume *cdiv1.DataVolume
	// Target will replace the current one when the disk has moved.
	Target *cdiv1.DataVolume
	// Restored will replace the current one when the disk is restored, or was rejected.
	Restored *cdiv1.DataVolume
	// Previous was replaced by a restore, and may be put back.
	Previous *cdiv1.DataVolume
	// Stale ones are no longer needed.
	Stale []*cdiv1.DataVolume
}

// Arrange assigns the DataVolumes that a disk was moved or restored to, or will be, to their roles.
func Arrange(disk *v1alpha1.WukongDisk, list []*cdiv1.DataVolume) Copies {
	slices.SortStableFunc(list,
		func(one, two *cdiv1.DataVolume) int { return one.CreationTimestamp.Compare(two.CreationTimestamp.Time) })
	result := current(disk, list)
	for _, candidate := range list {
		replaces := !InUse(candidate) && MovedFrom(candidate) == result.Current
		switch {
		case candidate == result.DataVolume:
		case replaces && RestoredFor(candidate) != "":
			// Of several, the last was made for the last request.
			if result.Restored != nil {
				result.Stale = append(result.Stale, result.Restored)
			}
			result.Restored = candidate
		case replaces && result.Target == nil:
			result.Target = candidate
		default:
			result.Retire(candidate)
		}
	}
	return result
}

// current finds the claim that holds a disk: that of the last DataVolume in use, else the first one.
func current(disk *v1alpha1.WukongDisk, list []*cdiv1.DataVolume) Copies {
	result := Copies{Current: disk.Name}
	for _, candidate := range list {
		replacedBy := func(other *cdiv1.DataVolume) bool { return InUse(other) && MovedFrom(other) == candidate.Name }
		if InUse(candidate) && !slices.ContainsFunc(list, replacedBy) {
			result.Current, result.DataVolume = candidate.Name, candidate
		}
	}
	reported := disk.Status.ClaimName
	if result.DataVolume == nil && reported != "" &&
		!slices.ContainsFunc(list, func(one *cdiv1.DataVolume) bool { return one.Name == reported }) {
		// A user deleted the DataVolume of a claim that the disk was moved to. The disk stays on that claim, and is not
		// filled from its source again.
		result.Current = reported
	}
	return result
}

// Retire gives a DataVolume that no longer holds the disk its role: the previous one, which a restore keeps, or a stale
// one.
func (c *Copies) Retire(dataVolume *cdiv1.DataVolume) {
	if c.DataVolume != nil && KeepsPrevious(c.DataVolume) == dataVolume.Name {
		c.Previous = dataVolume
		return
	}
	c.Stale = append(c.Stale, dataVolume)
}

// All are all DataVolumes but that of the current claim.
func (c *Copies) All() []*cdiv1.DataVolume {
	var all []*cdiv1.DataVolume
	for _, one := range append([]*cdiv1.DataVolume{c.Target, c.Restored, c.Previous}, c.Stale...) {
		if one != nil {
			all = append(all, one)
		}
	}
	return all
}

// MovedFrom is the claim that a DataVolume replaces; empty for the first one.
func MovedFrom(dataVolume *cdiv1.DataVolume) string {
	return dataVolume.Annotations[v1alpha1.AnnotationMovedFrom]
}

// InUse reports whether a DataVolume has replaced the claim that it was made for.
func InUse(dataVolume *cdiv1.DataVolume) bool {
	return dataVolume.Annotations[v1alpha1.AnnotationInUse] == "true"
}

// RestoredFor is the request of the restore that a DataVolume was made for; empty for that of a move.
func RestoredFor(dataVolume *cdiv1.DataVolume) string {
	return dataVolume.Annotations[v1alpha1.AnnotationRestoredFor]
}

// KeepsPrevious is the claim that a restored DataVolume replaced, as long as it may be put back.
func KeepsPrevious(dataVolume *cdiv1.DataVolume) string {
	return dataVolume.Annotations[v1alpha1.AnnotationKeepPrevious]
}

// Rejected reports whether the claim was put back that a restored DataVolume had replaced.
func Rejected(dataVolume *cdiv1.DataVolume) bool {
	return dataVolume.Annotations[v1alpha1.AnnotationRejected] == "true"
}
