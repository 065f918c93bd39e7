package wukongsnapshot

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// guest is the guest of a WukongVM, as its VirtualMachineInstance reports it.
type guest struct {
	quiesce.Guest
	// paused: the guest's processors stand still. Its file systems cannot be frozen.
	paused bool
	// hasAgent: the guest agent is connected.
	hasAgent bool
}

// fileSystemsFrozen is the value of an instance's status.fsFreezeStatus while its file systems are frozen
// (kubevirt.io/kubevirt, pkg/virt-launcher/virtwrap/api/schema.go, FSFrozen).
const fileSystemsFrozen = "frozen"

// observeGuest reads the guest of a WukongVM; nil when none runs.
func (r *Reconciler) observeGuest(ctx context.Context, namespace, vm string) (*guest, error) {
	served, err := r.dependencies.Served(ctx, dependency.VirtualMachineInstances)
	if err != nil || !served {
		return nil, err
	}
	instance, err := read.Get(ctx, r.client, namespace, vm, &kubevirtv1.VirtualMachineInstance{})
	if err != nil || instance == nil {
		return nil, err
	}
	return guestOf(instance), nil
}

// guestOf is nil for an instance that has not been started, or has ended.
func guestOf(instance *kubevirtv1.VirtualMachineInstance) *guest {
	if instance.Status.Phase != kubevirtv1.Running {
		return nil
	}
	found := &guest{Guest: quiesce.Guest{
		InstanceUID: string(instance.UID), NodeName: instance.Status.NodeName, Frozen: instance.Status.FSFreezeStatus == fileSystemsFrozen,
	}}
	if state := instance.Status.MigrationState; state != nil && !state.Completed && !state.Failed {
		found.Migrating = true
	}
	for _, condition := range instance.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case kubevirtv1.VirtualMachineInstanceAgentConnected:
			found.hasAgent = true
		case kubevirtv1.VirtualMachineInstancePaused:
			found.paused = true
		}
	}
	return found
}

// is reports whether two observations of a guest are the same.
func (g *guest) is(other *guest) bool {
	if g == nil || other == nil {
		return g == other
	}
	return *g == *other
}

// keepInstance keeps what guestOf reads.
func keepInstance(full, kept *kubevirtv1.VirtualMachineInstance) {
	kept.Status.Phase, kept.Status.NodeName = full.Status.Phase, full.Status.NodeName
	kept.Status.FSFreezeStatus, kept.Status.MigrationState = full.Status.FSFreezeStatus, full.Status.MigrationState
	kept.Status.Conditions = full.Status.Conditions
}
