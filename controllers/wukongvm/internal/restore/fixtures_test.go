package restore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/restore"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Phases of a restore, and what a disk reports of it.
const (
	pending, filling, stopping = v1alpha1.RestorePending, v1alpha1.RestoreFilling, v1alpha1.RestoreStopping
	safety, switching          = v1alpha1.RestoreSafety, v1alpha1.RestoreSwitching
	starting, switched         = v1alpha1.RestoreStarting, v1alpha1.RestoreSwitched
	rollingBack, succeeded     = v1alpha1.RestoreRollingBack, v1alpha1.RestoreSucceeded
	failed, rolledBack         = v1alpha1.RestoreFailed, v1alpha1.RestoreRolledBack
	cancelled, skipped         = v1alpha1.RestoreCancelled, v1alpha1.RestoreSkipped

	diskFilling, diskFilled = v1alpha1.DiskRestoreFilling, v1alpha1.DiskRestoreFilled
	diskInUse, diskReturned = v1alpha1.DiskRestoreInUse, v1alpha1.DiskRestoreReturned
	diskFailed, diskDone    = v1alpha1.DiskRestoreFailed, v1alpha1.DiskRestoreDone
)

// What the mark on the WukongVM is set to.
const (
	begun = "2026-03-01T12:00:00Z"
	ended = begun + "/ended"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// change is one difference from a situation.
type change = func(*restore.Inputs)

// situation is the WukongVM web with the disks root and data, whose guest runs. At noon somebody requested that it is
// restored from the WukongSnapshot before, nothing prevents it, and it is one minute later.
func situation(changes ...change) restore.Inputs {
	in := restore.Inputs{
		VM: &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{
				Name: "web", Namespace: "shop", UID: "vm", CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)),
			},
			Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning, Restore: request(noon)},
		},
		Disks: map[string]*v1alpha1.WukongDisk{},
		Snapshot: &v1alpha1.WukongSnapshot{
			ObjectMeta: metav1.ObjectMeta{Name: "before", Namespace: "shop"},
			Status: v1alpha1.WukongSnapshotStatus{
				OperationStatus: v1alpha1.OperationStatus{Phase: v1alpha1.OperationSucceeded, Conditions: isReady()},
			},
		},
		Now: noon.Add(time.Minute), Served: true,
	}
	for _, name := range names {
		in.VM.Spec.Disks = append(in.VM.Spec.Disks, v1alpha1.VMDisk{
			Name: name, DiskRef: &v1alpha1.LocalObjectReference{Name: "web-" + name},
		})
		in.Disks["web-"+name] = &v1alpha1.WukongDisk{
			ObjectMeta: metav1.ObjectMeta{
				Name: "web-" + name, Namespace: "shop",
				Annotations: map[string]string{v1alpha1.AnnotationFilled: "web-" + name},
			},
			Status: v1alpha1.WukongDiskStatus{
				ClaimName: name + "-1", AttachedTo: "web", Conditions: isReady(), Phase: v1alpha1.DiskReady,
			},
		}
		in.Snapshot.Status.Disks = append(in.Snapshot.Status.Disks, v1alpha1.SnapshotDiskStatus{
			Name: name, DiskName: "web-" + name, VolumeSnapshotName: "cut-" + name,
		})
	}
	runs(&in)
	for _, change := range changes {
		change(&in)
	}
	return in
}

func request(at time.Time) *v1alpha1.VMRestore {
	return &v1alpha1.VMRestore{
		RequestedAt: metav1.NewTime(at), SnapshotRef: v1alpha1.LocalObjectReference{Name: "before"},
		SafetyTTLSeconds: ptr.To[int64](3600), StartDeadlineSeconds: ptr.To[int64](300),
	}
}

// inPhase is a restore that has been in a phase for a minute.
func inPhase(phase v1alpha1.RestorePhase, changes ...change) change {
	return func(in *restore.Inputs) {
		status := &v1alpha1.VMRestoreStatus{
			Phase: phase, Since: metav1.NewTime(noon), Request: *in.VM.Spec.Restore.DeepCopy(),
		}
		for _, name := range names {
			status.Disks = append(status.Disks, v1alpha1.VMRestoreDisk{
				Name: name, DiskName: "web-" + name, VolumeSnapshotName: "cut-" + name, PreviousClaimName: name + "-1",
			})
		}
		in.VM.Status.Restore = status
		marked(begun)(in)
		for _, change := range changes {
			change(in)
		}
	}
}

// disk sets what a disk reports of the restore.
func disk(name string, phase v1alpha1.DiskRestorePhase, message string) change {
	return func(in *restore.Inputs) {
		status := &in.Disks["web-"+name].Status
		status.Restore = &v1alpha1.DiskRestore{
			RequestedAt: metav1.NewTime(noon), Phase: phase, VolumeSnapshotName: "cut-" + name,
			TargetClaimName: name + "-2", PreviousClaimName: name + "-1", Message: message,
		}
		if phase == diskInUse || phase == diskDone {
			status.ClaimName = name + "-2"
		}
	}
}

