package wukongvm

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// observeNodes counts the nodes that a machine can migrate between, when a disk asks whether it can, and up to as many as matter. It is
// asked for that seldom that a watch on all nodes would cost more.
func (r *Reconciler) observeNodes(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	if !volumemove.AsksForNodes(observed.disks) || observed.Running() == nil {
		return nil
	}
	nodes := &corev1.NodeList{}
	schedulable := client.MatchingLabels{kubevirtv1.NodeSchedulable: "true"}
	if err := r.uncached.List(ctx, nodes, schedulable, client.Limit(volumemove.EnoughNodes)); err != nil {
		return fmt.Errorf("list the nodes that machines run on: %w", err)
	}
	observed.nodes = len(nodes.Items)
	return nil
}

// observeStall finds out whether the migration of a volume is stalled.
func (r *Reconciler) observeStall(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.stall, err = volumemove.LookForStall(observed.View, r.clock.Now(), func() ([]kubevirtv1.VirtualMachineInstanceMigration, error) {
		list := &kubevirtv1.VirtualMachineInstanceMigrationList{}
		ofInstance := client.MatchingLabels{kubevirtv1.MigrationSelectorLabel: vm.Name}
		if err := r.uncached.List(ctx, list, client.InNamespace(vm.Namespace), ofInstance); err != nil {
			return nil, fmt.Errorf("list the migrations of VirtualMachineInstance %s: %w", vm.Name, err)
		}
		return list.Items, nil
	})
	return err
}

// annotationHold keeps KubeVirt's workload updater from migrating an instance. KubeVirt means it for tests, and has nothing else for this.
const annotationHold = kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation

// holdMigrations keeps KubeVirt from migrating the running machine from before it is given a new claim until its instance has it.
//
// The updater migrates an instance whose condition VolumesChange is True, also while the instance still has the old claim (see
// volumemove.Stall). Such a migration fails, for two guests cannot write to one claim. If the volume was plugged in, worse follows:
// virt-handler leaves it mounted for the target that failed (pkg/virt-handler/hotplug-disk/mount.go, Unmount, spares what the instance's
// spec has), and finds no place to mount it for another target on that node (findVirtlauncherUID), so that no migration to there succeeds
// before the machine has been stopped.
func (r *Reconciler) holdMigrations(ctx context.Context, _ *v1alpha1.WukongVM, observed *observation) error {
	instance := observed.Running()
	if instance == nil {
		return nil
	}
	wanted, value := observed.moves.AwaitsClaims(instance), instance.Annotations[annotationHold]
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
