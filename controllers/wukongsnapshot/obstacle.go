package wukongsnapshot

import (
	"fmt"
	"strings"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dependency"
)

func pending(reason, format string, arguments ...any) *outcome {
	return &outcome{phase: v1alpha1.OperationPending, reason: reason, message: fmt.Sprintf(format, arguments...)}
}

// obstacle keeps the snapshot from being taken; nil for none.
func obstacle(snapshot *v1alpha1.WukongSnapshot, observed *observation) *outcome {
	disk := observed.disk
	switch {
	case !observed.served:
		return pending(v1alpha1.ReasonDependencyMissing, "%s", dependency.VolumeSnapshots.Missing())
	case snapshot.Spec.Source.DiskRef == nil:
		return pending(v1alpha1.ReasonInvalidSpec, "snapshots of a whole machine are not carried out yet: make one of each of its disks by source.diskRef")
	case disk == nil:
		return pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s does not exist in namespace %s: create it, or make another snapshot",
			snapshot.Spec.Source.DiskRef.Name, snapshot.Namespace)
	case !disk.DeletionTimestamp.IsZero():
		return pending(v1alpha1.ReasonSourceMissing, "WukongDisk %s is being deleted", disk.Name)
	case !disk.Complete() || disk.Status.ClaimName == "":
		return pending(v1alpha1.ReasonSourceNotReady, "WukongDisk %s: %s", disk.Name, model.Ready(disk).Message)
	case snapshot.Spec.RequiredConsistency == v1alpha1.ConsistencyApplication && len(observed.writers) > 0:
		return pending(v1alpha1.ReasonSourceInUse,
			"WukongDisk %s is in use by WukongVM %s, which is not stopped, and requiredConsistency is Application: stop it (powerState: Stopped) and the "+
				"snapshot is taken by itself, or leave requiredConsistency out", disk.Name, strings.Join(observed.writers, ", "))
	default:
		return nil
	}
}
