package diskmove

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// Decision is what a pass does for the move of a disk. The zero value means that the disk is where it should be.
type Decision struct {
	// Status is status.move; nil restricts nobody.
	Status *v1alpha1.DiskMove
	// Reason and Message are those of the condition StorageMoved. Without a reason there is no condition.
	Reason, Message string
	// Create is the target to create, Remove the one to delete. Finish makes the target the current claim. At most one
	// is set.
	Create, Remove *cdiv1.DataVolume
	Finish         bool
	// Again: requeue at once; the next step only requires this step to be visible in status.
	Again bool
}

// Locked reports whether no WukongVM may have the disk.
func (d *Decision) Locked() bool { return d.Status != nil && d.Status.Method == v1alpha1.MoveCopy }

// Undecided reports whether only a user can decide which claim holds the disk.
func (d *Decision) Undecided() bool { return d.Reason == v1alpha1.ReasonMoveUndecided }

// maxTarget leaves room for a hyphen and eight digits.
const maxTarget = 253 - 9

// TargetName returns the name of the claim that a disk moves to, for its source claim and its target class. The source
// claim is part of the name, so that no two moves of a disk share one: KubeVirt's records of one move are never taken
// for another's.
func TargetName(disk *v1alpha1.WukongDisk, class, from string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{class, string(disk.UID), from}, "\x00")))
	prefix := strings.TrimRight(disk.Name[:min(len(disk.Name), maxTarget)], "-.")
	return prefix + "-" + hex.EncodeToString(sum[:4])
}

// Decide returns the next step, from what exists and what the WukongVM answers.
func (in Inputs) Decide() Decision {
	switch {
	case in.Disk.AdoptsClaim(), !in.Disk.DeletionTimestamp.IsZero() &&
		(in.Copies.Target == nil || !isBlank(in.Copies.Target)):
		return Decision{}
	case in.Copies.Target == nil:
		return in.withoutTarget()
	case isBlank(in.Copies.Target):
		return in.withLiveTarget()
	default:
		return in.withCopyTarget()
	}
}

// OtherClass returns the class that the disk must move to, or "" when it is there or the claim is not known yet.
// Without a class in spec the disk stays where it is, even if the default class changes.
func (in Inputs) OtherClass() string {
	class := ptr.Deref(in.Disk.Spec.StorageClassName, "")
	if class == "" || in.Claim == nil || ptr.Deref(in.Claim.Spec.StorageClassName, "") == class {
		return ""
	}
	return class
}

// withoutTarget: the move has not begun, and its parameters can still change.
func (in Inputs) withoutTarget() Decision {
	class := in.OtherClass()
	if given := in.Disk.Status.Move; given != nil && in.targetLost(given) {
		return reporting(given, v1alpha1.MoveCancelling,
			"DataVolume "+given.TargetClaimName+" was deleted: it is being removed from the WukongVM")
	}
	if class == "" {
		return Decision{}
	}
	if found := in.obstacle(class); found != nil {
		return Decision{Reason: found.Reason, Message: found.Message}
	}
	method, wait := in.method()
	move := &v1alpha1.DiskMove{
		TargetClaimName: TargetName(in.Disk, class, in.Copies.Current), TargetStorageClassName: class, Method: method,
		Phase: v1alpha1.MovePreparing,
	}
	if wait != "" {
		return Decision{Reason: v1alpha1.ReasonMoving, Message: wait}
	}
	vm, entry := in.ownerEntry()
	answer := in.answer(move.TargetClaimName)
	switch {
	case in.TargetClaim != nil:
		return reporting(move, v1alpha1.MovePreparing, fmt.Sprintf("PersistentVolumeClaim %s, which has the name that the "+
			"disk moves to, must be deleted first", move.TargetClaimName))
	case method == v1alpha1.MoveCopy && vm == nil:
		decision := reporting(move, v1alpha1.MovePreparing,
			fmt.Sprintf("PersistentVolumeClaim %s will be copied to %s", in.Copies.Current, move.TargetClaimName))
		decision.Again = !in.asked(move)
		return decision.creating(in, in.asked(move))
	case method == v1alpha1.MoveCopy:
		decision := reporting(move, v1alpha1.MovePreparing,
			fmt.Sprintf("waits until WukongVM %s can no longer start, before the disk is copied", vm.Name))
		return decision.creating(in, in.asked(move) && answer == v1alpha1.VMDiskMoveReleased)
	case answer == v1alpha1.VMDiskMoveRefused:
		decision := reporting(move, v1alpha1.MovePreparing, fmt.Sprintf("WukongVM %s: %s", vm.Name, entry.Move.Message))
		decision.Reason = v1alpha1.ReasonMoveUnsupported
		return decision
	default:
		decision := reporting(move, v1alpha1.MovePreparing, fmt.Sprintf("asks WukongVM %s to migrate the volume", vm.Name))
		return decision.creating(in, in.asked(move) && answer == v1alpha1.VMDiskMoveAccepted)
	}
}

