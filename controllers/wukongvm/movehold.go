package wukongvm

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// annotationHold keeps KubeVirt's workload updater from migrating an instance. KubeVirt means it for tests, and has nothing else for this.
const annotationHold = kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation

// holdMigrations keeps KubeVirt from migrating the running machine from before it is given a new claim until its instance has it.
//
// The updater migrates an instance whose condition VolumesChange is True, also while the instance still has the old claim (see stall). Such a
// migration fails, for two guests cannot write to one claim. If the volume was plugged in, worse follows: virt-handler leaves it mounted for the
// target that failed (pkg/virt-handler/hotplug-disk/mount.go, Unmount, spares what the instance's spec has), and finds no place to mount it for
// another target on that node (findVirtlauncherUID), so that no migration to there succeeds before the machine has been stopped.
func (r *Reconciler) holdMigrations(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	instance := observed.Running()
	if instance == nil {
		return nil
	}
	wanted, value := observed.awaitsClaims(instance), instance.Annotations[annotationHold]
	var next any
	switch {
	case wanted && value == "":
		next = fieldManager
	case wanted || value != fieldManager: // it is held, or by someone else
		return nil
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": instance.UID, "annotations": map[string]any{annotationHold: next}}})
	if err != nil {
		return err
	}
	err = r.client.Patch(ctx, instance.DeepCopy(), client.RawPatch(types.MergePatchType, body), client.FieldOwner(fieldManager))
	if err != nil {
		return client.IgnoreNotFound(fmt.Errorf("hold or release migrations of VirtualMachineInstance %s: %w", instance.Name, err))
	}
	return nil
}

// awaitsClaims tells whether KubeVirt was given, or is to be given in this pass, a volume whose old claim the instance has.
func (o *observation) awaitsClaims(instance *kubevirtv1.VirtualMachineInstance) bool {
	for _, move := range o.moves {
		item := move.handover
		if item == nil || item.Done || item.Instance != instance.UID {
			continue
		}
		if claim, _ := volumeOf(instance, item.Volume); claim == item.From {
			return true
		}
	}
	return false
}
