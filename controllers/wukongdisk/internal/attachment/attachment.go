package attachment

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/problem"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
)

// Attachment is who may use a disk, and who uses it.
type Attachment struct {
	custody.Inputs
	// AttachedTo is the WukongVM that may use the disk; empty for none.
	AttachedTo string
	// OutsideUser is a VirtualMachine or instance, of another WukongVM or unmanaged, because of which the disk is not
	// attached; empty for none.
	OutsideUser string
}

// VM is the WukongVM that may use the disk. It is nil when there is none, and when it was deleted and left its
// VirtualMachine behind.
func (a Attachment) VM() *v1alpha1.WukongVM {
	at := slices.IndexFunc(a.VMs, func(vm v1alpha1.WukongVM) bool { return vm.Name == a.AttachedTo })
	if at < 0 {
		return nil
	}
	return &a.VMs[at]
}

// Users keep the disk from being deleted: see custody.Inputs.Users.
func (a Attachment) Users() []string { return a.Inputs.Users(a.AttachedTo) }

// GuestSize is the size of the disk that its guest sees, or saw last.
func (a Attachment) GuestSize() *resource.Quantity { return a.Inputs.GuestSize(a.AttachedTo) }

// VMNames are the WukongVMs that list the disk, or have not released it.
func (a Attachment) VMNames() []string {
	names := make([]string, 0, len(a.VMs))
	for i := range a.VMs {
		names = append(names, a.VMs[i].Name)
	}
	return names
}

// InUse reports the users of a disk that is being deleted; nil when it has none.
func (a Attachment) InUse() *diskstate.Problem {
	users := a.Users()
	if len(users) == 0 {
		return nil
	}
	return problem.In(v1alpha1.DiskTerminating, v1alpha1.ReasonInUse,
		"the disk is used by %s, and is deleted when no WukongVM uses it; "+
			"take it out of spec.disks there, or delete the WukongVM", strings.Join(users, ", "))
}

// UsedOutside reports that OutsideUser uses the claim of the disk; nil without one.
func (a Attachment) UsedOutside(claim string) *diskstate.Problem {
	if a.OutsideUser == "" {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonClaimInUse,
		"PersistentVolumeClaim %s is in use by %s, which is not of the WukongVM that asks for the disk: "+
			"stop and delete that virtual machine, or take the volume out of it, and the disk continues automatically",
		claim, a.OutsideUser)
}

// CannotShare reports why a disk with spec.shared cannot be shared; nil when it can, and for any other disk.
func CannotShare(disk *v1alpha1.WukongDisk, claim *corev1.PersistentVolumeClaim) *diskstate.Problem {
	if !model.IsShared(disk) || slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteMany) {
		return nil
	}
	return diskstate.Failed(v1alpha1.ReasonInvalidSpec,
		"spec.shared needs the access mode ReadWriteMany, and PersistentVolumeClaim %s has %v: "+
			"create a disk with accessModes [ReadWriteMany] on a class that can, or set spec.shared to false",
		claim.Name, claim.Spec.AccessModes)
}
