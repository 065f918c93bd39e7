package wukongvm

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// handover is a volume that was given to KubeVirt to migrate. It stands in an annotation of the VirtualMachine, written in one request with
// the new claim, so that the two are never apart.
type handover struct {
	// Volume is the name in the VirtualMachine, Disk the WukongDisk.
	Volume string `json:"volume"`
	Disk   string `json:"disk"`
	From   string `json:"from"`
	To     string `json:"to"`
	// Instance is the one that ran when the volume was given away. Another instance that has the new claim did not get there by a
	// migration: it started on it, and the claim may be empty.
	Instance types.UID `json:"instance"`
	// Done: the new claim has all that the guest wrote.
	Done bool `json:"done,omitempty"`
}

// handoversOf reads the annotation. A broken one reads as none, and shows as undecided moves at the worst.
func handoversOf(machine *kubevirtv1.VirtualMachine) []handover {
	var list []handover
	if machine != nil {
		_ = json.Unmarshal([]byte(machine.Annotations[v1alpha1.AnnotationMoves]), &list)
	}
	return list
}

func encodeHandovers(list []handover) map[string]string {
	if len(list) == 0 {
		return nil
	}
	body, _ := json.Marshal(list) // strings and booleans always encode
	return map[string]string{v1alpha1.AnnotationMoves: string(body)}
}

// handovers are what the VirtualMachine is to have a record of.
func (o *observation) handovers() []handover {
	var list []handover
	for _, name := range sortedKeys(o.moves) {
		if item := o.moves[name].handover; item != nil {
			list = append(list, *item)
		}
	}
	return list
}

// volumeMove is what the machine does about the move of a disk.
type volumeMove struct {
	state   v1alpha1.VMDiskMoveState
	message string
	// claim is what the VirtualMachine has; empty leaves it to the disk.
	claim string
	// handover is kept in the VirtualMachine, or nil.
	handover *handover
}

// resolveMoves decides about the moves of all disks of the machine, those that leave it included.
func (o *observation) resolveMoves(vm *v1alpha1.WukongVM) {
	o.moves = map[string]volumeMove{}
	known := handoversOf(o.Machine)
	volumes := map[string]string{}
	for i := range vm.Spec.Disks {
		if name := index.DiskName(vm, &vm.Spec.Disks[i]); name != "" {
			volumes[name] = vm.Spec.Disks[i].Name
		}
	}
	for i := range known {
		if _, listed := volumes[known[i].Disk]; !listed {
			volumes[known[i].Disk] = known[i].Volume
		}
	}
	// Those that were given to KubeVirt go first: the others wait for them.
	names := make([]string, 0, len(volumes))
	for name := range volumes {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(one, two string) int { return cmp.Compare(rankOf(known, two), rankOf(known, one)) })
	for _, name := range names {
		disk := o.disks[name]
		if disk == nil || disk.Status.AttachedTo != vm.Name {
			continue
		}
		if decided, ok := o.resolveMove(vm, disk, volumes[name], known); ok {
			o.moves[name] = decided
		}
	}
	// A record goes when the machine has the claim no more, not because its disk says nothing for the moment.
	for i := range known {
		if _, decided := o.moves[known[i].Disk]; !decided && o.HasClaim(known[i].To) {
			o.moves[known[i].Disk] = volumeMove{handover: &known[i]}
		}
	}
}

func rankOf(known []handover, disk string) int {
	if slices.ContainsFunc(known, func(item handover) bool { return item.Disk == disk && !item.Done }) {
		return 1
	}
	return 0
}

func (o *observation) resolveMove(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, volume string, known []handover) (volumeMove, bool) {
	at := slices.IndexFunc(known, func(item handover) bool { return item.Volume == volume && item.Disk == disk.Name })
	move := disk.Status.Move
	if move == nil {
		// The record stays until the next move, because taking it away would be a write. The disk has moved, or says nothing for the moment.
		if at >= 0 && (known[at].To == disk.Status.ClaimName || disk.Status.ClaimName == "") {
			return volumeMove{handover: &known[at], claim: known[at].To}, true
		}
		return volumeMove{}, false
	}
	if move.Method == v1alpha1.MoveCopy {
		return o.resolveCopy(vm), true
	}
	if at >= 0 && known[at].From == disk.Status.ClaimName && known[at].To == move.TargetClaimName {
		return o.resolveHandover(disk, known[at]), true
	}
	return o.resolveRequest(vm, disk, volume), true
}

// resolveCopy: the machine is kept from starting while a disk is copied, see heldBack. What it says here is the lock: the copy begins
// when the machine says that it is stopped and has seen the move.
func (o *observation) resolveCopy(vm *v1alpha1.WukongVM) volumeMove {
	if o.Instance != nil || o.Machine != nil && !o.halted() {
		return volumeMove{state: v1alpha1.VMDiskMoveRefused, message: fmt.Sprintf("WukongVM %s is not stopped", vm.Name)}
	}
	return volumeMove{state: v1alpha1.VMDiskMoveReleased}
}

