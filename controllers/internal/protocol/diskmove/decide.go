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

// Decision is what a pass does about the move of a disk. The zero value is a disk that is where it shall be.
type Decision struct {
	// Status is status.move; nil keeps nobody from anything.
	Status *v1alpha1.DiskMove
	// Reason and Message are of the condition StorageMoved; no reason, no condition.
	Reason, Message string
	// Create is the target to make, Remove the one to take away, Finish lets it take the place of the current claim. At most one is set.
	Create, Remove *cdiv1.DataVolume
	Finish         bool
	// Again: the next step needs nothing but that status reports this one.
	Again bool
}

// Locked reports whether no machine may have the disk.
func (d *Decision) Locked() bool { return d.Status != nil && d.Status.Method == v1alpha1.MoveCopy }

// Undecided reports whether only a person can say which claim holds the disk.
func (d *Decision) Undecided() bool { return d.Reason == v1alpha1.ReasonMoveUndecided }

// maxTarget leaves room for the hyphen and eight digits.
const maxTarget = 253 - 9

// TargetName is the claim that a disk moves to, from a claim and to a class. The claim that it comes from is part of it, so that no move of a
// disk has the name of an earlier one: what KubeVirt remembers of one is never taken for another.
func TargetName(disk *v1alpha1.WukongDisk, class, from string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{class, string(disk.UID), from}, "\x00")))
	prefix := strings.TrimRight(disk.Name[:min(len(disk.Name), maxTarget)], "-.")
	return prefix + "-" + hex.EncodeToString(sum[:4])
}

// Decide says what is next, from what exists and what the machine answers.
func (in Inputs) Decide() Decision {
	switch {
	case in.Disk.AdoptsClaim(), !in.Disk.DeletionTimestamp.IsZero() && (in.Copies.Target == nil || !isBlank(in.Copies.Target)):
		return Decision{}
	case in.Copies.Target == nil:
		return in.withoutTarget()
	case isBlank(in.Copies.Target):
		return in.withLiveTarget()
	default:
		return in.withCopyTarget()
	}
}

// OtherClass is the class that the disk is to move to; empty when it is there, or cannot say yet. Without a class in spec it stays where it is,
// whatever becomes the default.
func (in Inputs) OtherClass() string {
	class := ptr.Deref(in.Disk.Spec.StorageClassName, "")
	if class == "" || in.Claim == nil || ptr.Deref(in.Claim.Spec.StorageClassName, "") == class {
		return ""
	}
	return class
}

// withoutTarget: nothing is begun, and all of it may still be changed.
func (in Inputs) withoutTarget() Decision {
	class := in.OtherClass()
	if given := in.Disk.Status.Move; given != nil && in.targetLost(given) {
		return telling(given, v1alpha1.MoveCancelling, "DataVolume "+given.TargetClaimName+" is gone: the machine is taken off it")
	}
	if class == "" {
		return Decision{}
	}
	if found := in.obstacle(class); found != nil {
		return Decision{Reason: found.Reason, Message: found.Message}
	}
	method, wait := in.method()
	move := &v1alpha1.DiskMove{
		TargetClaimName: TargetName(in.Disk, class, in.Copies.Current), TargetStorageClassName: class, Method: method, Phase: v1alpha1.MovePreparing,
	}
	if wait != "" {
		return Decision{Reason: v1alpha1.ReasonMoving, Message: wait}
	}
	machine, entry := in.holderEntry()
	said := in.answer(move.TargetClaimName)
	switch {
	case in.TargetClaim != nil:
		return telling(move, v1alpha1.MovePreparing, fmt.Sprintf("PersistentVolumeClaim %s, which has the name that the disk moves to, must go first", move.TargetClaimName))
	case method == v1alpha1.MoveCopy && machine == nil:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("PersistentVolumeClaim %s is about to be copied to %s", in.Copies.Current, move.TargetClaimName))
		decision.Again = !in.asked(move)
		return decision.creating(in, in.asked(move))
	case method == v1alpha1.MoveCopy:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("waits until WukongVM %s does not start any more, to copy the disk", machine.Name))
		return decision.creating(in, in.asked(move) && said == v1alpha1.VMDiskMoveReleased)
	case said == v1alpha1.VMDiskMoveRefused:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("WukongVM %s: %s", machine.Name, entry.Move.Message))
		decision.Reason = v1alpha1.ReasonMoveUnsupported
		return decision
	default:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("asks WukongVM %s to migrate the volume", machine.Name))
		return decision.creating(in, in.asked(move) && said == v1alpha1.VMDiskMoveAccepted)
	}
}

