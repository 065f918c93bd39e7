package obstacle

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/consistency"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/guest"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ofVM are the inputs of a snapshot of a WukongVM web, created now, that requires a frozen guest.
func ofVM(guest *guest.Guest, writers ...string) Inputs {
	return Inputs{
		Snapshot: &v1alpha1.WukongSnapshot{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "monday", CreationTimestamp: metav1.NewTime(now)},
			Spec: v1alpha1.WukongSnapshotSpec{
				Source:                 v1alpha1.SnapshotSource{VMRef: &v1alpha1.LocalObjectReference{Name: "web"}},
				FailureDeadlineSeconds: ptr.To[int64](300),
			},
		},
		Served: true, VM: &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, Now: now,
		Consistency: consistency.Inputs{
			VM: "web", Guest: guest, Writers: writers, Disks: 1, Required: v1alpha1.ConsistencyApplication,
		},
	}
}

func (in Inputs) with(change func(*Inputs)) Inputs {
	change(&in)
	return in
}

// What prevents the beginning of a snapshot of a WukongVM, in the order of the causes.
func TestWhyASnapshotOfAWukongVMWaits(t *testing.T) {
	agent, migrating := &guest.Guest{HasAgent: true},
		&guest.Guest{Guest: quiesce.Guest{Migrating: true}, HasAgent: true}
	for name, row := range map[string]struct {
		in             Inputs
		reason, phrase string
	}{
		"not served": {
			ofVM(nil).with(func(in *Inputs) { in.Served = false }), v1alpha1.ReasonDependencyMissing, "volumesnapshots",
		},
		"missing": {
			ofVM(nil).with(func(in *Inputs) { in.VM = nil }), v1alpha1.ReasonSourceMissing,
			"WukongVM web does not exist in namespace shop",
		},
		"being deleted": {
			ofVM(nil).with(func(in *Inputs) { in.VM.DeletionTimestamp = ptr.To(metav1.NewTime(now)) }),
			v1alpha1.ReasonSourceMissing, "is being deleted",
		},
		"its contents": {
			ofVM(migrating).with(func(in *Inputs) {
				in.Contents = operation.Pending(v1alpha1.ReasonSnapshotUnsupported, "no class")
			}),
			v1alpha1.ReasonSnapshotUnsupported, "no class",
		},
		"it migrates": {ofVM(migrating, "web"), v1alpha1.ReasonBusy, "migrates to another node"},
		"another snapshot": {
			ofVM(agent, "web").with(func(in *Inputs) { in.Competitor, in.Conflict = "tuesday", "monday-root" }),
			v1alpha1.ReasonBusy, "WukongSnapshot tuesday of WukongVM web is being taken",
		},
		"the name is used": {
			ofVM(nil).with(func(in *Inputs) { in.Conflict = "monday-root" }), v1alpha1.ReasonNameConflict,
			"VolumeSnapshot monday-root already exists",
		},
		"no agent": {
			ofVM(&guest.Guest{}, "web"), v1alpha1.ReasonAgentMissing, "install and start qemu-guest-agent",
		},
		"paused":        {ofVM(&guest.Guest{Paused: true}, "web"), v1alpha1.ReasonSourceInUse, "is paused"},
		"starting":      {ofVM(nil, "web"), v1alpha1.ReasonSourceNotReady, "its guest does not run"},
		"another guest": {ofVM(agent, "db", "web"), v1alpha1.ReasonSourceInUse, "in use by db as well"},
		"the deadline is over": {
			ofVM(nil, "web").with(func(in *Inputs) { in.Now = now.Add(300 * time.Second) }), v1alpha1.ReasonFailed,
			"given up after failureDeadlineSeconds (300): WukongVM web is not stopped",
		},
		"nothing":       {ofVM(agent, "web"), "", ""},
		"it is stopped": {ofVM(nil), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := row.in.Find()
			if row.reason == "" {
				assert.Nil(t, found)
				return
			}
			assert.Equal(t, row.reason, found.Reason, found.Message)
			assert.Contains(t, found.Message, row.phrase)
		})
	}
}

