package restore

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Holds reports whether the guest must be stopped, or stay so, whatever powerState says.
func (p Plan) Holds() bool {
	if p.Status == nil {
		return p.unknown && p.in.Halted()
	}
	switch p.Status.Phase {
	case v1alpha1.RestoreStopping:
		return !p.waits
	case v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching, v1alpha1.RestoreRollingBack:
		return true
	case v1alpha1.RestoreStarting:
		return p.onPrevious()
	default:
		return false
	}
}

// Claim is the claim of a disk in the VirtualMachine while disks are replaced, or put back, so that it gets all of them
// in one write; empty leaves it to the disk.
func (p Plan) Claim(disk *v1alpha1.WukongDisk) string {
	if !p.unknown && !p.keepsClaim(disk.Name) {
		return ""
	}
	for i := range p.in.VM.Spec.Disks {
		entry := &p.in.VM.Spec.Disks[i]
		if model.DiskName(p.in.VM, entry) != disk.Name || !p.unknown && !p.restores(disk.Name) {
			continue
		}
		if _, volume := virt.TemplateDisk(p.in.Machine, entry.Name); volume != nil {
			return virt.ClaimOf(volume)
		}
		return p.previous(disk.Name)
	}
	return ""
}

// keepsClaim reports whether a disk keeps the claim that it has in the VirtualMachine: while disks are replaced, or put
// back, and until it reports its new claim.
func (p Plan) keepsClaim(disk string) bool {
	if p.Status == nil {
		return false
	}
	switch p.Status.Phase {
	case v1alpha1.RestoreSwitching, v1alpha1.RestoreRollingBack:
		return true
	case v1alpha1.RestoreStarting:
		report := p.of(&v1alpha1.VMRestoreDisk{DiskName: disk})
		return report == nil || report.Phase != v1alpha1.DiskRestoreInUse
	default:
		return false
	}
}

// previous is the claim that a disk had before the restore, as long as disks are being replaced.
func (p Plan) previous(disk string) string {
	if p.Status == nil || p.Status.Phase != v1alpha1.RestoreSwitching {
		return ""
	}
	for i := range p.Status.Disks {
		if p.Status.Disks[i].DiskName == disk {
			return p.Status.Disks[i].PreviousClaimName
		}
	}
	return ""
}

func (p Plan) restores(disk string) bool {
	return slices.ContainsFunc(p.Status.Disks, func(one v1alpha1.VMRestoreDisk) bool { return one.DiskName == disk })
}

// Lock is the version of the VirtualMachine that was read, while its claims are replaced: if somebody has started it
// since, the write must fail. A guest must not run on other claims than its VirtualMachine names.
func (p Plan) Lock() string {
	if p.Status == nil || p.in.Machine == nil {
		return ""
	}
	before := p.in.VM.Status.Restore
	if replaced(p.Status.Phase) || before != nil && replaced(before.Phase) {
		return p.in.Machine.ResourceVersion
	}
	return ""
}

// Cause is why the WukongVM is not ready because of the restore; nil when the restore does not affect it.
func (p Plan) Cause() *cause.Cause {
	if p.Status == nil && p.Holds() {
		return &cause.Cause{
			Reason: v1alpha1.ReasonRestoring, Message: "the WukongVM waits until its disks report how far its restore has come",
		}
	}
	if p.Status == nil || !p.Holds() && p.Status.Phase != v1alpha1.RestoreStarting {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonRestoring, Message: p.sentence()}
}

// sentence is what the restore does.
func (p Plan) sentence() string {
	return fmt.Sprintf("is being restored from WukongSnapshot %s: %s", p.Status.Request.SnapshotRef.Name, p.message)
}

// Report sets the condition Restored.
func (p Plan) Report(set *conditions.Set) {
	if p.Status == nil {
		return
	}
	snapshot := p.Status.Request.SnapshotRef.Name
	switch p.Status.Phase {
	case v1alpha1.RestoreSucceeded:
		set.True(v1alpha1.ConditionRestored, v1alpha1.ReasonRestored,
			fmt.Sprintf("the guest runs on the disks of WukongSnapshot %s%s", snapshot, p.undo()))
	case v1alpha1.RestoreSwitched:
		set.True(v1alpha1.ConditionRestored, v1alpha1.ReasonRestored, fmt.Sprintf(
			"the disks are those of WukongSnapshot %s; the previous ones are kept until the guest has started "+
				"(powerState is Stopped)%s", snapshot, p.undo()))
	case v1alpha1.RestoreSkipped:
		set.True(v1alpha1.ConditionRestored, p.Status.Reason, p.Status.Cause)
	case v1alpha1.RestoreFailed, v1alpha1.RestoreCancelled, v1alpha1.RestoreNotRolledBack:
		set.False(v1alpha1.ConditionRestored, p.Status.Reason, p.Status.Cause)
	case v1alpha1.RestoreRolledBack:
		set.False(v1alpha1.ConditionRestored, p.Status.Reason, fmt.Sprintf(
			"the WukongVM has its previous disks again: %s", p.Status.Cause))
	case v1alpha1.RestorePending:
		set.False(v1alpha1.ConditionRestored, p.Status.Reason, p.message)
	default:
		set.False(v1alpha1.ConditionRestored, string(p.Status.Phase), p.message)
	}
}

// undo names the snapshot with which a restore can be undone; empty without one.
func (p Plan) undo() string {
	if p.Status.SafetySnapshotName == "" {
		return ""
	}
	return fmt.Sprintf("; to undo this, restore WukongSnapshot %s", p.Status.SafetySnapshotName)
}

// SafetySnapshot is the WukongSnapshot of the stopped WukongVM. It outlives the WukongVM, until its time is over.
func (p Plan) SafetySnapshot() *v1alpha1.WukongSnapshot {
	vm := p.in.VM
	snapshot := &v1alpha1.WukongSnapshot{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: vm.Namespace, Name: p.Status.SafetySnapshotName,
			Labels: map[string]string{v1alpha1.LabelSafetyOf: string(vm.UID)},
		},
		Spec: v1alpha1.WukongSnapshotSpec{
			WukongRef:               vm.Spec.WukongRef.DeepCopy(),
			Source:                  v1alpha1.SnapshotSource{VMRef: &v1alpha1.LocalObjectReference{Name: vm.Name}},
			RequiredConsistency:     v1alpha1.ConsistencyApplication,
			TTLSecondsAfterFinished: p.Status.Request.SafetyTTLSeconds,
		},
	}
	for i := range p.Status.Disks {
		snapshot.Spec.Source.Disks = append(snapshot.Spec.Source.Disks, p.Status.Disks[i].Name)
	}
	return snapshot
}
