package diskrestore

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
	"github.com/novasphere/wukong/controllers/internal/protocol/copies"
)

// Inputs are the facts that decide about the restore of a disk.
type Inputs struct {
	Disk *v1alpha1.WukongDisk
	// VM is the WukongVM that the disk is attached to; nil for none.
	VM     *v1alpha1.WukongVM
	Copies copies.Copies
	// Claim is the claim that holds the disk, DataVolume its DataVolume; nil when they do not exist or do not belong to
	// the disk.
	Claim      *corev1.PersistentVolumeClaim
	DataVolume *cdiv1.DataVolume
	// TargetClaim is the claim of the target, or an existing claim with the name that it would have.
	TargetClaim *corev1.PersistentVolumeClaim
	// Complete: the disk has a claim of its own that is bound and filled.
	Complete bool
	// Origin is what a target is made from. It is read only for one that is not filled (see Snapshot).
	Origin Origin
	// TargetFailure is why the claim of the target gets no volume; empty for nothing.
	TargetFailure string
}

// Origin is the VolumeSnapshot that a target is made from.
type Origin struct {
	// Source of the DataVolume.
	Source *cdiv1.DataVolumeSource
	// Missing: the VolumeSnapshot does not exist.
	Missing bool
	// Size to request; nil when the target gets the size of the snapshot.
	Size *resource.Quantity
	// Waits is why the VolumeSnapshot cannot be used yet; empty when it can.
	Waits string
	// Problem is why the disk cannot be made from it.
	Problem *diskstate.Problem
}

// Decision is what a pass does for the restore of a disk. The zero value means that there is none.
type Decision struct {
	// Status is status.restore.
	Status *v1alpha1.DiskRestore
	// Create is the target to create, Remove the one to delete, Mark the DataVolume that gets Annotations. At most one of
	// the three is set.
	Create, Remove, Mark *cdiv1.DataVolume
	Annotations          map[string]any
}

// Decide returns the next step, from what exists and what the WukongVM asks for.
func (in Inputs) Decide() Decision {
	switch {
	case in.Disk.AdoptsClaim():
		return in.refused("the disk uses PersistentVolumeClaim " + in.Disk.ClaimName() + ", which Wukong did not create")
	case in.replacing() != nil:
		return in.replaced(in.replacing())
	case in.Copies.Restored != nil:
		return in.withTarget(in.Copies.Restored)
	default:
		return in.withoutTarget()
	}
}

// inUse is the DataVolume of a restore that holds the disk; nil when none does.
func (in Inputs) inUse() *cdiv1.DataVolume {
	if in.Copies.DataVolume == nil || copies.RestoredFor(in.Copies.DataVolume) == "" {
		return nil
	}
	return in.Copies.DataVolume
}

// replacing is that DataVolume as long as it keeps the claim that it replaced.
func (in Inputs) replacing() *cdiv1.DataVolume {
	if target := in.inUse(); target != nil && copies.KeepsPrevious(target) != "" {
		return target
	}
	return nil
}

func (in Inputs) recorded(target *cdiv1.DataVolume) requestOf {
	return parse(copies.RestoredFor(target))
}

// replaced: the target is in use, and the previous claim is kept.
func (in Inputs) replaced(target *cdiv1.DataVolume) Decision {
	made := in.recorded(target)
	decision := Decision{Status: in.status(made, target, v1alpha1.DiskRestoreInUse)}
	if in.nothingToGoBackTo() {
		decision.Status.PreviousClaimName = ""
	}
	end := func(annotations map[string]any) Decision {
		decision.Mark, decision.Annotations = target, annotations
		return decision
	}
	keepNothing := func() Decision {
		decision.Status = in.status(made, target, v1alpha1.DiskRestoreDone)
		return end(map[string]any{v1alpha1.AnnotationKeepPrevious: nil})
	}
	asked, status, _ := in.asked()
	switch leads := status != nil && asked.is(made); {
	case in.VM == nil || in.VM.UID != made.vm || !in.VM.DeletionTimestamp.IsZero():
		return keepNothing() // nobody is left who could put the previous claim back
	case !leads:
		return decision
	case status.Phase == v1alpha1.RestoreSucceeded, status.Phase == v1alpha1.RestoreNotRolledBack:
		return keepNothing()
	case status.Phase == v1alpha1.RestoreRollingBack && !in.nothingToGoBackTo():
		// From this write on, the previous claim holds the disk.
		return end(map[string]any{
			v1alpha1.AnnotationInUse: nil, v1alpha1.AnnotationRejected: "true", v1alpha1.AnnotationKeepPrevious: nil,
		})
	default:
		return decision
	}
}

// nothingToGoBackTo reports whether the claim that was replaced is being deleted, or was.
func (in Inputs) nothingToGoBackTo() bool {
	return in.Copies.Previous == nil || !in.Copies.Previous.DeletionTimestamp.IsZero()
}

