// Package obstacle decides why a snapshot cannot begin. It reads and writes nothing.
package obstacle

import (
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/consistency"
)

// Inputs decide whether a snapshot can begin.
type Inputs struct {
	Snapshot *v1alpha1.WukongSnapshot
	// Served reports that the cluster serves VolumeSnapshots.
	Served bool
	// Disk that the snapshot is taken of; nil when it does not exist, and for a snapshot of a WukongVM.
	Disk *v1alpha1.WukongDisk
	// VM that the snapshot is taken of; nil when it does not exist, and for a snapshot of a disk.
	VM *v1alpha1.WukongVM
	// Contents is why the contents of a snapshot of a WukongVM cannot be decided or cut; nil when they can.
	Contents *operation.State
	// Consistency decides whether the guest has to be frozen, and can be.
	Consistency consistency.Inputs
	// Competitor is another snapshot of the WukongVM that may have its guest frozen; empty for none. Retry is when to
	// look again, because no watch reports the end of another snapshot.
	Competitor string
	Retry      time.Duration
	// Conflict is the name of an unmanaged VolumeSnapshot that has the name of one to be made; empty for none.
	Conflict string
	Now      time.Time
}

// Find returns what prevents the beginning of a snapshot; nil for nothing.
func (in Inputs) Find() *operation.State {
	if !in.Served {
		return operation.Pending(v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())
	}
	if in.Snapshot.Spec.Source.VMRef != nil {
		return in.ofVM()
	}
	return in.ofDisk()
}

func (in Inputs) ofDisk() *operation.State {
	name := in.Snapshot.Spec.Source.DiskRef.Name
	switch disk := in.Disk; {
	case disk == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongDisk %s does not exist in namespace %s: create it, or create another snapshot",
			name, in.Snapshot.Namespace)
	case !disk.DeletionTimestamp.IsZero():
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s is being deleted", disk.Name)
	case !disk.Complete() || disk.Status.ClaimName == "":
		return operation.Pending(
			v1alpha1.ReasonSourceNotReady, "WukongDisk %s: %s", disk.Name, model.Ready(disk).Message)
	case in.Consistency.Required == v1alpha1.ConsistencyApplication && len(in.Consistency.Writers) > 0:
		return operation.Pending(v1alpha1.ReasonSourceInUse,
			"WukongDisk %s is in use by WukongVM %s, which is not stopped, and requiredConsistency is Application: "+
				"stop it (powerState: Stopped), or create a snapshot of the WukongVM (source.vmRef), whose file systems "+
				"the guest agent freezes, or leave requiredConsistency out",
			disk.Name, strings.Join(in.Consistency.Writers, ", "))
	default:
		return nil
	}
}

func (in Inputs) ofVM() *operation.State {
	name, guest := in.Snapshot.Spec.Source.VMRef.Name, in.Consistency.Guest
	switch {
	case in.VM == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing,
			"WukongVM %s does not exist in namespace %s: create it, or create another snapshot",
			name, in.Snapshot.Namespace)
	case !in.VM.DeletionTimestamp.IsZero():
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongVM %s is being deleted", name)
	case replacesDisks(in.VM):
		found := operation.Pending(v1alpha1.ReasonBusy,
			"the disks of WukongVM %s are being replaced with those of a snapshot: this one is taken afterwards", name)
		found.After = in.Retry
		return found
	case in.Contents != nil:
		return in.Contents
	case guest != nil && guest.Migrating:
		return operation.Pending(v1alpha1.ReasonBusy,
			"WukongVM %s migrates to another node: the snapshot is taken afterwards", name)
	case in.Competitor != "":
		found := operation.Pending(v1alpha1.ReasonBusy,
			"WukongSnapshot %s of WukongVM %s is being taken: this one is taken afterwards", in.Competitor, name)
		found.After = in.Retry
		return found
	case in.Conflict != "":
		return operation.Pending(v1alpha1.ReasonNameConflict,
			"VolumeSnapshot %s already exists, and is not managed by this WukongSnapshot: delete it, "+
				"or give the WukongSnapshot another name", in.Conflict)
	}
	return in.unfreezable()
}

// replacesDisks reports whether some disks of a WukongVM may be those of its restore, and others not.
func replacesDisks(vm *v1alpha1.WukongVM) bool {
	restore := vm.Status.Restore
	return restore != nil &&
		(restore.Phase == v1alpha1.RestoreSwitching || restore.Phase == v1alpha1.RestoreRollingBack)
}

// unfreezable is why a guest cannot be frozen that has to be frozen; nil when it can, or need not be. Until the
// deadline, the agent may connect or the guest may end.
func (in Inputs) unfreezable() *operation.State {
	if !in.Consistency.RequiresFreeze() || in.Consistency.Freezable() {
		return nil
	}
	name, required := in.VM.Name, in.Consistency.Required
	var found *operation.State
	switch others, guest := in.Consistency.Others(), in.Consistency.Guest; {
	case len(others) > 0:
		found = operation.Pending(v1alpha1.ReasonSourceInUse,
			"the disks are in use by %s as well, whose file systems cannot be frozen together with those "+
				"of WukongVM %s, and requiredConsistency is %s", strings.Join(others, ", "), name, required)
	case guest == nil:
		found = operation.Pending(v1alpha1.ReasonSourceNotReady,
			"WukongVM %s is not stopped, and its guest does not run: the snapshot is taken when it "+
				"runs with its guest agent, or is stopped, because requiredConsistency is %s", name, required)
	case guest.Paused:
		found = operation.Pending(v1alpha1.ReasonSourceInUse,
			"the guest of WukongVM %s is paused, and its file systems cannot be frozen, which "+
				"requiredConsistency %s needs: resume it, or stop it", name, required)
	default:
		found = operation.Pending(v1alpha1.ReasonAgentMissing,
			"requiredConsistency is %s, and no guest agent is connected to freeze the file systems of "+
				"WukongVM %s: install and start qemu-guest-agent in the guest, or stop the WukongVM, "+
				"or create a snapshot without requiredConsistency", required, name)
	}
	seconds := ptr.Deref(in.Snapshot.Spec.FailureDeadlineSeconds, 0)
	found.After = operation.Left(in.Snapshot.CreationTimestamp.Time, seconds, in.Now)
	if found.After <= 0 {
		return operation.Failed(
			"given up after failureDeadlineSeconds (%d): %s; create another snapshot", seconds, found.Message)
	}
	return found
}
