package diskrestore

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/request"
)

// Ended is the second part of the annotation v1alpha1.AnnotationRestoreRequest of a restore that has ended.
const Ended types.UID = "ended"

// requestOf is a request of a WukongVM, as a DataVolume records it.
type requestOf struct {
	at time.Time
	vm types.UID
}

func (r requestOf) String() string { return request.Mark{At: r.at, By: r.vm}.String() }

// is compares requests. Their times may be of different zones.
func (r requestOf) is(other requestOf) bool { return r.at.Equal(other.at) && r.vm == other.vm }

// parse reads the request that a DataVolume records. An invalid value is a request of no WukongVM.
func parse(value string) requestOf {
	mark, _ := request.Parse(value)
	return requestOf{at: mark.At, vm: mark.By}
}

// asked is the request that the WukongVM has in its status, and what it asks of this disk; nil for nothing.
func (in Inputs) asked() (requestOf, *v1alpha1.VMRestoreStatus, *v1alpha1.VMRestoreDisk) {
	if in.VM == nil || !in.VM.DeletionTimestamp.IsZero() || in.VM.Status.Restore == nil {
		return requestOf{}, nil, nil
	}
	status := in.VM.Status.Restore
	at := slices.IndexFunc(status.Disks, func(one v1alpha1.VMRestoreDisk) bool { return one.DiskName == in.Disk.Name })
	if at < 0 {
		return requestOf{}, nil, nil
	}
	return requestOf{at: status.Request.RequestedAt.Time, vm: in.VM.UID}, status, &status.Disks[at]
}

// pending reports whether the WukongVM may not know at the moment that it carries out a request: its status was lost,
// and its annotation, which it writes before anything else, shows that the request has not ended.
func (in Inputs) pending(made requestOf) bool {
	if in.VM == nil || in.VM.UID != made.vm || !in.VM.DeletionTimestamp.IsZero() || in.VM.Status.Restore != nil {
		return false
	}
	mark, marked := request.Parse(in.VM.Annotations[v1alpha1.AnnotationRestoreRequest])
	return marked && mark.At.Equal(made.at) && mark.By != Ended
}

// maxTarget leaves room for a hyphen and eight digits.
const maxTarget = 253 - 9

// TargetName returns the name of the claim that a disk is restored to. The request and the claim that is replaced are
// part of it, so that no two restores of a disk share a name.
func (in Inputs) targetName() string {
	made, _, _ := in.asked()
	sum := sha256.Sum256([]byte(strings.Join(
		[]string{"restore", made.String(), string(in.Disk.UID), in.Copies.Current}, "\x00")))
	prefix := strings.TrimRight(in.Disk.Name[:min(len(in.Disk.Name), maxTarget)], "-.")
	return prefix + "-" + hex.EncodeToString(sum[:4])
}

// TargetName is the name of the claim that the disk is about to be restored to; empty when no target is to be made.
func (in Inputs) TargetName() string {
	if !in.wantsTarget() {
		return ""
	}
	return in.targetName()
}

// Snapshot is the name of the VolumeSnapshot that a target is to be made from, or is being filled from; empty for none.
func (in Inputs) Snapshot() string {
	if in.wantsTarget() {
		_, _, disk := in.asked()
		return disk.VolumeSnapshotName
	}
	target := in.Copies.Restored
	if target == nil || target.Status.Phase == cdiv1.Succeeded || target.Spec.Source == nil ||
		target.Spec.Source.Snapshot == nil {
		return ""
	}
	return target.Spec.Source.Snapshot.Name
}

// wantsTarget reports whether the WukongVM asks for a target that does not exist.
func (in Inputs) wantsTarget() bool {
	made, status, _ := in.asked()
	if status == nil || status.Phase != v1alpha1.RestoreFilling || in.replacing() != nil {
		return false
	}
	return in.Copies.Restored == nil || !in.recorded(in.Copies.Restored).is(made)
}