// targetLost tells whether someone deleted the target while the machine may have it.
func (in Inputs) targetLost(given *v1alpha1.DiskMove) bool {
	if given.Method != v1alpha1.MoveLive || given.Phase == v1alpha1.MovePreparing || given.TargetClaimName == in.Copies.Current {
		return false
	}
	said := in.answer(given.TargetClaimName)
	return said != "" && said != v1alpha1.VMDiskMoveWithdrawn
}

// withLiveTarget: there is a blank claim for the running machine. It is the machine's from the phase Migrating on.
func (in Inputs) withLiveTarget() Decision {
	target := in.Copies.Target
	move := &v1alpha1.DiskMove{
		TargetClaimName: target.Name, TargetStorageClassName: classOf(target), Method: v1alpha1.MoveLive, Phase: v1alpha1.MoveMigrating,
	}
	if in.asked(move) {
		move.Phase = in.Disk.Status.Move.Phase
	}
	wanted := target.DeletionTimestamp.IsZero() && target.Name == TargetName(in.Disk, ptr.Deref(in.Disk.Spec.StorageClassName, ""), in.Copies.Current)
	if move.Phase == v1alpha1.MovePreparing {
		return in.preparing(move, wanted)
	}
	said := in.answer(target.Name)
	machine, entry := in.holderEntry()
	name, words := "", ""
	if machine != nil && entry != nil {
		name = machine.Name
	}
	if said != "" {
		words = entry.Move.Message
	}
	switch said {
	case v1alpha1.VMDiskMoveMoved:
		decision := telling(move, move.Phase, "")
		decision.Finish = true
		return decision
	case v1alpha1.VMDiskMoveUndecided:
		decision := telling(move, move.Phase, words)
		decision.Reason = v1alpha1.ReasonMoveUndecided
		return decision
	case v1alpha1.VMDiskMoveWithdrawn:
		if move.Phase == v1alpha1.MoveCancelling {
			return Decision{Status: nil, Reason: v1alpha1.ReasonMoving, Message: "DataVolume " + target.Name + " is taken away again", Remove: target}
		}
	case v1alpha1.VMDiskMoveRefused:
		decision := telling(move, v1alpha1.MoveCancelling, fmt.Sprintf("WukongVM %s: %s", name, words))
		decision.Reason = v1alpha1.ReasonMoveUnsupported
		return decision
	}
	if name == "" {
		return in.orphaned(move)
	}
	if !wanted {
		return telling(move, v1alpha1.MoveCancelling, fmt.Sprintf(
			"spec.storageClassName changed again: what WukongVM %s has begun is finished first, else given up, and then the disk moves on", name))
	}
	return telling(move, move.Phase, strings.TrimSuffix(fmt.Sprintf("WukongVM %s migrates the volume to PersistentVolumeClaim %s: %s", name, target.Name, words), ": "))
}

// preparing: no machine touches the target yet.
func (in Inputs) preparing(move *v1alpha1.DiskMove, wanted bool) Decision {
	target := in.Copies.Target
	method, wait := in.method()
	if !wanted || wait != "" || method != v1alpha1.MoveLive {
		return Decision{Reason: v1alpha1.ReasonMoving, Message: "DataVolume " + target.Name + " is taken away again, because the disk or its machine changed", Remove: target}
	}
	machine, entry := in.holderEntry()
	if in.answer(target.Name) == v1alpha1.VMDiskMoveRefused {
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("WukongVM %s: %s", machine.Name, entry.Move.Message))
		decision.Reason = v1alpha1.ReasonMoveUnsupported
		return decision
	}
	if found := filled(target); found != nil {
		decision := telling(move, v1alpha1.MovePreparing, found.Message)
		decision.Reason = found.Reason
		return decision
	}
	return telling(move, v1alpha1.MoveMigrating, fmt.Sprintf("WukongVM %s is to migrate the volume to PersistentVolumeClaim %s", machine.Name, target.Name))
}

