package wukongdisk

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
)

// moveDecision is what a pass does about the move of a disk. The zero value is a disk that is where it shall be.
type moveDecision struct {
	// status is status.move; nil keeps nobody from anything.
	status *v1alpha1.DiskMove
	// reason and message of the condition StorageMoved; no reason, no condition.
	reason, message string
	// create is the target to make, remove the one to take away, finish lets it take the place of the current claim. At most one is set.
	create, remove *cdiv1.DataVolume
	finish         bool
	// again: the next step needs nothing but that status tells of this one.
	again bool
}

// locked tells whether no machine may have the disk.
func (d *moveDecision) locked() bool { return d.status != nil && d.status.Method == v1alpha1.MoveCopy }

// undecided tells whether only a person can say which claim holds the disk.
func (d *moveDecision) undecided() bool { return d.reason == v1alpha1.ReasonMoveUndecided }

// maxTarget leaves room for the hyphen and eight digits.
const maxTarget = 253 - 9

// targetName is the claim that a disk moves to, from a claim and to a class. The claim that it comes from is part of it, so that no move of a
// disk has the name of an earlier one: what KubeVirt remembers of one is never taken for another.
func targetName(disk *v1alpha1.WukongDisk, class, from string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{class, string(disk.UID), from}, "\x00")))
	prefix := strings.TrimRight(disk.Name[:min(len(disk.Name), maxTarget)], "-.")
	return prefix + "-" + hex.EncodeToString(sum[:4])
}

// decideMove says what is next, from what exists and what the machine answers.
func decideMove(disk *v1alpha1.WukongDisk, observed *observation) moveDecision {
	switch {
	case disk.AdoptsClaim(), !disk.DeletionTimestamp.IsZero() && (observed.copies.target == nil || !isBlank(observed.copies.target)):
		return moveDecision{}
	case observed.copies.target == nil:
		return withoutTarget(disk, observed)
	case isBlank(observed.copies.target):
		return withLiveTarget(disk, observed)
	default:
		return withCopyTarget(disk, observed)
	}
}

// otherClass is the class that the disk is to move to; empty when it is there, or cannot say yet. Without a class in spec it stays where it is,
// whatever becomes the default.
func otherClass(disk *v1alpha1.WukongDisk, observed *observation) string {
	class := ptr.Deref(disk.Spec.StorageClassName, "")
	if class == "" || observed.claim == nil || !observed.ownsClaim(disk) || ptr.Deref(observed.claim.Spec.StorageClassName, "") == class {
		return ""
	}
	return class
}

// withoutTarget: nothing is begun, and all of it may still be changed.
func withoutTarget(disk *v1alpha1.WukongDisk, observed *observation) moveDecision {
	class := otherClass(disk, observed)
	if given := disk.Status.Move; given != nil && targetLost(disk, observed, given) {
		return telling(given, v1alpha1.MoveCancelling, "DataVolume "+given.TargetClaimName+" is gone: the machine is taken off it")
	}
	if class == "" {
		return moveDecision{}
	}
	if found := moveObstacle(disk, observed, class); found != nil {
		return moveDecision{reason: found.reason, message: found.message}
	}
	method, wait := moveMethod(disk, observed)
	move := &v1alpha1.DiskMove{
		TargetClaimName: targetName(disk, class, observed.claimName(disk)), TargetStorageClassName: class, Method: method, Phase: v1alpha1.MovePreparing,
	}
	if wait != "" {
		return moveDecision{reason: v1alpha1.ReasonMoving, message: wait}
	}
	machine, entry := holderEntry(disk, observed)
	said := answer(observed, move.TargetClaimName)
	switch {
	case observed.targetClaim != nil:
		return telling(move, v1alpha1.MovePreparing, fmt.Sprintf("PersistentVolumeClaim %s, which has the name that the disk moves to, must go first", move.TargetClaimName))
	case method == v1alpha1.MoveCopy && machine == nil:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("PersistentVolumeClaim %s is about to be copied to %s", observed.claimName(disk), move.TargetClaimName))
		decision.again = !asked(disk, move)
		return decision.creating(disk, observed, asked(disk, move))
	case method == v1alpha1.MoveCopy:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("waits until WukongVM %s does not start any more, to copy the disk", machine.Name))
		return decision.creating(disk, observed, asked(disk, move) && said == v1alpha1.VMDiskMoveReleased)
	case said == v1alpha1.VMDiskMoveRefused:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("WukongVM %s: %s", machine.Name, entry.Move.Message))
		decision.reason = v1alpha1.ReasonMoveUnsupported
		return decision
	default:
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("asks WukongVM %s to migrate the volume", machine.Name))
		return decision.creating(disk, observed, asked(disk, move) && said == v1alpha1.VMDiskMoveAccepted)
	}
}