// targetLost reports whether the target was deleted while the WukongVM may have it.
func (in Inputs) targetLost(given *v1alpha1.DiskMove) bool {
	if given.Method != v1alpha1.MoveLive || given.Phase == v1alpha1.MovePreparing ||
		given.TargetClaimName == in.Copies.Current {
		return false
	}
	answer := in.answer(given.TargetClaimName)
	return answer != "" && answer != v1alpha1.VMDiskMoveWithdrawn
}

// withLiveTarget: a blank claim exists for the running guest. From the phase Migrating, the WukongVM decides about it.
func (in Inputs) withLiveTarget() Decision {
	target := in.Copies.Target
	move := &v1alpha1.DiskMove{
		TargetClaimName: target.Name, TargetStorageClassName: classOf(target), Method: v1alpha1.MoveLive,
		Phase: v1alpha1.MoveMigrating,
	}
	if in.asked(move) {
		move.Phase = in.Disk.Status.Move.Phase
	}
	wanted := target.DeletionTimestamp.IsZero() &&
		target.Name == TargetName(in.Disk, ptr.Deref(in.Disk.Spec.StorageClassName, ""), in.Copies.Current)
	if move.Phase == v1alpha1.MovePreparing {
		return in.preparing(move, wanted)
	}
	answer := in.answer(target.Name)
	vm, entry := in.ownerEntry()
	name, message := "", ""
	if vm != nil && entry != nil {
		name = vm.Name
	}
	if answer != "" {
		message = entry.Move.Message
	}
	switch answer {
	case v1alpha1.VMDiskMoveMoved:
		decision := reporting(move, move.Phase, "")
		decision.Finish = true
		return decision
	case v1alpha1.VMDiskMoveUndecided:
		decision := reporting(move, move.Phase, message)
		decision.Reason = v1alpha1.ReasonMoveUndecided
		return decision
	case v1alpha1.VMDiskMoveWithdrawn:
		if move.Phase == v1alpha1.MoveCancelling {
			return Decision{Status: nil, Reason: v1alpha1.ReasonMoving, Message: "DataVolume " + target.Name +
				" is being deleted", Remove: target}
		}
	case v1alpha1.VMDiskMoveRefused:
		decision := reporting(move, v1alpha1.MoveCancelling, fmt.Sprintf("WukongVM %s: %s", name, message))
		decision.Reason = v1alpha1.ReasonMoveUnsupported
		return decision
	}
	if name == "" {
		return in.orphaned(move)
	}
	if !wanted {
		return reporting(move, v1alpha1.MoveCancelling, fmt.Sprintf(
			"spec.storageClassName changed again: the current move of WukongVM %s is finished or cancelled first, then "+
				"the disk moves on", name))
	}
	return reporting(move, move.Phase, strings.TrimSuffix(
		fmt.Sprintf("WukongVM %s migrates the volume to PersistentVolumeClaim %s: %s", name, target.Name, message), ": "))
}

// preparing: no WukongVM uses the target yet.
func (in Inputs) preparing(move *v1alpha1.DiskMove, wanted bool) Decision {
	target := in.Copies.Target
	method, wait := in.method()
	if !wanted || wait != "" || method != v1alpha1.MoveLive {
		return Decision{Reason: v1alpha1.ReasonMoving, Message: "DataVolume " + target.Name +
			" is being deleted, because the disk or its WukongVM changed", Remove: target}
	}
	vm, entry := in.ownerEntry()
	if in.answer(target.Name) == v1alpha1.VMDiskMoveRefused {
		decision := reporting(move, v1alpha1.MovePreparing, fmt.Sprintf("WukongVM %s: %s", vm.Name, entry.Move.Message))
		decision.Reason = v1alpha1.ReasonMoveUnsupported
		return decision
	}
	if found := filled(target); found != nil {
		decision := reporting(move, v1alpha1.MovePreparing, found.Message)
		decision.Reason = found.Reason
		return decision
	}
	return reporting(move, v1alpha1.MoveMigrating,
		fmt.Sprintf("WukongVM %s will migrate the volume to PersistentVolumeClaim %s", vm.Name, target.Name))
}

