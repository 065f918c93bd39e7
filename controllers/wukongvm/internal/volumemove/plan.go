package volumemove

import (
	"cmp"
	"maps"
	"slices"

	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// EnoughNodes is how many nodes a migration needs: a source and a target.
const EnoughNodes = 2

// Inputs are the facts that decide about the moves of a WukongVM's disks.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// Disks are the WukongDisks of the WukongVM by name, including those that are being detached; nil for one that does
	// not exist.
	Disks map[string]*v1alpha1.WukongDisk
	Stall Stall
	// Nodes is how many nodes guests can run on, up to EnoughNodes. It is known only when a disk asks for a live move
	// (see AsksForNodes).
	Nodes int
}

// Move is what the WukongVM does for the move of a disk.
type Move struct {
	// State and Message are the answer to the disk's controller; empty without one.
	State   v1alpha1.VMDiskMoveState
	Message string
	// Claim is the claim for the VirtualMachine; empty leaves it to the disk.
	Claim string
	// Handover is the record to keep in the VirtualMachine, or nil.
	Handover *Handover
}

// migrates reports whether KubeVirt has the volume, or gets it now, and has not finished.
func (m Move) migrates() bool {
	return m.Handover != nil && !m.Handover.Done && m.State == v1alpha1.VMDiskMoveMigrating
}

// Plan holds the decisions about all disks of a WukongVM. The zero value has none.
type Plan struct {
	in    Inputs
	moves map[string]Move
}

// Make decides about the moves of all disks of the WukongVM, including those that are being detached.
func Make(in Inputs) Plan {
	plan := Plan{in: in, moves: map[string]Move{}}
	known := Handovers(in.Machine)
	volumes := in.volumes(known)
	names := slices.Sorted(maps.Keys(volumes))
	// The volumes that KubeVirt was given come first: the others wait for them.
	rank := func(disk string) int {
		given := func(item Handover) bool { return item.Disk == disk && !item.Done }
		if slices.ContainsFunc(known, given) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(names, func(one, two string) int { return cmp.Compare(rank(one), rank(two)) })
	for _, name := range names {
		disk := in.Disks[name]
		if disk == nil || disk.Status.AttachedTo != in.VM.Name {
			continue
		}
		if decided, ok := plan.decide(disk, volumes[name], known); ok {
			plan.moves[name] = decided
		}
	}
	// A record is dropped when the VirtualMachine no longer has the claim, but not because its disk reports no move for
	// the moment.
	for i := range known {
		if _, decided := plan.moves[known[i].Disk]; !decided && in.HasClaim(known[i].To) {
			plan.moves[known[i].Disk] = Move{Handover: &known[i]}
		}
	}
	return plan
}

// volumes returns the names in the VirtualMachine of the disks that spec lists or that KubeVirt was given, by the name
// of the WukongDisk.
func (in Inputs) volumes(known []Handover) map[string]string {
	volumes := map[string]string{}
	for i := range in.VM.Spec.Disks {
		if name := model.DiskName(in.VM, &in.VM.Spec.Disks[i]); name != "" {
			volumes[name] = in.VM.Spec.Disks[i].Name
		}
	}
	for i := range known {
		if _, listed := volumes[known[i].Disk]; !listed {
			volumes[known[i].Disk] = known[i].Volume
		}
	}
	return volumes
}

// Of returns the decision about a WukongDisk; the zero value without one.
func (p Plan) Of(disk string) Move { return p.moves[disk] }

// Annotations returns the records for the VirtualMachine; nil without one.
func (p Plan) Annotations() map[string]string {
	var list []Handover
	for _, name := range slices.Sorted(maps.Keys(p.moves)) {
		if item := p.moves[name].Handover; item != nil {
			list = append(list, *item)
		}
	}
	return encode(list)
}

// Copies reports whether a disk of the WukongVM is being copied: a guest that writes to it now would lose those
// writes.
func (p Plan) Copies() bool {
	return p.any(func(name string) bool {
		disk := p.in.Disks[name]
		return disk != nil && model.Copied(disk)
	})
}

// Undecided reports whether it is unknown which of two claims holds a disk.
func (p Plan) Undecided() bool {
	return p.any(func(disk string) bool { return p.moves[disk].State == v1alpha1.VMDiskMoveUndecided })
}

func (p Plan) any(is func(disk string) bool) bool {
	return p.in.VM != nil && slices.ContainsFunc(model.DiskNames(p.in.VM), is)
}

// AwaitsNode reports whether a disk could move with one more node. No watch reports nodes.
func (p Plan) AwaitsNode() bool {
	if p.in.Nodes >= EnoughNodes || p.in.Running() == nil {
		return false
	}
	for _, move := range p.moves {
		if move.State == v1alpha1.VMDiskMoveRefused {
			return true
		}
	}
	return false
}

// AwaitsClaims reports whether KubeVirt was given, or gets by this plan, a volume whose old claim the instance has.
func (p Plan) AwaitsClaims(instance *kubevirtv1.VirtualMachineInstance) bool {
	for _, move := range p.moves {
		item := move.Handover
		if item == nil || item.Done || item.Instance != instance.UID {
			continue
		}
		if claim, _ := virt.VolumeOf(instance, item.Volume); claim == item.From {
			return true
		}
	}
	return false
}

// Replaces reports whether a disk needs another claim than the instance has under its name, without a move. That must
// wait while KubeVirt migrates volumes: it would migrate this one, too.
func (p Plan) Replaces(name string, volume *kubevirtv1.Volume) bool {
	instance := p.in.Running()
	if instance == nil || volume == nil || !p.Migrates() {
		return false
	}
	has, _ := virt.VolumeOf(instance, name)
	if has == "" || has == virt.ClaimOf(volume) {
		return false
	}
	for _, move := range p.moves {
		if move.migrates() && move.Handover.Volume == name {
			return false
		}
	}
	return true
}

// Migrates reports whether the VirtualMachine has a volume that KubeVirt must migrate.
func (p Plan) Migrates() bool {
	for _, move := range p.moves {
		if move.migrates() {
			return true
		}
	}
	return false
}

// AsksForNodes reports whether a disk asks for a live move, which needs a second node.
func AsksForNodes(disks map[string]*v1alpha1.WukongDisk) bool {
	for _, disk := range disks {
		if live(disk) != nil {
			return true
		}
	}
	return false
}

// live returns the move of a disk by KubeVirt, or nil.
func live(disk *v1alpha1.WukongDisk) *v1alpha1.DiskMove {
	if disk == nil || disk.Status.Move == nil || disk.Status.Move.Method != v1alpha1.MoveLive {
		return nil
	}
	return disk.Status.Move
}