// targetLost tells whether someone deleted the target while the machine may have it.
func targetLost(disk *v1alpha1.WukongDisk, observed *observation, given *v1alpha1.DiskMove) bool {
	if given.Method != v1alpha1.MoveLive || given.Phase == v1alpha1.MovePreparing || given.TargetClaimName == observed.claimName(disk) {
		return false
	}
	said := answer(observed, given.TargetClaimName)
	return said != "" && said != v1alpha1.VMDiskMoveWithdrawn
}

// withLiveTarget: there is a blank claim for the running machine. It is the machine's from the phase Migrating on.
func withLiveTarget(disk *v1alpha1.WukongDisk, observed *observation) moveDecision {
	target := observed.copies.target
	move := &v1alpha1.DiskMove{
		TargetClaimName: target.Name, TargetStorageClassName: classOf(target), Method: v1alpha1.MoveLive, Phase: v1alpha1.MoveMigrating,
	}
	if asked(disk, move) {
		move.Phase = disk.Status.Move.Phase
	}
	wanted := target.DeletionTimestamp.IsZero() && target.Name == targetName(disk, ptr.Deref(disk.Spec.StorageClassName, ""), observed.claimName(disk))
	if move.Phase == v1alpha1.MovePreparing {
		return preparing(disk, observed, move, wanted)
	}
	said := answer(observed, target.Name)
	machine, entry := holderEntry(disk, observed)
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
		decision.finish = true
		return decision
	case v1alpha1.VMDiskMoveUndecided:
		decision := telling(move, move.Phase, words)
		decision.reason = v1alpha1.ReasonMoveUndecided
		return decision
	case v1alpha1.VMDiskMoveWithdrawn:
		if move.Phase == v1alpha1.MoveCancelling {
			return moveDecision{status: nil, reason: v1alpha1.ReasonMoving, message: "DataVolume " + target.Name + " is taken away again", remove: target}
		}
	case v1alpha1.VMDiskMoveRefused:
		decision := telling(move, v1alpha1.MoveCancelling, fmt.Sprintf("WukongVM %s: %s", name, words))
		decision.reason = v1alpha1.ReasonMoveUnsupported
		return decision
	}
	if name == "" {
		return orphaned(disk, observed, move)
	}
	if !wanted {
		return telling(move, v1alpha1.MoveCancelling, fmt.Sprintf(
			"spec.storageClassName changed again: what WukongVM %s has begun is finished first, else given up, and then the disk moves on", name))
	}
	return telling(move, move.Phase, strings.TrimSuffix(fmt.Sprintf("WukongVM %s migrates the volume to PersistentVolumeClaim %s: %s", name, target.Name, words), ": "))
}

// preparing: no machine touches the target yet.
func preparing(disk *v1alpha1.WukongDisk, observed *observation, move *v1alpha1.DiskMove, wanted bool) moveDecision {
	target := observed.copies.target
	method, wait := moveMethod(disk, observed)
	if !wanted || wait != "" || method != v1alpha1.MoveLive {
		return moveDecision{reason: v1alpha1.ReasonMoving, message: "DataVolume " + target.Name + " is taken away again, because the disk or its machine changed", remove: target}
	}
	machine, entry := holderEntry(disk, observed)
	if answer(observed, target.Name) == v1alpha1.VMDiskMoveRefused {
		decision := telling(move, v1alpha1.MovePreparing, fmt.Sprintf("WukongVM %s: %s", machine.Name, entry.Move.Message))
		decision.reason = v1alpha1.ReasonMoveUnsupported
		return decision
	}
	if found := filled(target); found != nil {
		decision := telling(move, v1alpha1.MovePreparing, found.message)
		decision.reason = found.reason
		return decision
	}
	return telling(move, v1alpha1.MoveMigrating, fmt.Sprintf("WukongVM %s is to migrate the volume to PersistentVolumeClaim %s", machine.Name, target.Name))
}

