//go:build controlplane

package wukongclone_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// clones is the fixture in which the clone controller runs alone, and the test plays the controllers of snapshots,
// WukongVMs and disks.
type clones struct {
	*testkit.Fixture
	now *clocktesting.FakePassiveClock
}

// alone has no manager yet. Its clock begins when the test's turn has come.
func alone(t *testing.T) clones {
	t.Helper()
	return clocked(testkit.Parallel(t))
}

func clocked(f *testkit.Fixture) clones {
	now := clocktesting.NewFakePassiveClock(time.Now())
	return clones{f.Running("wukongclone").ByClock(now), now}
}

// web is a WukongVM with the disk root of a template, and the WukongDisk archive.
func (f clones) web(options ...builder.VMOption) *v1alpha1.WukongVM {
	f.Helper()
	f.completeDisk(builder.Disk(f.Namespace, "archive"))
	f.completeDisk(builder.Disk(f.Namespace, "web-root"))
	usual := []builder.VMOption{builder.Stamped("root"), builder.Disks(builder.DiskReference("data", "archive"))}
	vm := builder.VM(f.Namespace, "web", append(usual, options...)...)
	vm.Labels = map[string]string{"tier": "front"}
	f.Create(vm)
	return vm
}

// completeDisk creates a WukongDisk with all its bytes.
func (f clones) completeDisk(disk *v1alpha1.WukongDisk) {
	f.Helper()
	if !f.Has(disk) {
		f.Create(disk)
	}
	disk.Status.ClaimName, disk.Status.StorageClassName, disk.Status.Phase = disk.Name, "fast", v1alpha1.DiskReady
	if disk.Spec.Source != nil {
		disk.Status.CloneMethod = "snapshot"
	}
	testkit.Say(f, disk, metav1.ConditionTrue, v1alpha1.ReasonReady, "", v1alpha1.ConditionReady,
		v1alpha1.ConditionComplete)
}

// take plays the controller of snapshots: it completes a snapshot of a WukongVM.
func (f clones) take(snapshot *v1alpha1.WukongSnapshot) {
	f.Helper()
	vm := &v1alpha1.WukongVM{}
	key := client.ObjectKey{Namespace: snapshot.Namespace, Name: snapshot.Spec.Source.VMRef.Name}
	require.NoError(f, f.Client.Get(f.Context(), key, vm))
	kept := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: vm.Name, Labels: vm.Labels}, Spec: vm.Spec}
	data, err := json.Marshal(kept)
	require.NoError(f, err)
	revision := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: snapshot.Namespace, Name: snapshot.Name + "-machine",
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(snapshot, v1alpha1.GroupVersion.WithKind("WukongSnapshot")),
			},
		},
		Revision: 1, Data: runtime.RawExtension{Raw: data},
	}
	f.Create(revision)
	at := metav1.NewTime(time.Now().Truncate(time.Second))
	status := &snapshot.Status
	status.Phase, status.CompletionTime, status.TakenAt = v1alpha1.OperationSucceeded, &at, &at
	status.Machine = &v1alpha1.SnapshotMachine{Name: vm.Name, UID: string(vm.UID), RevisionName: revision.Name}
	for i := range vm.Spec.Disks {
		entry := &vm.Spec.Disks[i]
		asked := snapshot.Spec.Source.Disks
		if name := model.DiskName(vm, entry); name != "" && (len(asked) == 0 || slices.Contains(asked, entry.Name)) {
			status.Disks = append(status.Disks, v1alpha1.SnapshotDiskStatus{
				Name: entry.Name, DiskName: name, Size: ptr.To(resource.MustParse("1Gi")), StorageClassName: "fast",
				VolumeSnapshotName: snapshot.Name + "-" + entry.Name,
			})
		}
	}
	testkit.Say(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "", v1alpha1.ConditionReady)
}

// waitSnapshot waits for the temporary snapshot of a clone.
func (f clones) waitSnapshot(clone *v1alpha1.WukongClone, namespace string) *v1alpha1.WukongSnapshot {
	f.Helper()
	snapshot := &v1alpha1.WukongSnapshot{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: model.CloneSnapshotName(clone),
	}}
	f.Until(func() bool { return f.Has(snapshot) }, "the snapshot is not made")
	return snapshot
}

// waitVM waits for the result of a clone.
func (f clones) waitVM(name string) *v1alpha1.WukongVM {
	f.Helper()
	vm := &v1alpha1.WukongVM{}
	f.Until(func() bool { return f.Exists(name, vm) }, "WukongVM %s is not made", name)
	return vm
}

// fillDisk plays the controllers of a WukongVM and of its disk: the disk of an entry is made and complete.
func (f clones) fillDisk(vm *v1alpha1.WukongVM, entry *v1alpha1.VMDisk) {
	f.Helper()
	disk := &v1alpha1.WukongDisk{ObjectMeta: metav1.ObjectMeta{
		Namespace: vm.Namespace, Name: model.DiskName(vm, entry), OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(vm, v1alpha1.GroupVersion.WithKind("WukongVM")),
		},
	}, Spec: entry.Template.Spec}
	f.completeDisk(disk)
}

// fill fills all disks of a WukongVM.
func (f clones) fill(vm *v1alpha1.WukongVM) {
	f.Helper()
	for i := range vm.Spec.Disks {
		if vm.Spec.Disks[i].Template != nil {
			f.fillDisk(vm, &vm.Spec.Disks[i])
		}
	}
}

// play does what others do next for a clone of a WukongVM.
func (f clones) play(clone *v1alpha1.WukongClone) {
	f.Helper()
	snapshot := &v1alpha1.WukongSnapshot{}
	if f.Exists(model.CloneSnapshotName(clone), snapshot) && !snapshot.Finished() {
		f.take(snapshot)
	}
	vm := &v1alpha1.WukongVM{}
	if f.Exists(clone.Spec.TargetName, vm) && !f.Exists(model.DiskName(vm, &vm.Spec.Disks[0]), &v1alpha1.WukongDisk{}) {
		f.fill(vm)
	}
}

// finish plays until a clone has succeeded.
func (f clones) finish(clone *v1alpha1.WukongClone) {
	f.Helper()
	f.Eventually(func(now *testkit.Attempt) {
		f.play(clone)
		require.NoError(now, f.Client.Get(f.Context(), client.ObjectKeyFromObject(clone), clone))
		assert.Equal(now, v1alpha1.OperationSucceeded, clone.Status.Phase, "%+v", clone.Status.Conditions)
	})
}
