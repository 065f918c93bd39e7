//go:build controlplane

package wukongclone_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// A WukongVM is cloned from a temporary snapshot, which is deleted when the disks are complete and not before.
func TestACloneOfAWukongVM(t *testing.T) {
	f := alone(t)
	manager := f.StartManager()
	f.web()
	f.WaitIdle()
	before := manager.Writes.Total()
	clone := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2")
	f.Create(clone)
	snapshot := f.waitSnapshot(clone, f.Namespace)
	assert.True(t, metav1.IsControlledBy(snapshot, clone))
	assert.Nil(t, snapshot.Spec.TTLSecondsAfterFinished)
	assert.Empty(t, snapshot.Spec.Source.Disks, "all that a snapshot contains")
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "WukongSnapshot "+snapshot.Name)
	assert.Equal(t, v1alpha1.CloneSnapshotting, clone.Status.Step)
	assert.Equal(t, "WukongVM web", clone.Status.Source)

	f.take(snapshot)
	vm := f.waitVM("web-2")
	assert.Empty(t, vm.OwnerReferences)
	assert.Equal(t, "copy/"+string(clone.UID), vm.Annotations[v1alpha1.AnnotationClonedBy])
	assert.Equal(t, map[string]string{"tier": "front"}, vm.Labels)
	assert.Equal(t, v1alpha1.PowerStopped, vm.Spec.PowerState)
	require.Len(t, vm.Spec.Disks, 2)
	for _, disk := range vm.Spec.Disks {
		source := &v1alpha1.DiskSnapshotSource{Kind: "WukongSnapshot", Name: snapshot.Name, Disk: disk.Name}
		assert.Equal(t, source, disk.Template.Spec.Source.Snapshot)
		assert.Equal(t, "fast", *disk.Template.Spec.StorageClassName)
	}
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "WukongDisk web-2-root is not created yet")
	f.fillDisk(vm, &vm.Spec.Disks[0])
	testkit.WaitUntil(f, clone, func(now *testkit.Attempt, current *v1alpha1.WukongClone) {
		assert.Equal(now, ptr.To[int32](50), current.Status.ProgressPercent)
	})
	assert.Equal(t, v1alpha1.CloneCreating, clone.Status.Step)
	assert.True(t, f.Has(snapshot), "a disk is still filled from it")
	f.fillDisk(vm, &vm.Spec.Disks[1])
	testkit.WaitTrue(f, clone, v1alpha1.ReasonCloned)
	f.WaitGone(snapshot)
	assert.Equal(t, v1alpha1.OperationSucceeded, clone.Status.Phase)
	assert.Equal(t, &v1alpha1.CloneTarget{Kind: "WukongVM", Name: "web-2", UID: string(vm.UID)}, clone.Status.Target)
	assert.Equal(t, v1alpha1.CloneDiskStatus{
		Name: "root", DiskName: "web-2-root", Method: "snapshot", Phase: v1alpha1.DiskReady,
	}, clone.Status.Disks[0])
	assert.Equal(t, v1alpha1.MachineIDRenewed, clone.Status.Identity.MachineID)
	assert.Equal(t, snapshot.Status.TakenAt.UTC(), clone.Status.PointInTime.UTC())
	f.WaitIdle()
	t.Logf("writes: %d", manager.Writes.Total()-before)
	assert.LessOrEqual(t, manager.Writes.Total()-before, 12,
		"the rehearsal, the snapshot, the WukongVM, the deletion, eight patches of status, four of them for two disks:\n%s",
		manager.Writes)

	t.Run("Contract3: none at rest, after a restart", func(*testing.T) {
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(1)
		assert.Zero(t, second.Writes.Total(), second.Writes)
	})
	t.Run("AppliedAgainItMakesNothing", func(*testing.T) {
		f.Patch(clone, `{"spec":{"ttlSecondsAfterFinished":0}}`)
		f.WaitGone(clone)
		again := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2")
		f.Create(again)
		testkit.Wait(f, again, metav1.ConditionTrue, v1alpha1.ReasonCloned, "made by an earlier WukongClone")
		f.WaitIdle()
		assert.False(t, f.Exists(model.CloneSnapshotName(again), &v1alpha1.WukongSnapshot{}))
		assert.Equal(t, vm.UID, testkit.Read(f, "web-2", &v1alpha1.WukongVM{}).UID)
	})
}