// withTarget: a target exists and is not in use.
func (in Inputs) withTarget(target *cdiv1.DataVolume) Decision {
	made := in.recorded(target)
	asked, status, _ := in.asked()
	if status == nil || !asked.is(made) {
		if in.pending(made) {
			return Decision{Status: in.ofTarget(made, target)}
		}
		return Decision{Status: in.ofTarget(made, target), Remove: target}
	}
	decision := Decision{Status: in.ofTarget(made, target)}
	switch status.Phase {
	case v1alpha1.RestoreFilling, v1alpha1.RestoreStopping, v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching:
		if copies.Rejected(target) {
			return Decision{Status: in.failed(made, "DataVolume "+target.Name+" was rejected before"), Remove: target}
		}
	case v1alpha1.RestoreRollingBack:
		return decision
	default:
		decision.Remove = target
		return decision
	}
	if status.Phase == v1alpha1.RestoreSwitching && decision.Status.Phase == v1alpha1.DiskRestoreFilled {
		// From this write on, the target holds the disk.
		decision.Mark, decision.Annotations = target, map[string]any{
			v1alpha1.AnnotationInUse: "true", v1alpha1.AnnotationKeepPrevious: in.Copies.Current,
		}
	}
	return decision
}

// ofTarget is the status of a target that is not in use.
func (in Inputs) ofTarget(made requestOf, target *cdiv1.DataVolume) *v1alpha1.DiskRestore {
	status := in.status(made, target, v1alpha1.DiskRestoreFilling)
	switch {
	case copies.Rejected(target):
		status.Phase = v1alpha1.DiskRestoreReturned
	case !target.DeletionTimestamp.IsZero():
		status.Phase, status.Message = v1alpha1.DiskRestoreFailed, "DataVolume "+target.Name+" was deleted"
	case target.Status.Phase == cdiv1.Failed:
		status.Phase, status.Message = v1alpha1.DiskRestoreFailed, "CDI could not fill DataVolume "+target.Name
	case target.Status.Phase != cdiv1.Succeeded && in.Origin.Missing:
		status.Phase = v1alpha1.DiskRestoreFailed
		status.Message = fmt.Sprintf("VolumeSnapshot %s was deleted before DataVolume %s was filled from it",
			status.VolumeSnapshotName, target.Name)
	case target.Status.Phase != cdiv1.Succeeded:
		status.Message = in.progress(target)
	default:
		if found := diskstate.Bound(in.TargetClaim); found != nil {
			status.Message = found.Message
			return status
		}
		status.Phase = v1alpha1.DiskRestoreFilled
	}
	return status
}

func (in Inputs) progress(target *cdiv1.DataVolume) string {
	if found := diskstate.Content(target); found != nil && found.Phase == v1alpha1.DiskError {
		return found.Message
	}
	if in.TargetFailure != "" {
		return fmt.Sprintf("PersistentVolumeClaim %s gets no volume: %s", target.Name, in.TargetFailure)
	}
	if percent := dvstate.Progress(target.Status.Progress); percent != nil {
		return fmt.Sprintf("DataVolume %s is filled to %d %%", target.Name, *percent)
	}
	return "DataVolume " + target.Name + " is being filled"
}

// withoutTarget: no target exists, or it holds the disk and the restore has ended.
func (in Inputs) withoutTarget() Decision {
	asked, status, disk := in.asked()
	current := in.inUse()
	switch {
	case current != nil && (status == nil || in.recorded(current).is(asked)):
		return Decision{Status: in.status(in.recorded(current), current, v1alpha1.DiskRestoreDone)}
	case status == nil:
		return Decision{}
	}
	switch status.Phase {
	case v1alpha1.RestoreFilling:
	case v1alpha1.RestoreStopping, v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching:
		return Decision{Status: in.failed(asked, "the DataVolume of its new claim was deleted")}
	default:
		if current != nil {
			return Decision{Status: in.status(in.recorded(current), current, v1alpha1.DiskRestoreDone)}
		}
		return Decision{}
	}
	target := in.targetVolume(asked)
	waiting := in.status(asked, target, v1alpha1.DiskRestoreFilling)
	waiting.VolumeSnapshotName = disk.VolumeSnapshotName
	if message := in.obstacle(disk.VolumeSnapshotName); message != "" {
		return Decision{Status: in.failed(asked, message)}
	}
	if waiting.Message = in.wait(target.Name); waiting.Message != "" {
		return Decision{Status: waiting}
	}
	waiting.Message = "DataVolume " + target.Name + " is being created"
	return Decision{Status: waiting, Create: target}
}

// refused is the decision about a disk that cannot be restored.
func (in Inputs) refused(why string) Decision {
	asked, status, _ := in.asked()
	if status == nil || status.Phase != v1alpha1.RestoreFilling {
		return Decision{}
	}
	return Decision{Status: in.failed(asked, why)}
}