// orphaned: the WukongVM that was given the target is deleted, and with it its answer.
func (in Inputs) orphaned(move *v1alpha1.DiskMove) Decision {
	decision := reporting(move, move.Phase, "")
	switch choice := in.Disk.Annotations[v1alpha1.AnnotationClaimInUse]; {
	case in.AttachedTo != "":
		decision.Message = fmt.Sprintf("waits for WukongVM %s to report on the move", in.AttachedTo)
	case choice == move.TargetClaimName:
		decision.Finish = true
	case choice == in.Copies.Current:
		return Decision{Reason: v1alpha1.ReasonMoving, Message: "DataVolume " + move.TargetClaimName + " is being deleted",
			Remove: in.Copies.Target}
	default:
		decision.Reason = v1alpha1.ReasonMoveUndecided
		decision.Message = fmt.Sprintf("the WukongVM was deleted during the move: inspect PersistentVolumeClaim %s "+
			"and %s, and name the one with the newest data: "+
			"kubectl annotate wukongdisk %s %s=NAME",
			in.Copies.Current, move.TargetClaimName, in.Disk.Name, v1alpha1.AnnotationClaimInUse)
	}
	return decision
}

// withCopyTarget: CDI clones the current claim, which no guest has meanwhile.
func (in Inputs) withCopyTarget() Decision {
	target := in.Copies.Target
	move := &v1alpha1.DiskMove{TargetClaimName: target.Name, TargetStorageClassName: classOf(target),
		Method: v1alpha1.MoveCopy}
	remove := func(why string) Decision {
		// The lock ends with the target: a guest may write to the current claim from then on, and the copy would miss
		// it.
		decision := reporting(move, v1alpha1.MoveCopying,
			fmt.Sprintf("DataVolume %s is being deleted, because %s", target.Name, why))
		decision.Remove = target
		return decision
	}
	vm, entry := in.ownerEntry()
	switch {
	case !target.DeletionTimestamp.IsZero():
		return reporting(move, v1alpha1.MoveCopying, fmt.Sprintf("waits until DataVolume %s is deleted", target.Name))
	case target.Name != TargetName(in.Disk, ptr.Deref(in.Disk.Spec.StorageClassName, ""), in.Copies.Current):
		return remove("spec.storageClassName changed again")
	case entry != nil && entry.Attachment != "" && entry.Attachment != v1alpha1.DiskWaiting:
		return remove(fmt.Sprintf("WukongVM %s has the disk", vm.Name))
	}
	if found := filled(target); found != nil {
		decision := reporting(move, v1alpha1.MoveCopying,
			fmt.Sprintf("PersistentVolumeClaim %s is being copied: %s", in.Copies.Current, found.Message))
		decision.Reason = found.Reason
		return decision
	}
	if found := diskstate.Bound(in.TargetClaim); found != nil {
		return reporting(move, v1alpha1.MoveCopying, found.Message)
	}
	decision := reporting(move, v1alpha1.MoveCopying, "")
	decision.Finish = true
	return decision
}

// obstacle returns why a move cannot begin, whatever the WukongVM does.
func (in Inputs) obstacle(class string) *diskstate.Problem {
	switch {
	case !in.Complete:
		return diskstate.Pending(v1alpha1.ReasonMoving, "the disk moves to StorageClass %s when it is filled", class)
	case !in.ClassFound:
		return diskstate.Failed(v1alpha1.ReasonStorageClassMissing, "the disk stays where it is: StorageClass %s does not "+
			"exist; create it, or set storageClassName back to %s",
			class, ptr.Deref(in.Claim.Spec.StorageClassName, ""))
	case model.IsShared(in.Disk):
		return diskstate.Failed(v1alpha1.ReasonMoveUnsupported, "a disk that several WukongVMs share cannot move: set "+
			"spec.shared to false when only one WukongVM has it, "+
			"or set storageClassName back to %s", ptr.Deref(in.Claim.Spec.StorageClassName, ""))
	case in.DataVolume == nil:
		return diskstate.Failed(v1alpha1.ReasonMoveUnsupported,
			"CDI collected DataVolume %s; Wukong deletes claims only with their DataVolume, so the old claim would remain: "+
				"create a WukongDisk as a clone of this one, or set storageClassName back to %s",
			in.Copies.Current, ptr.Deref(in.Claim.Spec.StorageClassName, ""))
	case in.Restoring:
		return diskstate.Pending(v1alpha1.ReasonRestoring, "the disk moves to StorageClass %s when its WukongVM is restored",
			class)
	case in.Grows:
		return diskstate.Pending(v1alpha1.ReasonMoving, "the disk moves to StorageClass %s when it has grown", class)
	default:
		return nil
	}
}