// A clone is killed after each of its writes, and the next manager continues.
func TestACloneSurvivesAKillAfterEachWrite(t *testing.T) {
	f := alone(t)
	f.web()
	for writes := 0; ; writes++ {
		faults := testenv.NewFaults()
		faults.FailAfter(writes)
		first := f.Meeting(faults).StartManager()
		name := fmt.Sprintf("copy-%d", writes)
		clone := builder.CloneOfVM(f.Namespace, name, "web", name)
		f.Create(clone)
		f.Until(func() bool {
			f.play(clone)
			return faults.Failed() > 0 || f.Has(clone) && clone.Finished() &&
				!f.Exists(model.CloneSnapshotName(clone), &v1alpha1.WukongSnapshot{})
		})
		first.Stop()
		second := f.StartManager()
		f.finish(clone)
		f.WaitGone(f.Named(model.CloneSnapshotName(clone), &v1alpha1.WukongSnapshot{}))
		vm := testkit.Read(f, name, &v1alpha1.WukongVM{})
		assert.Equal(t, string(vm.UID), clone.Status.Target.UID, "after %d writes", writes)
		second.Stop()
		if faults.Failed() == 0 {
			assert.Greater(t, writes, 4)
			return
		}
	}
}

// What the API server does not accept is reported, and nothing is half made.
func TestACloneThatIsRefused(t *testing.T) {
	faults := testenv.NewFaults()
	f := alone(t)
	f.Meeting(faults).StartManager()
	f.web()
	clone := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2")
	faults.RefuseCreation("wukongsnapshots")
	f.Create(clone)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "forbidden by a test")
	assert.Equal(t, v1alpha1.OperationPending, clone.Status.Phase)
	assert.Empty(t, clone.Status.SnapshotName)
	assert.Nil(t, clone.Status.StartTime)
}

// No guest is frozen for a clone whose result is refused.
func TestNoSnapshotIsTakenForAResultThatIsRefused(t *testing.T) {
	faults := testenv.NewFaults()
	f := alone(t)
	f.Meeting(faults).StartManager()
	f.web()
	clone := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2")
	faults.RefuseCreation("wukongvms")
	f.Create(clone)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonApplyRefused, "WukongVM web-2: ")
	assert.Equal(t, v1alpha1.OperationPending, clone.Status.Phase)
	f.WaitIdle()
	f.WaitEmpty(f.Namespace, &v1alpha1.WukongSnapshotList{})
}

// A snapshot that a user took is the source, and stays. It does not matter that the WukongVM has gone.
func TestACloneFromASnapshot(t *testing.T) {
	f := alone(t)
	f.StartManager()
	web := f.web()
	snapshot := builder.SnapshotOfVM(f.Namespace, "monday", "web")
	f.Create(snapshot)
	clone := builder.CloneOfSnapshot(f.Namespace, "copy", "monday", "web-2", builder.CloneRunning)
	clone.Spec.OnDelete = v1alpha1.CloneDeletionDelete
	f.Create(clone)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonSourceNotReady, "WukongSnapshot monday")
	f.take(snapshot)
	f.Remove(web)
	vm := f.waitVM("web-2")
	assert.Equal(t, "monday", vm.Spec.Disks[0].Template.Spec.Source.Snapshot.Name)
	f.fill(vm)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonInProgress, "WukongVM web-2: ")
	testkit.Say(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "", v1alpha1.ConditionReady)
	testkit.WaitTrue(f, clone, v1alpha1.ReasonCloned)
	assert.True(t, f.Has(snapshot))
	f.Remove(clone)
	f.WaitGone(vm)
}

