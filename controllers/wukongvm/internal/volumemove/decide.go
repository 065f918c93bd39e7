package volumemove

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// decide decides about one disk. It returns false when there is nothing to decide. The plan has the decisions about
// the disks before it.
func (p Plan) decide(disk *v1alpha1.WukongDisk, volume string, known []Handover) (Move, bool) {
	at := slices.IndexFunc(known, func(item Handover) bool { return item.Volume == volume && item.Disk == disk.Name })
	move := disk.Status.Move
	if move == nil {
		// The record remains until the next move, because its removal would be a write. The disk has moved, or reports
		// no claim for the moment.
		if at >= 0 && (known[at].To == disk.Status.ClaimName || disk.Status.ClaimName == "") {
			return Move{Handover: &known[at], Claim: known[at].To}, true
		}
		return Move{}, false
	}
	if move.Method == v1alpha1.MoveCopy {
		return p.copying(), true
	}
	if at >= 0 && known[at].From == disk.Status.ClaimName && known[at].To == move.TargetClaimName {
		return p.handedOver(disk, known[at]), true
	}
	return p.requested(disk, volume), true
}

// copying keeps the guest from starting while a disk is copied, see Copies. The answer is the lock: the copy begins
// when the WukongVM reports that it is stopped and has seen the move.
func (p Plan) copying() Move {
	if p.in.Instance != nil || p.in.Machine != nil && !p.in.Halted() {
		return Move{State: v1alpha1.VMDiskMoveRefused, Message: fmt.Sprintf("WukongVM %s is not stopped", p.in.VM.Name)}
	}
	return Move{State: v1alpha1.VMDiskMoveReleased}
}

// requested decides about a volume that KubeVirt was not given yet.
func (p Plan) requested(disk *v1alpha1.WukongDisk, volume string) Move {
	move := disk.Status.Move
	stay := Move{Claim: disk.Status.ClaimName}
	_, held := virt.TemplateDisk(p.in.Machine, volume)
	if held != nil && virt.ClaimOf(held) == move.TargetClaimName ||
		p.in.Machine == nil && move.Phase != v1alpha1.MovePreparing {
		return unrecorded(disk)
	}
	if p.instanceHas(volume, move.TargetClaimName) {
		stay.State, stay.Message = v1alpha1.VMDiskMoveMigrating, "KubeVirt is reverting the volume"
		return stay
	}
	if move.Phase == v1alpha1.MoveCancelling {
		stay.State = v1alpha1.VMDiskMoveWithdrawn
		return stay
	}
	if stay.Message = p.in.obstacle(disk, volume); stay.Message != "" {
		stay.State = v1alpha1.VMDiskMoveRefused
		return stay
	}
	stay.State = v1alpha1.VMDiskMoveAccepted
	if move.Phase != v1alpha1.MoveMigrating {
		return stay
	}
	if len(p.in.Machine.Status.StateChangeRequests) > 0 {
		stay.Message = "waits until KubeVirt has restarted the guest"
		return stay
	}
	if other := p.migratesOther(); other != "" {
		stay.Message = fmt.Sprintf("waits until volume %s has moved", other)
		return stay
	}
	if other := p.in.follows(volume); other != "" {
		stay.Message = fmt.Sprintf("waits until volume %s can move too", other)
		return stay
	}
	return Move{State: v1alpha1.VMDiskMoveMigrating, Claim: move.TargetClaimName, Handover: &Handover{
		Volume: volume, Disk: disk.Name, From: disk.Status.ClaimName, To: move.TargetClaimName, Instance: p.in.Instance.UID,
	}}
}

// unrecorded decides about a VirtualMachine that was given the new claim and has no record of it, or that was deleted
// with its record.
func unrecorded(disk *v1alpha1.WukongDisk) Move {
	item := Handover{From: disk.Status.ClaimName, To: disk.Status.Move.TargetClaimName}
	switch disk.Annotations[v1alpha1.AnnotationClaimInUse] {
	case item.To:
		return Move{State: v1alpha1.VMDiskMoveMoved, Claim: item.To}
	case item.From:
		return Move{State: v1alpha1.VMDiskMoveWithdrawn, Claim: item.From}
	default:
		return undecided(disk, item, nil)
	}
}

func undecided(disk *v1alpha1.WukongDisk, item Handover, kept *Handover) Move {
	return Move{State: v1alpha1.VMDiskMoveUndecided, Claim: item.To, Handover: kept, Message: fmt.Sprintf(
		"the guest ended during the move, and KubeVirt did not record whether the move had finished: inspect "+
			"PersistentVolumeClaim %s and %s, and name the one with the newest data: kubectl annotate wukongdisk %s %s=NAME",
		item.From, item.To, disk.Name, v1alpha1.AnnotationClaimInUse)}
}

