// Package instances answers questions about VirtualMachineInstances that controllers of several kinds have.
package instances

import kubevirtv1 "kubevirt.io/api/core/v1"

// fileSystemsFrozen is the value of status.fsFreezeStatus while the file systems of the guest are frozen
// (kubevirt.io/kubevirt, pkg/virt-launcher/virtwrap/api/schema.go, FSFrozen).
const fileSystemsFrozen = "frozen"

// IsFrozen reports whether the file systems of the guest are frozen.
func IsFrozen(instance *kubevirtv1.VirtualMachineInstance) bool {
	return instance.Status.FSFreezeStatus == fileSystemsFrozen
}

// IsMigrating reports whether the guest migrates to another node.
func IsMigrating(instance *kubevirtv1.VirtualMachineInstance) bool {
	state := instance.Status.MigrationState
	return state != nil && !state.Completed && !state.Failed
}