// A disk is cloned by one WukongDisk.
func TestACloneOfADisk(t *testing.T) {
	f := alone(t)
	f.StartManager()
	f.completeDisk(builder.Disk(f.Namespace, "archive"))
	clone := builder.CloneOfDisk(f.Namespace, "copy", "archive", "archive-2", builder.CloneDisks(v1alpha1.CloneDisk{
		Name: "archive", Size: ptr.To(resource.MustParse("2Gi")), StorageClassName: "slow",
	}))
	f.Create(clone)
	disk := &v1alpha1.WukongDisk{}
	f.Until(func() bool { return f.Exists("archive-2", disk) })
	assert.Equal(t, &v1alpha1.DiskCloneSource{Kind: "WukongDisk", Name: "archive"}, disk.Spec.Source.Clone)
	assert.Equal(t, "2Gi", disk.Spec.Size.String())
	assert.Equal(t, "slow", *disk.Spec.StorageClassName)
	f.completeDisk(disk)
	testkit.WaitTrue(f, clone, v1alpha1.ReasonCloned)
	assert.Equal(t, "WukongDisk", clone.Status.Target.Kind)

	snapshot := builder.Snapshot(f.Namespace, "monday", "archive")
	f.Create(snapshot)
	at := metav1.NewTime(time.Now().Truncate(time.Second))
	snapshot.Status.Phase, snapshot.Status.CompletionTime = v1alpha1.OperationSucceeded, &at
	snapshot.Status.Disks = []v1alpha1.SnapshotDiskStatus{{
		Name: "archive", DiskName: "archive", Size: ptr.To(resource.MustParse("1Gi")), StorageClassName: "fast",
	}}
	testkit.Say(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "", v1alpha1.ConditionReady)
	f.Create(builder.CloneOfSnapshot(f.Namespace, "old", "monday", "archive-3"))
	f.Until(func() bool { return f.Exists("archive-3", disk) })
	assert.Equal(t, &v1alpha1.DiskSnapshotSource{Kind: "WukongSnapshot", Name: "monday"}, disk.Spec.Source.Snapshot)
}

// A user of another namespace gets the same answer whether the WukongVM does not exist or does not grant the clone.
func TestACloneFromAnotherNamespace(t *testing.T) {
	f := clocked(testkit.New(t))
	other := clones{f.Elsewhere(), f.now}
	f.StartManagerOfAll()
	clone := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2", builder.CloneFrom(other.Namespace))
	f.Create(clone)
	testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonCloneNotGranted, "spec.cloneableFrom")
	missing := clone.Status.DeepCopy()
	web := other.web()
	f.WaitIdle()
	f.Never(func() bool {
		return f.Has(clone) && clone.Status.Conditions[0].Message != missing.Conditions[0].Message
	}, 300*time.Millisecond)
	assert.Equal(t, missing, &clone.Status)

	f.Patch(web, fmt.Sprintf(`{"spec":{"cloneableFrom":[%q]}}`, f.Namespace))
	snapshot := f.waitSnapshot(clone, other.Namespace)
	assert.Empty(t, snapshot.OwnerReferences)
	assert.Equal(t, []string{f.Namespace}, snapshot.Spec.CloneableFrom)
	assert.Equal(t, ptr.To[int64](86400+3600), snapshot.Spec.TTLSecondsAfterFinished)
	f.take(snapshot)
	vm := f.waitVM("web-2")
	assert.Equal(t, other.Namespace, vm.Spec.Disks[0].Template.Spec.Source.Snapshot.Namespace)
	assert.Empty(t, vm.Spec.CloneableFrom)
	f.fill(vm)
	testkit.WaitTrue(f, clone, v1alpha1.ReasonCloned)
	f.WaitGone(snapshot)

	t.Run("NothingIsLeftOfADeletedClone", func(t *testing.T) {
		second := builder.CloneOfVM(f.Namespace, "second", "web", "web-3", builder.CloneFrom(other.Namespace))
		f.Create(second)
		snapshot := f.waitSnapshot(second, other.Namespace)
		assert.Equal(t, f.Namespace+"/second", snapshot.Annotations[v1alpha1.AnnotationRequestedBy])
		third := builder.CloneOfVM(f.Namespace, "third", "web", "web-4", builder.CloneFrom(other.Namespace))
		f.Create(third)
		testkit.Wait(f, third, metav1.ConditionFalse, v1alpha1.ReasonBusy, "for WukongClone second")
		assert.Equal(t, v1alpha1.OperationPending, third.Status.Phase)
		f.Remove(second)
		f.WaitGone(second)
		f.WaitGone(snapshot)
		f.waitSnapshot(third, other.Namespace)
	})
}