// orphaned: the machine that was given the target is gone, with its answer.
func (in Inputs) orphaned(move *v1alpha1.DiskMove) Decision {
	decision := telling(move, move.Phase, "")
	switch word := in.Disk.Annotations[v1alpha1.AnnotationClaimInUse]; {
	case in.AttachedTo != "":
		decision.Message = fmt.Sprintf("waits for what WukongVM %s says about the move", in.AttachedTo)
	case word == move.TargetClaimName:
		decision.Finish = true
	case word == in.Copies.Current:
		return Decision{Reason: v1alpha1.ReasonMoving, Message: "DataVolume " + move.TargetClaimName + " is taken away", Remove: in.Copies.Target}
	default:
		decision.Reason = v1alpha1.ReasonMoveUndecided
		decision.Message = fmt.Sprintf("the machine was deleted while the disk moved: look at PersistentVolumeClaim %s and %s, and name the one with the newest data: "+
			"kubectl annotate wukongdisk %s %s=NAME", in.Copies.Current, move.TargetClaimName, in.Disk.Name, v1alpha1.AnnotationClaimInUse)
	}
	return decision
}

// withCopyTarget: CDI clones the current claim, which nobody has meanwhile.
func (in Inputs) withCopyTarget() Decision {
	target := in.Copies.Target
	move := &v1alpha1.DiskMove{TargetClaimName: target.Name, TargetStorageClassName: classOf(target), Method: v1alpha1.MoveCopy}
	remove := func(why string) Decision {
		// The lock goes with the target: a guest may write to the current claim from then on, and the copy would miss it.
		decision := telling(move, v1alpha1.MoveCopying, fmt.Sprintf("DataVolume %s is taken away again, because %s", target.Name, why))
		decision.Remove = target
		return decision
	}
	machine, entry := in.holderEntry()
	switch {
	case !target.DeletionTimestamp.IsZero():
		return telling(move, v1alpha1.MoveCopying, fmt.Sprintf("waits until DataVolume %s is gone", target.Name))
	case target.Name != TargetName(in.Disk, ptr.Deref(in.Disk.Spec.StorageClassName, ""), in.Copies.Current):
		return remove("spec.storageClassName changed again")
	case entry != nil && entry.Attachment != "" && entry.Attachment != v1alpha1.DiskWaiting:
		return remove(fmt.Sprintf("WukongVM %s has the disk", machine.Name))
	}
	if found := filled(target); found != nil {
		decision := telling(move, v1alpha1.MoveCopying, fmt.Sprintf("PersistentVolumeClaim %s is being copied: %s", in.Copies.Current, found.Message))
		decision.Reason = found.Reason
		return decision
	}
	if found := diskstate.Bound(in.TargetClaim); found != nil {
		return telling(move, v1alpha1.MoveCopying, found.Message)
	}
	decision := telling(move, v1alpha1.MoveCopying, "")
	decision.Finish = true
	return decision
}

// obstacle says why a move cannot begin, whatever the machine does.
func (in Inputs) obstacle(class string) *diskstate.Problem {
	switch {
	case !in.Complete:
		return diskstate.Pending(v1alpha1.ReasonMoving, "the disk moves to StorageClass %s when it is filled", class)
	case !in.ClassFound:
		return diskstate.Failed(v1alpha1.ReasonStorageClassMissing, "the disk stays where it is: StorageClass %s does not exist; create it, or set storageClassName back to %s",
			class, ptr.Deref(in.Claim.Spec.StorageClassName, ""))
	case model.IsShared(in.Disk):
		return diskstate.Failed(v1alpha1.ReasonMoveUnsupported, "a disk that several machines share cannot move: set spec.shared to false when one machine has it, "+
			"or set storageClassName back to %s", ptr.Deref(in.Claim.Spec.StorageClassName, ""))
	case in.DataVolume == nil:
		return diskstate.Failed(v1alpha1.ReasonMoveUnsupported, "CDI collected DataVolume %s as garbage, and Wukong deletes no claim but with its DataVolume: "+
			"the old one would stay; make a WukongDisk that is a clone of this one, or set storageClassName back to %s",
			in.Copies.Current, ptr.Deref(in.Claim.Spec.StorageClassName, ""))
	case in.Grows:
		return diskstate.Pending(v1alpha1.ReasonMoving, "the disk moves to StorageClass %s when it has grown", class)
	default:
		return nil
	}
}