// orphaned: the machine that was given the target is gone, with its answer.
func orphaned(disk *v1alpha1.WukongDisk, observed *observation, move *v1alpha1.DiskMove) moveDecision {
	decision := telling(move, move.Phase, "")
	switch word := disk.Annotations[v1alpha1.AnnotationClaimInUse]; {
	case observed.holder != "":
		decision.message = fmt.Sprintf("waits for what WukongVM %s says about the move", observed.holder)
	case word == move.TargetClaimName:
		decision.finish = true
	case word == observed.claimName(disk):
		return moveDecision{reason: v1alpha1.ReasonMoving, message: "DataVolume " + move.TargetClaimName + " is taken away", remove: observed.copies.target}
	default:
		decision.reason = v1alpha1.ReasonMoveUndecided
		decision.message = fmt.Sprintf("the machine was deleted while the disk moved: look at PersistentVolumeClaim %s and %s, and name the one with the newest data: "+
			"kubectl annotate wukongdisk %s %s=NAME", observed.claimName(disk), move.TargetClaimName, disk.Name, v1alpha1.AnnotationClaimInUse)
	}
	return decision
}

// withCopyTarget: CDI clones the current claim, which nobody has meanwhile.
func withCopyTarget(disk *v1alpha1.WukongDisk, observed *observation) moveDecision {
	target := observed.copies.target
	move := &v1alpha1.DiskMove{TargetClaimName: target.Name, TargetStorageClassName: classOf(target), Method: v1alpha1.MoveCopy}
	remove := func(why string) moveDecision {
		// The lock goes with the target: a guest may write to the current claim from then on, and the copy would miss it.
		decision := telling(move, v1alpha1.MoveCopying, fmt.Sprintf("DataVolume %s is taken away again, because %s", target.Name, why))
		decision.remove = target
		return decision
	}
	machine, entry := holderEntry(disk, observed)
	switch {
	case !target.DeletionTimestamp.IsZero():
		return telling(move, v1alpha1.MoveCopying, fmt.Sprintf("waits until DataVolume %s is gone", target.Name))
	case target.Name != targetName(disk, ptr.Deref(disk.Spec.StorageClassName, ""), observed.claimName(disk)):
		return remove("spec.storageClassName changed again")
	case entry != nil && entry.Attachment != "" && entry.Attachment != v1alpha1.DiskWaiting:
		return remove(fmt.Sprintf("WukongVM %s has the disk", machine.Name))
	}
	if found := filled(target); found != nil {
		decision := telling(move, v1alpha1.MoveCopying, fmt.Sprintf("PersistentVolumeClaim %s is being copied: %s", observed.claimName(disk), found.message))
		decision.reason = found.reason
		return decision
	}
	if found := bound(observed.targetClaim); found != nil {
		return telling(move, v1alpha1.MoveCopying, found.message)
	}
	decision := telling(move, v1alpha1.MoveCopying, "")
	decision.finish = true
	return decision
}

// moveObstacle says why a move cannot begin, whatever the machine does.
func moveObstacle(disk *v1alpha1.WukongDisk, observed *observation, class string) *problem {
	switch {
	case !complete(disk, observed):
		return pending(v1alpha1.ReasonMoving, "the disk moves to StorageClass %s when it is filled", class)
	case !observed.classFound:
		return failed(v1alpha1.ReasonStorageClassMissing, "the disk stays where it is: StorageClass %s does not exist; create it, or set storageClassName back to %s",
			class, ptr.Deref(observed.claim.Spec.StorageClassName, ""))
	case ptr.Deref(disk.Spec.Shared, false):
		return failed(v1alpha1.ReasonMoveUnsupported, "a disk that several machines share cannot move: set spec.shared to false when one machine has it, "+
			"or set storageClassName back to %s", ptr.Deref(observed.claim.Spec.StorageClassName, ""))
	case observed.dataVolume == nil:
		return failed(v1alpha1.ReasonMoveUnsupported, "CDI collected DataVolume %s as garbage, and Wukong deletes no claim but with its DataVolume: "+
			"the old one would stay; make a WukongDisk that is a clone of this one, or set storageClassName back to %s",
			observed.claimName(disk), ptr.Deref(observed.claim.Spec.StorageClassName, ""))
	case claimGrows(observed.claim) != nil, observed.growth != nil && expansionUnsupported(disk, observed) == nil:
		return pending(v1alpha1.ReasonMoving, "the disk moves to StorageClass %s when it has grown", class)
	default:
		return nil
	}
}

