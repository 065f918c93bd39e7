package disks

import (
	"cmp"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// Inputs are the facts that decide about the disks of a WukongVM.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	// Disks are WukongDisks by name; nil for one that does not exist.
	Disks map[string]*v1alpha1.WukongDisk
	// Owners are the names of the WukongDisks behind claims.
	Owners  map[string]string
	Moves   volumemove.Plan
	Restore restore.Plan
}

// of returns the WukongDisk of an entry of spec; nil when it does not exist.
func (in Inputs) of(entry *v1alpha1.VMDisk) *v1alpha1.WukongDisk {
	return in.Disks[model.DiskName(in.VM, entry)]
}

// attachable reports whether the WukongVM may have a disk: KubeVirt would start it on any claim of that name.
func (in Inputs) attachable(disk *v1alpha1.WukongDisk) bool {
	return disk != nil && model.MayUse(in.VM, disk)
}

// belongsToAnother reports whether a disk is attached to another WukongVM.
func (in Inputs) belongsToAnother(disk *v1alpha1.WukongDisk) bool {
	return disk != nil && disk.Status.AttachedTo != "" && disk.Status.AttachedTo != in.VM.Name
}

// claim returns the claim for the VirtualMachine, of a disk that the WukongVM may have.
func (in Inputs) claim(disk *v1alpha1.WukongDisk) string {
	return cmp.Or(in.Restore.Claim(disk), in.Moves.Of(disk.Name).Claim, disk.Status.ClaimName)
}

// mayHold reports whether a claim may hold a disk: any claim may, until the disk's own is known.
func mayHold(disk *v1alpha1.WukongDisk, claim string) bool {
	claims := model.ClaimsOf(disk)
	return claims.Current == "" || claims.Hold(claim)
}

func isDrive(entry *v1alpha1.VMDisk) bool { return entry.Type == v1alpha1.DiskTypeCDROM }

// bootDisk returns the index of the boot disk: the one with boot set, else the first that is no CD-ROM drive; -1
// without any.
func bootDisk(vm *v1alpha1.WukongVM) int {
	first := -1
	for i := range vm.Spec.Disks {
		if ptr.Deref(vm.Spec.Disks[i].Boot, false) {
			return i
		}
		if first < 0 && !isDrive(&vm.Spec.Disks[i]) {
			first = i
		}
	}
	return first
}