// method says how a disk can move now, or what that waits for.
func (in Inputs) method() (method v1alpha1.MoveMethod, wait string) {
	machine, entry := in.holderEntry()
	switch {
	case len(in.VMs) == 0 && in.AttachedTo == "":
		return v1alpha1.MoveCopy, ""
	case machine == nil || !machine.DeletionTimestamp.IsZero():
		return "", "waits until the machine that is being deleted has let go of the disk"
	case entry == nil:
		return "", fmt.Sprintf("waits for what WukongVM %s says about the disk", machine.Name)
	case entry.Attachment == v1alpha1.DiskAttached:
		return v1alpha1.MoveLive, ""
	case entry.Attachment == v1alpha1.DiskAttaching || entry.Attachment == v1alpha1.DiskDetaching:
		return "", fmt.Sprintf("waits until WukongVM %s has attached or detached the disk", machine.Name)
	case machine.Spec.PowerState == v1alpha1.PowerStopped, in.answer(model.ClaimsOf(in.Disk).Target) == v1alpha1.VMDiskMoveReleased:
		return v1alpha1.MoveCopy, ""
	default:
		return "", fmt.Sprintf("waits until WukongVM %s has the disk and runs, or is stopped by powerState", machine.Name)
	}
}

// holderEntry is the machine that has the disk, and what it says of it; nil when it does not exist, or says nothing.
func (in Inputs) holderEntry() (*v1alpha1.WukongVM, *v1alpha1.VMDiskStatus) {
	at := slices.IndexFunc(in.VMs, func(vm v1alpha1.WukongVM) bool { return vm.Name == in.AttachedTo })
	if at < 0 {
		return nil, nil
	}
	machine := &in.VMs[at]
	for i := range machine.Status.Disks {
		if machine.Status.Disks[i].DiskName == in.Disk.Name {
			return machine, &machine.Status.Disks[i]
		}
	}
	return machine, nil
}

// answer is what the machine says to the move to a target; empty when it speaks of another, or of none.
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

// asked tells whether status has told of the move already: what the machine says is an answer to that, and not to an earlier one.
func (in Inputs) asked(move *v1alpha1.DiskMove) bool {
	given := in.Disk.Status.Move
	return given != nil && given.TargetClaimName == move.TargetClaimName && given.Method == move.Method
}

// filled says why a target is not ready to be used. A class that binds at first use gives a blank claim to its first machine.
func filled(target *cdiv1.DataVolume) *diskstate.Problem {
	switch phase := target.Status.Phase; {
	case phase == cdiv1.Succeeded, isBlank(target) && (phase == cdiv1.WaitForFirstConsumer || phase == cdiv1.PendingPopulation):
		return nil
	}
	found := diskstate.Content(target)
	if found == nil || found.Phase != v1alpha1.DiskError {
		message := "DataVolume " + target.Name + " is being made"
		if percent := dvstate.Progress(target.Status.Progress); percent != nil {
			message = fmt.Sprintf("DataVolume %s is filled to %d %%", target.Name, *percent)
		}
		return diskstate.Pending(v1alpha1.ReasonMoving, "%s", message)
	}
	return found
}

// isBlank tells a target for a running machine from a clone.
func isBlank(target *cdiv1.DataVolume) bool {
	return target.Spec.Source == nil || target.Spec.Source.PVC == nil
}

func classOf(dataVolume *cdiv1.DataVolume) string {
	if dataVolume.Spec.Storage == nil {
		return ""
	}
	return ptr.Deref(dataVolume.Spec.Storage.StorageClassName, "")
}

func telling(move *v1alpha1.DiskMove, phase v1alpha1.MovePhase, message string) Decision {
	told := *move
	told.Phase = phase
	return Decision{Status: &told, Reason: v1alpha1.ReasonMoving, Message: message}
}

// creating adds the target when the time for it has come.
func (d Decision) creating(in Inputs, now bool) Decision {
	if now {
		d.Create = in.targetVolume(d.Status)
	}
	return d
}