// resolveRequest is about a volume that KubeVirt has not been given.
func (o *observation) resolveRequest(vm *v1alpha1.WukongVM, disk *v1alpha1.WukongDisk, volume string) volumeMove {
	move := disk.Status.Move
	stay := volumeMove{claim: disk.Status.ClaimName}
	_, held := virt.TemplateDisk(o.Machine, volume)
	if held != nil && virt.ClaimOf(held) == move.TargetClaimName || o.Machine == nil && move.Phase != v1alpha1.MovePreparing {
		return o.unrecorded(disk)
	}
	if o.instanceHas(volume, move.TargetClaimName) {
		stay.state, stay.message = v1alpha1.VMDiskMoveMigrating, "KubeVirt takes the volume back"
		return stay
	}
	if move.Phase == v1alpha1.MoveCancelling {
		stay.state = v1alpha1.VMDiskMoveWithdrawn
		return stay
	}
	if stay.message = o.moveObstacle(vm, disk, volume); stay.message != "" {
		stay.state = v1alpha1.VMDiskMoveRefused
		return stay
	}
	stay.state = v1alpha1.VMDiskMoveAccepted
	if move.Phase != v1alpha1.MoveMigrating {
		return stay
	}
	if other := o.migratesOther(); other != "" {
		stay.message = fmt.Sprintf("waits until volume %s has moved", other)
		return stay
	}
	if other := o.follows(vm, volume); other != "" {
		stay.message = fmt.Sprintf("waits until volume %s can move too", other)
		return stay
	}
	return volumeMove{state: v1alpha1.VMDiskMoveMigrating, claim: move.TargetClaimName, handover: &handover{
		Volume: volume, Disk: disk.Name, From: disk.Status.ClaimName, To: move.TargetClaimName, Instance: o.Instance.UID,
	}}
}

// unrecorded is about a VirtualMachine that was given the new claim and has no record of it, or that is gone with its record.
func (o *observation) unrecorded(disk *v1alpha1.WukongDisk) volumeMove {
	item := handover{From: disk.Status.ClaimName, To: disk.Status.Move.TargetClaimName}
	switch disk.Annotations[v1alpha1.AnnotationClaimInUse] {
	case item.To:
		return volumeMove{state: v1alpha1.VMDiskMoveMoved, claim: item.To}
	case item.From:
		return volumeMove{state: v1alpha1.VMDiskMoveWithdrawn, claim: item.From}
	default:
		return undecided(disk, item, nil)
	}
}

func undecided(disk *v1alpha1.WukongDisk, item handover, kept *handover) volumeMove {
	return volumeMove{state: v1alpha1.VMDiskMoveUndecided, claim: item.To, handover: kept, message: fmt.Sprintf(
		"the machine ended while its disk moved, and KubeVirt has no record of whether it had finished: look at PersistentVolumeClaim %s and %s, "+
			"and name the one with the newest data: kubectl annotate wukongdisk %s %s=NAME",
		item.From, item.To, disk.Name, v1alpha1.AnnotationClaimInUse)}
}

// resolveHandover finds out what became of a volume that KubeVirt was given. The new claim is the truth only when the instance that had the old
// one says so, or KubeVirt's own record of it; otherwise the old one is.
func (o *observation) resolveHandover(disk *v1alpha1.WukongDisk, item handover) volumeMove {
	finished := func() volumeMove {
		item.Done = true
		return volumeMove{state: v1alpha1.VMDiskMoveMoved, claim: item.To, handover: &item}
	}
	underWay := volumeMove{state: v1alpha1.VMDiskMoveMigrating, claim: item.To, handover: &item}
	// The next pass, which sees the VirtualMachine without the new claim, says whether it is withdrawn.
	takenBack := volumeMove{state: v1alpha1.VMDiskMoveRefused, claim: item.From, message: "the machine stopped before its volume had moved"}
	if item.Done {
		return finished()
	}
	if instance := o.Instance; instance != nil && instance.UID == item.Instance {
		claim, migrates := volumeOf(instance, item.Volume)
		switch {
		case claim == item.To && !migrates:
			return finished()
		case instance.IsFinal():
			return takenBack
		case claim != item.From || migrates && o.stall.state == notStalled:
			underWay.message = migrationSays(instance)
			return underWay
		case migrates:
			return o.resolveStall(item)
		case restartRequired(o.Machine) != "":
			takenBack.message = "KubeVirt refuses: " + restartRequired(o.Machine)
			return takenBack
		case disk.Status.Move.Phase == v1alpha1.MoveCancelling && len(instance.Status.MigratedVolumes) == 0:
			// Whether KubeVirt took the volume at this very moment is seen in the next pass.
			return volumeMove{state: v1alpha1.VMDiskMoveMigrating, claim: item.From, message: "the volume is taken back"}
		default:
			underWay.message = migrationSays(instance)
			return underWay
		}
	}
	return o.afterwards(disk, item, finished, takenBack)
}