// Each obstacle is reported before anything is made, and resolves when its cause does.
func TestWhatPreventsAClone(t *testing.T) {
	f := alone(t)
	f.StartManager()
	f.web(builder.Login("admin", "web-password", "password"),
		builder.Networks(v1alpha1.VMNetwork{Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}},
			v1alpha1.VMNetwork{Name: "pod", Pod: &v1alpha1.PodNetwork{}}))
	f.Create(builder.VM(f.Namespace, "taken"))
	f.Create(builder.Disk(f.Namespace, "web-8-data"))

	missing := builder.CloneOfVM(f.Namespace, "missing", "nobody", "web-1")
	taken := builder.CloneOfVM(f.Namespace, "taken", "web", "taken")
	references := builder.CloneOfVM(f.Namespace, "references", "web", "web-2")
	unknown := builder.CloneOfVM(f.Namespace, "unknown", "web", "web-3",
		builder.CloneDisks(v1alpha1.CloneDisk{Name: "roof"}))
	keeps := builder.CloneOfVM(f.Namespace, "keeps", "web", "web-4", builder.KeepingIdentity)
	disks := builder.CloneOfVM(f.Namespace, "disks", "web", "web-8")
	f.Create(missing, taken, references, unknown, keeps, disks)
	testkit.Wait(f, missing, metav1.ConditionFalse, v1alpha1.ReasonSourceMissing, "WukongVM nobody does not exist")
	testkit.Wait(f, taken, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "it is not changed")
	testkit.Wait(f, disks, metav1.ConditionFalse, v1alpha1.ReasonNameConflict, "WukongDisk web-8-data already exists")
	testkit.Wait(f, references, metav1.ConditionFalse, v1alpha1.ReasonReferenceMissing,
		"refers to WukongNetwork lan, Secret web-password, which namespace")
	testkit.Wait(f, unknown, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "it has: root, data")
	testkit.Wait(f, keeps, metav1.ConditionFalse, v1alpha1.ReasonSourceInUse, "stop it (powerState: Stopped)")
	f.WaitEmpty(f.Namespace, &v1alpha1.WukongSnapshotList{})

	f.Create(builder.Secret(f.Namespace, "web-password", map[string]string{"password": "x"}))
	f.Create(builder.Network(f.Namespace, "lan", builder.OnBridge("br0")))
	f.waitSnapshot(references, f.Namespace)
}

// Two guests cannot have one address.
func TestAddressesThatWouldClash(t *testing.T) {
	f := alone(t)
	f.StartManager()
	f.Create(builder.Network(f.Namespace, "lan", builder.OnBridge("br0")))
	f.web(builder.Networks(v1alpha1.VMNetwork{
		Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"},
		Addresses: []v1alpha1.InterfaceAddress{"192.168.7.5/24"},
	}))
	static := builder.CloneOfVM(f.Namespace, "static", "web", "web-5")
	other := builder.CloneOfVM(f.Namespace, "other", "web", "web-6", builder.CloneOverrides(&v1alpha1.CloneOverrides{
		Networks: []v1alpha1.VMNetwork{{
			Name: "lan", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"},
			Addresses: []v1alpha1.InterfaceAddress{"192.168.7.6/24"},
		}},
	}))
	f.Create(static, other)
	testkit.Wait(f, static, metav1.ConditionFalse, v1alpha1.ReasonAddressWouldClash, "static addresses on lan")
	f.waitSnapshot(other, f.Namespace)
	require.Error(t, f.TryPatch(static, `{"spec":{"targetName":"web-7"}}`))
	require.ErrorContains(t, f.TryPatch(static, `{"spec":{"powerState":"Running"}}`), "powerState cannot change")
}

