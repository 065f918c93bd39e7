package wukongsnapshot

import (
	"strings"

	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/operation"
)

// obstacle keeps a snapshot from being begun; nil for none.
func obstacle(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	if !observed.served {
		return operation.Pending(v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())
	}
	if snapshot.Spec.Source.VMRef != nil {
		return machineObstacle(snapshot, observed)
	}
	return diskObstacle(snapshot, observed)
}

func diskObstacle(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	name := snapshot.Spec.Source.DiskRef.Name
	switch disk := observed.source.disks[name]; {
	case disk == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s does not exist in namespace %s: create it, or make another snapshot",
			name, snapshot.Namespace)
	case !disk.DeletionTimestamp.IsZero():
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s is being deleted", disk.Name)
	case !disk.Complete() || disk.Status.ClaimName == "":
		return operation.Pending(v1alpha1.ReasonSourceNotReady, "WukongDisk %s: %s", disk.Name, model.Ready(disk).Message)
	case snapshot.Spec.RequiredConsistency == v1alpha1.ConsistencyApplication && len(observed.source.writers) > 0:
		return operation.Pending(v1alpha1.ReasonSourceInUse,
			"WukongDisk %s is in use by WukongVM %s, which is not stopped, and requiredConsistency is Application: stop it (powerState: Stopped), or "+
				"make a snapshot of the WukongVM (source.vmRef), whose file systems the guest agent freezes, or leave requiredConsistency out",
			disk.Name, strings.Join(observed.source.writers, ", "))
	default:
		return nil
	}
}

func machineObstacle(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	source, name := &observed.source, snapshot.Spec.Source.VMRef.Name
	switch {
	case source.vm == nil:
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongVM %s does not exist in namespace %s: create it, or make another snapshot",
			name, snapshot.Namespace)
	case !source.vm.DeletionTimestamp.IsZero():
		return operation.Pending(v1alpha1.ReasonSourceMissing, "WukongVM %s is being deleted", name)
	case source.problem != nil:
		return source.problem
	case source.guest != nil && source.guest.Migrating:
		return operation.Pending(v1alpha1.ReasonBusy, "WukongVM %s migrates to another node: the snapshot is taken afterwards", name)
	case source.rival != "":
		found := operation.Pending(v1alpha1.ReasonBusy, "WukongSnapshot %s of WukongVM %s is being taken: this one is taken afterwards", source.rival, name)
		found.After = crowd + jitter(snapshot) // no watch reports the end of another snapshot
		return found
	}
	for _, one := range observed.parts {
		if one.conflict {
			return operation.Pending(v1alpha1.ReasonNameConflict, "VolumeSnapshot %s exists already, and is not managed by this WukongSnapshot: delete it, "+
				"or give the WukongSnapshot another name", one.VolumeSnapshotName)
		}
	}
	return unfreezable(snapshot, observed)
}

// unfreezable is why a guest cannot be frozen that has to be; nil when it can, or need not be. The agent may connect, or
// the guest end, until the deadline.
func unfreezable(snapshot *v1alpha1.WukongSnapshot, observed *observation) *operation.State {
	source, required := &observed.source, snapshot.Spec.RequiredConsistency
	if !requiresFreeze(snapshot, observed) || source.freezable() {
		return nil
	}
	name := source.vm.Name
	var found *operation.State
	switch {
	case len(source.others()) > 0:
		found = operation.Pending(v1alpha1.ReasonSourceInUse, "the disks are in use by %s as well, whose file systems cannot be frozen together with those "+
			"of WukongVM %s, and requiredConsistency is %s", strings.Join(source.others(), ", "), name, required)
	case source.guest == nil:
		found = operation.Pending(v1alpha1.ReasonSourceNotReady, "WukongVM %s is not stopped, and its guest does not run: the snapshot is taken when it "+
			"runs with its guest agent, or is stopped, because requiredConsistency is %s", name, required)
	case source.guest.paused:
		found = operation.Pending(v1alpha1.ReasonSourceInUse, "the guest of WukongVM %s is paused, and its file systems cannot be frozen, which "+
			"requiredConsistency %s needs: resume it, or stop it", name, required)
	default:
		found = operation.Pending(v1alpha1.ReasonAgentMissing, "requiredConsistency is %s, and no guest agent is connected to freeze the file systems of "+
			"WukongVM %s: install and start qemu-guest-agent in the guest, or stop the WukongVM, or make a snapshot without requiredConsistency", required, name)
	}
	seconds := ptr.Deref(snapshot.Spec.FailureDeadlineSeconds, 0)
	found.After = operation.Left(snapshot.CreationTimestamp.Time, seconds, observed.now)
	if found.After <= 0 {
		return operation.Failed("given up after failureDeadlineSeconds (%d): %s; make another snapshot", seconds, found.Message)
	}
	return found
}