// A snapshot that is taken while some disks of a WukongVM are replaced, and others not, would be of two times. The
// safety snapshot of a restore is taken before, and a snapshot of the restored disks may be taken afterwards.
func TestASnapshotWaitsWhileDisksAreReplaced(t *testing.T) {
	restoring := func(phase v1alpha1.RestorePhase, changes ...func(*Inputs)) *operation.State {
		in := ofVM(nil).with(func(in *Inputs) {
			in.Retry, in.VM.Status.Restore = 4*time.Second, &v1alpha1.VMRestoreStatus{Phase: phase}
		})
		for _, change := range changes {
			change(&in)
		}
		return in.Find()
	}
	undecided := func(in *Inputs) { in.Contents = operation.Pending(v1alpha1.ReasonSourceNotReady, "a disk moves") }
	competing := func(in *Inputs) { in.Competitor = "tuesday" }
	for _, phase := range []v1alpha1.RestorePhase{v1alpha1.RestoreSwitching, v1alpha1.RestoreRollingBack} {
		for _, change := range []func(*Inputs){func(*Inputs) {}, undecided, competing} {
			found := restoring(phase, change)
			require.NotNil(t, found, phase)
			assert.Equal(t, v1alpha1.ReasonBusy, found.Reason, phase)
			assert.Equal(t, "the disks of WukongVM web are being replaced with those of a snapshot: this one is taken "+
				"afterwards", found.Message, "%s: whatever else it waits for", phase)
			assert.Equal(t, 4*time.Second, found.After, "%s: no watch reports the end", phase)
			assert.False(t, found.Finished(), phase)
		}
	}
	for _, phase := range []v1alpha1.RestorePhase{
		v1alpha1.RestorePending, v1alpha1.RestoreFilling, v1alpha1.RestoreStopping, v1alpha1.RestoreSafety,
		v1alpha1.RestoreStarting, v1alpha1.RestoreSwitched, v1alpha1.RestoreSucceeded, v1alpha1.RestoreFailed,
		v1alpha1.RestoreRolledBack, v1alpha1.RestoreCancelled, v1alpha1.RestoreSkipped,
	} {
		assert.Nil(t, restoring(phase), phase)
	}
}

// No watch reports the end of another snapshot, and none the deadline.
func TestWhenToLookAgain(t *testing.T) {
	found := ofVM(nil).with(func(in *Inputs) { in.Competitor, in.Retry = "tuesday", 4*time.Second }).Find()
	assert.Equal(t, 4*time.Second, found.After)
	found = ofVM(nil, "web").with(func(in *Inputs) { in.Now = now.Add(time.Minute) }).Find()
	assert.Equal(t, 4*time.Minute, found.After)
}

func TestWhyASnapshotOfADiskWaits(t *testing.T) {
	complete := builder.Disk("shop", "data")
	complete.Status.ClaimName = "data"
	complete.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue},
		{Type: v1alpha1.ConditionReady, Message: "ready"},
	}
	unclaimed, deleted := complete.DeepCopy(), complete.DeepCopy()
	unclaimed.Status.ClaimName = ""
	deleted.DeletionTimestamp = ptr.To(metav1.NewTime(now))
	for name, row := range map[string]struct {
		disk           *v1alpha1.WukongDisk
		required       v1alpha1.SnapshotConsistency
		writers        []string
		reason, phrase string
	}{
		"missing": {
			nil, "", nil, v1alpha1.ReasonSourceMissing, "WukongDisk data does not exist in namespace shop",
		},
		"being deleted":   {deleted, "", nil, v1alpha1.ReasonSourceMissing, "WukongDisk data is being deleted"},
		"without a claim": {unclaimed, "", nil, v1alpha1.ReasonSourceNotReady, "WukongDisk data: ready"},
		"in use": {
			complete, v1alpha1.ConsistencyApplication, []string{"db", "web"}, v1alpha1.ReasonSourceInUse,
			"WukongDisk data is in use by WukongVM db, web",
		},
		"in use, with no requirement": {complete, "", []string{"web"}, "", ""},
		"not in use":                  {complete, v1alpha1.ConsistencyApplication, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := Inputs{
				Snapshot: builder.Snapshot("shop", "monday", "data"), Served: true, Disk: row.disk, Now: now,
				Consistency: consistency.Inputs{Disks: 1, Writers: row.writers, Required: row.required},
			}.Find()
			if row.reason == "" {
				assert.Nil(t, found)
				return
			}
			assert.Equal(t, row.reason, found.Reason)
			assert.Contains(t, found.Message, row.phrase)
		})
	}
}