// method returns how a disk can move now, or what it must wait for.
func (in Inputs) method() (method v1alpha1.MoveMethod, wait string) {
	vm, entry := in.ownerEntry()
	switch {
	case len(in.VMs) == 0 && in.AttachedTo == "":
		return v1alpha1.MoveCopy, ""
	case vm == nil || !vm.DeletionTimestamp.IsZero():
		return "", "waits until the WukongVM that is being deleted has released the disk"
	case entry == nil:
		return "", fmt.Sprintf("waits for WukongVM %s to report on the disk", vm.Name)
	case entry.Attachment == v1alpha1.DiskAttached:
		return v1alpha1.MoveLive, ""
	case entry.Attachment == v1alpha1.DiskAttaching || entry.Attachment == v1alpha1.DiskDetaching:
		return "", fmt.Sprintf("waits until WukongVM %s has attached or detached the disk", vm.Name)
	case vm.Spec.PowerState == v1alpha1.PowerStopped,
		in.answer(model.ClaimsOf(in.Disk).Target) == v1alpha1.VMDiskMoveReleased:
		return v1alpha1.MoveCopy, ""
	default:
		return "", fmt.Sprintf("waits until WukongVM %s has the disk and runs, or is stopped by powerState", vm.Name)
	}
}

// ownerEntry returns the WukongVM that has the disk, and its status entry for it. Both are nil if the WukongVM does
// not exist; the entry is nil if it has none.
func (in Inputs) ownerEntry() (*v1alpha1.WukongVM, *v1alpha1.VMDiskStatus) {
	at := slices.IndexFunc(in.VMs, func(vm v1alpha1.WukongVM) bool { return vm.Name == in.AttachedTo })
	if at < 0 {
		return nil, nil
	}
	vm := &in.VMs[at]
	for i := range vm.Status.Disks {
		if vm.Status.Disks[i].DiskName == in.Disk.Name {
			return vm, &vm.Status.Disks[i]
		}
	}
	return vm, nil
}

// answer returns the WukongVM's answer to the move to a target, or "" if it has answered another move, or none.
func (in Inputs) answer(target string) v1alpha1.VMDiskMoveState {
	for i := range in.VMs {
		if in.VMs[i].Name != in.AttachedTo {
			continue
		}
		for _, entry := range in.VMs[i].Status.Disks {
			if entry.Move != nil && entry.Move.TargetClaimName == target && target != "" {
				return entry.Move.State
			}
		}
	}
	return ""
}

// asked reports whether status already shows the move: only then is the answer of the WukongVM for this move, and not
// for an earlier one.
func (in Inputs) asked(move *v1alpha1.DiskMove) bool {
	given := in.Disk.Status.Move
	return given != nil && given.TargetClaimName == move.TargetClaimName && given.Method == move.Method
}

// filled returns why a target is not ready to be used. A blank claim of a class that binds at first use is ready for
// its first consumer.
func filled(target *cdiv1.DataVolume) *diskstate.Problem {
	switch phase := target.Status.Phase; {
	case phase == cdiv1.Succeeded, isBlank(target) &&
		(phase == cdiv1.WaitForFirstConsumer || phase == cdiv1.PendingPopulation):
		return nil
	}
	found := diskstate.Content(target)
	if found == nil || found.Phase != v1alpha1.DiskError {
		message := "DataVolume " + target.Name + " is being created"
		if percent := dvstate.Progress(target.Status.Progress); percent != nil {
			message = fmt.Sprintf("DataVolume %s is filled to %d %%", target.Name, *percent)
		}
		return diskstate.Pending(v1alpha1.ReasonMoving, "%s", message)
	}
	return found
}

// isBlank reports whether a target is for a running guest. Otherwise it is a clone.
func isBlank(target *cdiv1.DataVolume) bool {
	return target.Spec.Source != nil && target.Spec.Source.Blank != nil
}

func classOf(dataVolume *cdiv1.DataVolume) string {
	if dataVolume.Spec.Storage == nil {
		return ""
	}
	return ptr.Deref(dataVolume.Spec.Storage.StorageClassName, "")
}

func reporting(move *v1alpha1.DiskMove, phase v1alpha1.MovePhase, message string) Decision {
	reported := *move
	reported.Phase = phase
	return Decision{Status: &reported, Reason: v1alpha1.ReasonMoving, Message: message}
}

// creating adds the target to the decision if now is true.
func (d Decision) creating(in Inputs, now bool) Decision {
	if now {
		d.Create = in.targetVolume(d.Status)
	}
	return d
}