// moveMethod says how a disk can move now, or what that waits for.
func moveMethod(disk *v1alpha1.WukongDisk, observed *observation) (method v1alpha1.MoveMethod, wait string) {
	machine, entry := holderEntry(disk, observed)
	switch {
	case len(observed.machines) == 0 && observed.holder == "":
		return v1alpha1.MoveCopy, ""
	case machine == nil || !machine.DeletionTimestamp.IsZero():
		return "", "waits until the machine that is being deleted has let go of the disk"
	case entry == nil:
		return "", fmt.Sprintf("waits for what WukongVM %s says about the disk", machine.Name)
	case entry.Attachment == v1alpha1.DiskAttached:
		return v1alpha1.MoveLive, ""
	case entry.Attachment == v1alpha1.DiskAttaching || entry.Attachment == v1alpha1.DiskDetaching:
		return "", fmt.Sprintf("waits until WukongVM %s has attached or detached the disk", machine.Name)
	case machine.Spec.PowerState == v1alpha1.PowerStopped, answer(observed, askedTarget(disk)) == v1alpha1.VMDiskMoveReleased:
		return v1alpha1.MoveCopy, ""
	default:
		return "", fmt.Sprintf("waits until WukongVM %s has the disk and runs, or is stopped by powerState", machine.Name)
	}
}

// holderEntry is the machine that has the disk, and what it says of it; nil when it does not exist, or says nothing.
func holderEntry(disk *v1alpha1.WukongDisk, observed *observation) (*v1alpha1.WukongVM, *v1alpha1.VMDiskStatus) {
	at := slices.IndexFunc(observed.machines, func(vm v1alpha1.WukongVM) bool { return vm.Name == observed.holder })
	if at < 0 {
		return nil, nil
	}
	machine := &observed.machines[at]
	for i := range machine.Status.Disks {
		if machine.Status.Disks[i].DiskName == disk.Name {
			return machine, &machine.Status.Disks[i]
		}
	}
	return machine, nil
}

// answer is what the machine says to the move to a target; empty when it speaks of another, or of none.
func answer(observed *observation, target string) v1alpha1.VMDiskMoveState {
	for i := range observed.machines {
		if observed.machines[i].Name != observed.holder {
			continue
		}
		for _, entry := range observed.machines[i].Status.Disks {
			if entry.Move != nil && entry.Move.TargetClaimName == target && target != "" {
				return entry.Move.State
			}
		}
	}
	return ""
}

func askedTarget(disk *v1alpha1.WukongDisk) string {
	if disk.Status.Move == nil {
		return ""
	}
	return disk.Status.Move.TargetClaimName
}

// asked tells whether status has told of the move already: what the machine says is an answer to that, and not to an earlier one.
func asked(disk *v1alpha1.WukongDisk, move *v1alpha1.DiskMove) bool {
	given := disk.Status.Move
	return given != nil && given.TargetClaimName == move.TargetClaimName && given.Method == move.Method
}

// filled says why a target is not ready to be used. A class that binds at first use gives a blank claim to its first machine.
func filled(target *cdiv1.DataVolume) *problem {
	switch phase := target.Status.Phase; {
	case phase == cdiv1.Succeeded, isBlank(target) && (phase == cdiv1.WaitForFirstConsumer || phase == cdiv1.PendingPopulation):
		return nil
	}
	found := content(target)
	if found == nil || found.phase != v1alpha1.DiskError {
		message := "DataVolume " + target.Name + " is being made"
		if percent := dvstate.Progress(target.Status.Progress); percent != nil {
			message = fmt.Sprintf("DataVolume %s is filled to %d %%", target.Name, *percent)
		}
		return pending(v1alpha1.ReasonMoving, "%s", message)
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

func telling(move *v1alpha1.DiskMove, phase v1alpha1.MovePhase, message string) moveDecision {
	told := *move
	told.Phase = phase
	return moveDecision{status: &told, reason: v1alpha1.ReasonMoving, message: message}
}

// creating adds the target when the time for it has come.
func (d moveDecision) creating(disk *v1alpha1.WukongDisk, observed *observation, now bool) moveDecision {
	if now {
		d.create = targetVolume(disk, observed, d.status)
	}
	return d
}