// obstacle is why the disk cannot be restored at all; empty when it can.
func (in Inputs) obstacle(snapshot string) string {
	switch {
	case !in.Disk.DeletionTimestamp.IsZero():
		return "the disk is being deleted"
	case model.IsShared(in.Disk):
		return "other WukongVMs share the disk"
	case in.Complete && in.DataVolume == nil:
		return fmt.Sprintf("CDI collected DataVolume %s, and Wukong deletes claims only with their DataVolume",
			in.Copies.Current)
	case in.Origin.Missing:
		return fmt.Sprintf("VolumeSnapshot %s was deleted", snapshot)
	case in.Origin.Problem != nil:
		return in.Origin.Problem.Message
	default:
		return ""
	}
}

// wait is why the target cannot be made yet; empty when it can.
func (in Inputs) wait(name string) string {
	switch {
	case in.Copies.Target != nil:
		return "waits until the disk has moved to another StorageClass"
	case !in.Complete:
		return "waits until the disk is complete"
	case in.Origin.Waits != "":
		return "its VolumeSnapshot cannot be used yet: " + in.Origin.Waits
	case in.TargetClaim != nil:
		return fmt.Sprintf("PersistentVolumeClaim %s, which has the name that the disk is restored to, must be deleted first",
			name)
	default:
		return ""
	}
}

func (in Inputs) status(
	made requestOf, target *cdiv1.DataVolume, phase v1alpha1.DiskRestorePhase,
) *v1alpha1.DiskRestore {
	status := &v1alpha1.DiskRestore{
		RequestedAt: metav1.NewTime(made.at), Phase: phase, TargetClaimName: target.Name,
	}
	if phase != v1alpha1.DiskRestoreDone {
		status.PreviousClaimName = copies.MovedFrom(target)
	}
	if source := target.Spec.Source; source != nil && source.Snapshot != nil {
		status.VolumeSnapshotName = source.Snapshot.Name
	}
	return status
}

func (in Inputs) failed(made requestOf, message string) *v1alpha1.DiskRestore {
	return &v1alpha1.DiskRestore{
		RequestedAt: metav1.NewTime(made.at), Phase: v1alpha1.DiskRestoreFailed, Message: message,
	}
}

// targetVolume returns the DataVolume that the disk is restored to. It is filled at once, because no guest uses it
// before it is complete, and CDI must not collect it.
func (in Inputs) targetVolume(asked requestOf) *cdiv1.DataVolume {
	name := in.targetName()
	storage := &cdiv1.StorageSpec{VolumeMode: in.Disk.Spec.VolumeMode}
	if in.Claim != nil {
		storage.StorageClassName, storage.VolumeMode = in.Claim.Spec.StorageClassName, in.Claim.Spec.VolumeMode
		storage.AccessModes = in.Claim.Spec.AccessModes
	}
	if in.Origin.Size != nil {
		storage.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: *in.Origin.Size}
	}
	return &cdiv1.DataVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: in.Disk.Namespace,
			Labels: map[string]string{v1alpha1.LabelDisk: string(in.Disk.UID)},
			Annotations: map[string]string{
				v1alpha1.AnnotationMovedFrom:            in.Copies.Current,
				v1alpha1.AnnotationRestoredFor:          asked.String(),
				dvstate.AnnotationDeleteAfterCompletion: "false",
				dvstate.AnnotationPopulatedFor:          name,
				dvstate.AnnotationBindNow:               "true",
			},
		},
		Spec: cdiv1.DataVolumeSpec{Source: in.Origin.Source, Storage: storage},
	}
}

// Spares reports whether a DataVolume that no longer holds the disk must not be deleted, because the WukongVM may put
// it back: its record on the DataVolume that replaced it may have been deleted with that.
func (in Inputs) Spares(dataVolume *cdiv1.DataVolume) bool {
	_, status, disk := in.asked()
	if status == nil || disk.PreviousClaimName != dataVolume.Name {
		return false
	}
	switch status.Phase {
	case v1alpha1.RestoreSwitching, v1alpha1.RestoreStarting, v1alpha1.RestoreSwitched, v1alpha1.RestoreRollingBack:
		return true
	default:
		return false
	}
}

// UnderWay reports whether the disk is being restored, so that it does not move to another StorageClass.
func (in Inputs) UnderWay() bool {
	_, status, _ := in.asked()
	switch {
	case in.replacing() != nil, in.Copies.Restored != nil:
		return true
	case status == nil:
		return false
	}
	switch status.Phase {
	case v1alpha1.RestoreFilling, v1alpha1.RestoreStopping, v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching,
		v1alpha1.RestoreStarting, v1alpha1.RestoreSwitched, v1alpha1.RestoreRollingBack:
		return true
	default:
		return false
	}
}