// A clone that fails deletes its result if none of its disks is complete.
func TestACloneThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		filled  int
		message string
		stays   bool
	}{
		"nothing is complete": {0, "WukongVM web-2 was deleted, because none of its disks was complete", false},
		"a disk is complete":  {1, "WukongVM web-2 stays", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := alone(t)
			f.StartManager()
			f.web()
			clone := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2", builder.CloneGivenUpAfter(600))
			f.Create(clone)
			snapshot := f.waitSnapshot(clone, f.Namespace)
			f.take(snapshot)
			vm := f.waitVM("web-2")
			for i := range test.filled {
				f.fillDisk(vm, &vm.Spec.Disks[i])
			}
			testkit.WaitUntil(f, clone, func(now *testkit.Attempt, current *v1alpha1.WukongClone) {
				assert.Equal(now, ptr.To(int32(50*test.filled)), current.Status.ProgressPercent)
			})
			f.now.SetTime(f.now.Now().Add(601 * time.Second))
			f.Patch(vm, `{"spec":{"restartPolicy":"Never"}}`)
			testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonFailed, test.message)
			assert.Contains(t, clone.Status.Conditions[0].Message, "given up after deadlineSeconds (600)")
			f.WaitIdle()
			assert.Equal(t, test.stays, f.Has(vm))
			assert.Equal(t, test.stays, f.Has(snapshot), "disks may still be filled from it")
			if !test.stays {
				return
			}
			f.Patch(clone, `{"spec":{"ttlSecondsAfterFinished":0}}`)
			f.WaitIdle()
			assert.True(t, f.Has(clone))
			assert.True(t, f.Has(snapshot), "a disk may still be filled from it")
			f.fillDisk(vm, &vm.Spec.Disks[1])
			f.Patch(clone, `{"spec":{"ttlSecondsAfterFinished":3600}}`)
			f.WaitGone(snapshot)
			assert.True(t, f.Has(clone))
		})
	}
	t.Run("the snapshot fails", func(t *testing.T) {
		f := alone(t)
		f.StartManager()
		f.web()
		clone := builder.CloneOfVM(f.Namespace, "copy", "web", "web-2")
		f.Create(clone)
		snapshot := f.waitSnapshot(clone, f.Namespace)
		snapshot.Status.Phase, snapshot.Status.CompletionTime = v1alpha1.OperationFailed, ptr.To(metav1.Now())
		testkit.Say(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonFailed, "pool is full", v1alpha1.ConditionReady)
		testkit.Wait(f, clone, metav1.ConditionFalse, v1alpha1.ReasonFailed, "failed: pool is full")
		f.WaitGone(snapshot)
		assert.False(t, f.Exists("web-2", &v1alpha1.WukongVM{}))
	})
}

// Only what is copied is in the snapshot, and a machine of which nothing is copied needs none.
func TestDisksThatAreNotCopied(t *testing.T) {
	f := alone(t)
	f.StartManager()
	f.web()
	blank := v1alpha1.CloneDisk{Name: "data", Action: v1alpha1.CloneActionBlank}
	one := builder.CloneOfVM(f.Namespace, "one", "web", "web-2", builder.CloneDisks(blank))
	omit := v1alpha1.CloneDisk{Name: "root", Action: v1alpha1.CloneActionOmit}
	none := builder.CloneOfVM(f.Namespace, "none", "web", "web-3", builder.CloneDisks(blank, omit))
	f.Create(one, none)
	assert.Equal(t, []string{"root"}, f.waitSnapshot(one, f.Namespace).Spec.Source.Disks)
	f.finish(one)
	vm := testkit.Read(f, "web-2", &v1alpha1.WukongVM{})
	assert.Nil(t, vm.Spec.Disks[1].Template.Spec.Source)
	vm = f.waitVM("web-3")
	require.Len(t, vm.Spec.Disks, 1)
	f.fill(vm)
	testkit.WaitTrue(f, none, v1alpha1.ReasonCloned)
	assert.False(t, f.Exists(model.CloneSnapshotName(none), &v1alpha1.WukongSnapshot{}))
	assert.Empty(t, none.Status.SnapshotName)
}
