// Package guest describes the guest of a WukongVM by what its VirtualMachineInstance reports.
package guest

import (
	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/controllers/internal/instances"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

// Guest is a guest that runs.
type Guest struct {
	quiesce.Guest
	// Paused reports that the processors of the guest stand still. Its file systems cannot be frozen.
	Paused bool
	// HasAgent reports that the guest agent is connected.
	HasAgent bool
}

// Of is the guest of an instance; nil for an instance that has not been started, or has ended.
func Of(from *kubevirtv1.VirtualMachineInstance) *Guest {
	if from.Status.Phase != kubevirtv1.Running {
		return nil
	}
	found := &Guest{Guest: quiesce.Guest{
		InstanceUID: string(from.UID), NodeName: from.Status.NodeName,
		Frozen: instances.IsFrozen(from), Migrating: instances.IsMigrating(from),
	}}
	for _, condition := range from.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case kubevirtv1.VirtualMachineInstanceAgentConnected:
			found.HasAgent = true
		case kubevirtv1.VirtualMachineInstancePaused:
			found.Paused = true
		}
	}
	return found
}

// Keep copies what Of reads of an instance.
func Keep(full, kept *kubevirtv1.VirtualMachineInstance) {
	kept.Status.Phase, kept.Status.NodeName = full.Status.Phase, full.Status.NodeName
	kept.Status.FSFreezeStatus, kept.Status.MigrationState = full.Status.FSFreezeStatus, full.Status.MigrationState
	kept.Status.Conditions = full.Status.Conditions
}