// reports set what both disks report.
func reports(root, data v1alpha1.DiskRestorePhase) change {
	return func(in *restore.Inputs) {
		disk("root", root, "")(in)
		disk("data", data, "")(in)
	}
}

func marked(value string) change {
	return func(in *restore.Inputs) {
		in.VM.Annotations = map[string]string{v1alpha1.AnnotationRestoreRequest: value}
	}
}

// statusLost takes status.restore away, and leaves the mark.
func statusLost(in *restore.Inputs) { in.VM.Status.Restore = nil }

func runs(in *restore.Inputs) { runsOn("root-1", "data-1")(in) }

// runsOn: the guest runs on some claims.
func runsOn(root, data string) change {
	return func(in *restore.Inputs) {
		hasClaims(kubevirtv1.RunStrategyAlways, root, data)(in)
		in.Instance = keeptest.Object(&kubevirtv1.VirtualMachineInstance{
			Spec:   *in.Machine.Spec.Template.Spec.DeepCopy(),
			Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running},
		}, virt.KeepInstance)
	}
}

func halted(in *restore.Inputs) { haltedWith("root-1", "data-1")(in) }

// haltedWith: no guest runs, and none starts.
func haltedWith(root, data string) change { return hasClaims(kubevirtv1.RunStrategyHalted, root, data) }

// startsOn: the VirtualMachine has the claims, and its guest does not run yet.
func startsOn(root, data string) change { return hasClaims(kubevirtv1.RunStrategyAlways, root, data) }

func hasClaims(strategy kubevirtv1.VirtualMachineRunStrategy, root, data string) change {
	return func(in *restore.Inputs) {
		in.Instance = nil
		in.Machine = &kubevirtv1.VirtualMachine{
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"},
			Spec: kubevirtv1.VirtualMachineSpec{
				RunStrategy: &strategy, Template: &kubevirtv1.VirtualMachineInstanceTemplateSpec{},
			},
		}
		for name, claim := range map[string]string{"root": root, "data": data} {
			volume := kubevirtv1.Volume{Name: name}
			volume.DataVolume = &kubevirtv1.DataVolumeSource{Name: claim}
			in.Machine.Spec.Template.Spec.Volumes = append(in.Machine.Spec.Template.Spec.Volumes, volume)
		}
	}
}

func powerStopped(in *restore.Inputs) { in.VM.Spec.PowerState = v1alpha1.PowerStopped }

func withdrawn(in *restore.Inputs) { in.VM.Spec.Restore = nil }

// another request replaces the one of noon.
func another(in *restore.Inputs) { in.VM.Spec.Restore = request(noon.Add(30 * time.Second)) }

// row is a situation, and what becomes of the restore.
type row struct {
	changes []change
	phase   v1alpha1.RestorePhase
	// condition is the condition Restored, as "False Reason: message".
	condition string
	// mark is what the mark on the WukongVM is set to.
	mark string
	// after is when to look again.
	after time.Duration
	// holds: the guest is stopped, or stays so.
	holds bool
}

func (r row) check(t *testing.T, name string) {
	t.Helper()
	given := situation(r.changes...)
	before := given.VM.DeepCopy()
	plan := restore.Make(given)
	assert.Equal(t, before, given.VM, "%s: it decides, and changes nothing", name)
	assert.Equal(t, r.phase, phaseIn(plan), name)
	assert.Equal(t, r.condition, conditionOf(plan, given), name)
	assert.Equal(t, r.mark, plan.Mark, "%s: mark", name)
	if r.phase == v1alpha1.RestoreSwitching {
		assert.Positive(t, plan.After, "%s: when to look again", name)
		assert.LessOrEqual(t, plan.After, 10*time.Minute, "%s: when to look again", name)
	} else {
		assert.Equal(t, r.after, plan.After, "%s: when to look again", name)
	}
	assert.Equal(t, r.holds, plan.Holds(), "%s: whether the guest is kept stopped", name)
}

func checkAll(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, row := range rows {
		row.check(t, name)
	}
}

func phaseIn(plan restore.Plan) v1alpha1.RestorePhase {
	if plan.Status == nil {
		return ""
	}
	return plan.Status.Phase
}

// conditionOf is the condition Restored, as "False Reason: message"; empty without one.
func conditionOf(plan restore.Plan, in restore.Inputs) string {
	set := conditions.For(in.VM, clocktesting.NewFakePassiveClock(in.Now))
	plan.Report(set)
	found := set.Get(v1alpha1.ConditionRestored)
	if found == nil {
		return ""
	}
	return fmt.Sprintf("%s %s: %s", found.Status, found.Reason, found.Message)
}

func deletedDisk(in *restore.Inputs) {
	in.Disks["web-data"].DeletionTimestamp = ptr.To(metav1.NewTime(noon))
}

// unserved: the cluster does not serve VirtualMachines, so that nobody knows what runs.
func unserved(in *restore.Inputs) { in.Served, in.Machine, in.Instance = false, nil, nil }

// prevented: the guest could not start if it were stopped.
func prevented(in *restore.Inputs) { in.Prevents = "Secret web does not exist" }