// handedOver decides about a volume that KubeVirt was given. The new claim holds the disk only if the instance that
// had the old one reports it, or KubeVirt's own record of that instance; otherwise the old one does.
func (p Plan) handedOver(disk *v1alpha1.WukongDisk, item Handover) Move {
	underWay := Move{State: v1alpha1.VMDiskMoveMigrating, Claim: item.To, Handover: &item}
	// The next pass, which sees the VirtualMachine without the new claim, decides whether it is withdrawn.
	reverted := Move{State: v1alpha1.VMDiskMoveRefused, Claim: item.From,
		Message: "the guest stopped before its volume had moved"}
	if item.Done {
		return finished(item)
	}
	instance := p.in.Instance
	if instance == nil || instance.UID != item.Instance {
		return p.afterwards(disk, item, reverted)
	}
	claim, migrates := virt.VolumeOf(instance, item.Volume)
	switch refusal := p.in.RestartRequired(); {
	case claim == item.To && !migrates:
		return finished(item)
	case instance.IsFinal():
		return reverted
	case claim != item.From || migrates && p.in.Stall.state == notStalled:
		underWay.Message = migrationSays(instance)
		return underWay
	case migrates:
		return p.in.Stall.decide(item)
	case refusal != "":
		reverted.Message = "KubeVirt refuses: " + refusal
		return reverted
	case disk.Status.Move.Phase == v1alpha1.MoveCancelling && len(instance.Status.MigratedVolumes) == 0:
		// The next pass sees whether KubeVirt took the volume at this very moment.
		return Move{State: v1alpha1.VMDiskMoveMigrating, Claim: item.From, Message: "the volume is being reverted"}
	default:
		underWay.Message = migrationSays(instance)
		return underWay
	}
}

func finished(item Handover) Move {
	item.Done = true
	return Move{State: v1alpha1.VMDiskMoveMoved, Claim: item.To, Handover: &item}
}

// afterwards decides when the instance is gone. KubeVirt copies the instance's condition VolumesChange to the
// VirtualMachine and keeps it there after the instance, sets ManualRecoveryRequired then, and lists the volumes of the
// last migration (pkg/virt-controller/watch/vm/vm.go, syncVolumeMigration).
func (p Plan) afterwards(disk *v1alpha1.WukongDisk, item Handover, reverted Move) Move {
	named := disk.Annotations[v1alpha1.AnnotationClaimInUse]
	const changing = kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)
	switch {
	case named == item.To:
		return finished(item)
	case named == item.From, virt.HasCondition(p.in.Machine, kubevirtv1.VirtualMachineManualRecoveryRequired),
		p.in.Running() == nil && virt.HasCondition(p.in.Machine, changing):
		return reverted
	case recorded(p.in.Machine, item):
		return finished(item)
	default:
		return undecided(disk, item, &item)
	}
}

// recorded reports whether KubeVirt lists the volume as migrated. The caller has checked that KubeVirt does not report
// an interruption.
func recorded(virtualMachine *kubevirtv1.VirtualMachine, item Handover) bool {
	state := virtualMachine.Status.VolumeUpdateState
	if state == nil || state.VolumeMigrationState == nil {
		return false
	}
	return slices.ContainsFunc(state.VolumeMigrationState.MigratedVolumes,
		func(volume kubevirtv1.StorageMigratedVolumeInfo) bool {
			return volume.VolumeName == item.Volume && volume.SourcePVCInfo != nil &&
				volume.SourcePVCInfo.ClaimName == item.From &&
				volume.DestinationPVCInfo != nil && volume.DestinationPVCInfo.ClaimName == item.To
		})
}

func (p Plan) instanceHas(volume, claim string) bool {
	instance := p.in.Running()
	if instance == nil {
		return false
	}
	has, migrates := virt.VolumeOf(instance, volume)
	return has == claim || migrates
}

// migratesOther returns a volume that KubeVirt was given and has not finished, or "": it accepts no second one
// meanwhile, and loses the first when it gets one. Volumes that this plan hands over migrate together.
func (p Plan) migratesOther() string {
	earlier := Handovers(p.in.Machine)
	for _, name := range slices.Sorted(maps.Keys(p.moves)) {
		if item := p.moves[name].Handover; item != nil && !item.Done && slices.Contains(earlier, *item) {
			return item.Volume
		}
	}
	if instance := p.in.Running(); instance != nil && len(instance.Status.MigratedVolumes) > 0 {
		return instance.Status.MigratedVolumes[0].VolumeName
	}
	return ""
}

// migrationSays returns what prevents the end of a volume migration: KubeVirt's refusal, or the error of its last
// attempt.
func migrationSays(instance *kubevirtv1.VirtualMachineInstance) string {
	condition := virt.Condition(instance, kubevirtv1.VirtualMachineInstanceVolumesChange)
	if condition == nil {
		return ""
	}
	if condition.Status == corev1.ConditionFalse {
		return condition.Message
	}
	last := instance.Status.MigrationState
	if last == nil || !last.Failed || last.EndTimestamp == nil || last.EndTimestamp.Before(&condition.LastTransitionTime) {
		return ""
	}
	return fmt.Sprintf("KubeVirt's last migration attempt failed and is retried: %s; to copy the disk instead, stop the "+
		"WukongVM", cmp.Or(last.FailureReason, "KubeVirt does not report why"))
}
