package volumemove

import (
	kubevirtv1 "kubevirt.io/api/core/v1"
)

// AnnotationHold prevents KubeVirt's workload updater from migrating an instance. KubeVirt has it for tests, and has no
// other way.
const AnnotationHold = kubevirtv1.WorkloadUpdateMigrationAbortionAnnotation

// Hold returns the value that AnnotationHold of an instance must get, nil for none, and whether that is a change. The
// value is the name of the manager that holds: a value of another manager stays.
//
// Migrations are held from before KubeVirt is given a new claim until the instance has it. The updater migrates an
// instance whose condition VolumesChange is True, even while the instance still has the old claim (see Stall). Such a
// migration fails, because two guests cannot write to one claim. If the volume was plugged in, virt-handler then
// leaves it mounted for the target that failed (pkg/virt-handler/hotplug-disk/mount.go, Unmount, keeps what the
// instance's spec has), and cannot mount it for another target on that node (findVirtlauncherUID): no migration to
// that node succeeds before the VirtualMachine was stopped.
func (p Plan) Hold(instance *kubevirtv1.VirtualMachineInstance, manager string) (value any, changes bool) {
	held := instance.Annotations[AnnotationHold]
	switch desired := p.AwaitsClaims(instance); {
	case desired && held == "":
		return manager, true
	case desired || held != manager: // it is held already, or by another manager
		return nil, false
	default:
		return nil, true
	}
}
