// Package parts describes the VolumeSnapshots of a WukongSnapshot, one for each disk: what the desired ones are, and
// how far the storage is with those that exist. It reads and writes nothing.
package parts

import (
	"fmt"
	"slices"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// Part is the snapshot of one disk.
type Part struct {
	v1alpha1.SnapshotDiskStatus
	// Taken is the VolumeSnapshot that belongs to the WukongSnapshot; nil when it does not exist.
	Taken *snapshotv1.VolumeSnapshot
	// Conflict reports that an unmanaged VolumeSnapshot of this name exists.
	Conflict bool
}

// Parts are all VolumeSnapshots of a WukongSnapshot, and those that have to be made.
type Parts []Part

// Deleting reports whether a VolumeSnapshot is being deleted.
func (p *Part) Deleting() bool { return p.Taken != nil && !p.Taken.DeletionTimestamp.IsZero() }

// Ready reports whether the storage has completed the VolumeSnapshot. One that is being deleted is not ready.
func (p *Part) Ready() bool {
	return p.Taken != nil && !p.Deleting() && p.Taken.Status != nil && ptr.Deref(p.Taken.Status.ReadyToUse, false)
}

// isCut reports whether the content of the VolumeSnapshot is fixed. The storage reports its creation time when CSI's
// CreateSnapshot has returned, and the guest may write again after that.
func (p *Part) isCut() bool {
	return p.Ready() || p.Taken != nil && !p.Deleting() && p.Taken.Status != nil && p.Taken.Status.CreationTime != nil
}

// StorageError is the storage's own error.
func (p *Part) StorageError() string {
	if p != nil && p.Failed() && ptr.Deref(p.Taken.Status.Error.Message, "") != "" {
		return *p.Taken.Status.Error.Message
	}
	return "the storage reports nothing about it; check that a snapshot controller and the driver's sidecar run"
}

// Failed reports whether the storage reported an error.
func (p *Part) Failed() bool {
	return p.Taken != nil && p.Taken.Status != nil && p.Taken.Status.Error != nil
}

// Begun reports whether a VolumeSnapshot exists.
func (p Parts) Begun() bool {
	return slices.ContainsFunc(p, func(one Part) bool { return one.Taken != nil })
}

// Deleting reports whether a VolumeSnapshot is being deleted.
func (p Parts) Deleting() bool {
	return slices.ContainsFunc(p, func(one Part) bool { return one.Deleting() })
}

// Ready reports whether the storage has completed all VolumeSnapshots.
func (p Parts) Ready() bool {
	return len(p) > 0 && !slices.ContainsFunc(p, func(one Part) bool { return !one.Ready() })
}

// Conflict is the name of an unmanaged VolumeSnapshot that has the name of a part; empty for none.
func (p Parts) Conflict() string {
	for i := range p {
		if p[i].Conflict {
			return p[i].VolumeSnapshotName
		}
	}
	return ""
}

// Unready is a part whose VolumeSnapshot exists and is not ready, preferably one that failed; nil for none.
func (p Parts) Unready() *Part {
	var found *Part
	for i := range p {
		one := &p[i]
		if one.Taken == nil || one.Ready() {
			continue
		}
		if found == nil || one.Failed() {
			found = one
		}
	}
	return found
}

// FirstCreated is when the first VolumeSnapshot was created; nil before.
func (p Parts) FirstCreated() *metav1.Time {
	var first *metav1.Time
	for i := range p {
		if taken := p[i].Taken; taken != nil && (first == nil || taken.CreationTimestamp.Before(first)) {
			first = &taken.CreationTimestamp
		}
	}
	return first
}

// Begins are the consistencies at which the VolumeSnapshots were begun.
func (p Parts) Begins() []v1alpha1.SnapshotConsistency {
	var begins []v1alpha1.SnapshotConsistency
	for i := range p {
		if taken := p[i].Taken; taken != nil {
			begin := taken.Annotations[v1alpha1.AnnotationSnapshotBegun]
			begins = append(begins, v1alpha1.SnapshotConsistency(begin))
		}
	}
	return begins
}

// Cuts counts the VolumeSnapshots. Refused is why the API server did not accept one; empty when it accepted all.
func (p Parts) Cuts(refused string) quiesce.Cuts {
	counted := quiesce.Cuts{Wanted: len(p), Refused: refused}
	for i := range p {
		one := &p[i]
		if one.Taken == nil {
			continue
		}
		counted.Made++
		if one.isCut() {
			counted.Cut++
		} else if one.Failed() {
			counted.Failing = fmt.Sprintf("VolumeSnapshot %s: %s", one.Taken.Name,
				ptr.Deref(one.Taken.Status.Error.Message, "it failed without a message"))
		}
	}
	return counted
}

// Held are the disks that the snapshot holds, for its status. What the storage reported of each is added when all are
// ready: that is one write for any number of disks.
func (p Parts) Held() []v1alpha1.SnapshotDiskStatus {
	held, ready := make([]v1alpha1.SnapshotDiskStatus, 0, len(p)), p.Ready()
	for i := range p {
		disk := p[i].SnapshotDiskStatus
		if ready {
			disk.RestoreSize, disk.TakenAt = p[i].Taken.Status.RestoreSize, p[i].Taken.Status.CreationTime
		}
		held = append(held, disk)
	}
	return held
}