// afterwards decides when the instance is gone. KubeVirt copies the instance's condition VolumesChange to the VirtualMachine and leaves it
// there when the instance is gone, asks for ManualRecoveryRequired then, and lists the volumes of the last migration
// (pkg/virt-controller/watch/vm/vm.go, syncVolumeMigration).
func (o *observation) afterwards(disk *v1alpha1.WukongDisk, item handover, finished func() volumeMove, takenBack volumeMove) volumeMove {
	word := disk.Annotations[v1alpha1.AnnotationClaimInUse]
	switch {
	case word == item.To:
		return finished()
	case word == item.From, virt.HasCondition(o.Machine, kubevirtv1.VirtualMachineManualRecoveryRequired),
		o.Running() == nil && virt.HasCondition(o.Machine, kubevirtv1.VirtualMachineConditionType(kubevirtv1.VirtualMachineInstanceVolumesChange)):
		return takenBack
	case recorded(o.Machine, item):
		return finished()
	default:
		return undecided(disk, item, &item)
	}
}

// recorded tells whether KubeVirt lists the volume among those that it migrated, and, as the caller made sure, does not say that it broke off.
func recorded(machine *kubevirtv1.VirtualMachine, item handover) bool {
	state := machine.Status.VolumeUpdateState
	if state == nil || state.VolumeMigrationState == nil {
		return false
	}
	return slices.ContainsFunc(state.VolumeMigrationState.MigratedVolumes, func(volume kubevirtv1.StorageMigratedVolumeInfo) bool {
		return volume.VolumeName == item.Volume && volume.SourcePVCInfo != nil && volume.SourcePVCInfo.ClaimName == item.From &&
			volume.DestinationPVCInfo != nil && volume.DestinationPVCInfo.ClaimName == item.To
	})
}

// volumeOf is the claim of a volume as the instance's spec has it, and whether it migrates. KubeVirt lists a volume in migratedVolumes before
// it changes the spec, and takes it off the list when the guest writes to the new claim only (pkg/virt-controller/watch/volume-migration,
// pkg/virt-handler/migration-target.go).
func volumeOf(instance *kubevirtv1.VirtualMachineInstance, name string) (claim string, migrates bool) {
	for i := range instance.Spec.Volumes {
		if instance.Spec.Volumes[i].Name == name {
			claim = virt.ClaimOf(&instance.Spec.Volumes[i])
		}
	}
	return claim, slices.ContainsFunc(instance.Status.MigratedVolumes, func(volume kubevirtv1.StorageMigratedVolumeInfo) bool {
		return volume.VolumeName == name
	})
}

func (o *observation) instanceHas(volume, claim string) bool {
	instance := o.Running()
	if instance == nil {
		return false
	}
	has, migrates := volumeOf(instance, volume)
	return has == claim || migrates
}

// migratesOther is a volume that KubeVirt has been given and has not finished: it takes no second one meanwhile, and loses the first when it
// gets one.
func (o *observation) migratesOther() string {
	for _, name := range sortedKeys(o.moves) {
		if item := o.moves[name].handover; item != nil && !item.Done && o.machineMigrates(item) {
			return item.Volume
		}
	}
	if instance := o.Running(); instance != nil && len(instance.Status.MigratedVolumes) > 0 {
		return instance.Status.MigratedVolumes[0].VolumeName
	}
	return ""
}

// machineMigrates tells a volume that was given away in an earlier pass from one that this pass gives away: those of one pass go together.
func (o *observation) machineMigrates(item *handover) bool {
	return slices.ContainsFunc(handoversOf(o.Machine), func(other handover) bool { return other == *item })
}

func sortedKeys[V any](of map[string]V) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// migrationSays is what keeps a migration of volumes from its end: KubeVirt's refusal, or how its last attempt failed.
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
	return fmt.Sprintf("KubeVirt's last attempt to migrate the machine failed, and it tries again: %s; stop the machine, and the disk is copied",
		cmp.Or(last.FailureReason, "it does not say why"))
}

// restartRequired is KubeVirt's reason to do nothing more to the machine before it starts anew; empty without one.
func restartRequired(machine *kubevirtv1.VirtualMachine) string {
	for _, condition := range machine.Status.Conditions {
		if condition.Type == kubevirtv1.VirtualMachineRestartRequired && condition.Status == corev1.ConditionTrue {
			return cmp.Or(condition.Message, condition.Reason, "it asks for a restart")
		}
	}
	return ""
}
