//go:build controlplane

package wukongsnapshot_test

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
	"github.com/novasphere/wukong/controllers/internal/testkit/steprows"
	"github.com/novasphere/wukong/controllers/wukongsnapshot"
)

// revisions are the names of the manifests of a snapshot.
func (f snapshots) revisions(snapshot *v1alpha1.WukongSnapshot) (names []string) {
	f.Helper()
	list := &appsv1.ControllerRevisionList{}
	require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(f.Namespace)))
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], snapshot) {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}

func TestEachStepIsRefusedAndFails(t *testing.T) {
	f := alone(t)
	disk := f.completeDisk("data")
	disk.Status.AttachedTo = "web"
	f.SetStatus(disk)
	vm := builder.VM(f.Namespace, "web", builder.Stopped, builder.Attached("data"))
	f.Create(vm)
	testkit.SayPhase(f, vm, v1alpha1.PhaseStopped)
	begin := func(f *testkit.Fixture, name string) *v1alpha1.WukongSnapshot {
		snapshot := builder.SnapshotOfVM(f.Namespace, name, "web")
		f.Create(snapshot)
		return snapshot
	}
	heals := func(f *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) {
		taken := snapshots{f}
		taken.complete(snapshot.Name + "-data")
		testkit.WaitTrue(f, snapshot, v1alpha1.ReasonTaken)
		assert.Len(f, taken.revisions(snapshot), 1)
		assert.Contains(f, snapshot.Finalizers, v1alpha1.FinalizerSnapshot)
	}
	isTaken := func(f *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) bool {
		return f.Exists(snapshot.Name+"-data", &snapshotv1.VolumeSnapshot{})
	}
	steprows.Run(t, f.Fixture, steprows.Table[*v1alpha1.WukongSnapshot]{
		Steps: wukongsnapshot.Steps,
		Wake: func(f *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) {
			f.Patch(snapshot, `{"spec":{"cloneableFrom":["other"]}}`)
		},
		Rows: map[string]steprows.Row[*v1alpha1.WukongSnapshot]{
			"metadata": {
				Resource: "wukongsnapshots", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) {
					assert.Empty(f, snapshots{f}.revisions(snapshot), "nothing is made before the finalizer deletes or keeps it")
					assert.False(f, isTaken(f, snapshot))
				},
			},
			"manifest": {
				Resource: "controllerrevisions", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) {
					assert.Contains(f, testkit.Read(f, snapshot.Name, snapshot).Finalizers, v1alpha1.FinalizerSnapshot)
					assert.False(f, isTaken(f, snapshot), "a snapshot of a WukongVM without its manifest cannot be cloned")
				},
			},
			"volume-snapshots": {
				Resource: "volumesnapshots", Begin: begin, Heals: heals,
				GoesOn: func(f *testkit.Fixture, snapshot *v1alpha1.WukongSnapshot) {
					f.Until(func() bool { return len(snapshots{f}.revisions(snapshot)) == 1 }, "the manifest is kept")
				},
			},
		},
	})
}

// No VolumeSnapshot is made before the finalizer is there that keeps it or deletes it, and how a snapshot ended is not
// overwritten by an error that comes later.
func TestNoVolumeSnapshotWithoutTheFinalizer(t *testing.T) {
	faults := testenv.NewFaults()
	f := snapshots{alone(t).Meeting(faults)}
	f.StartManager()
	f.completeDisk("data")
	faults.Fail("wukongsnapshots", "monday")
	snapshot := f.newSnapshot("monday")
	f.Create(snapshot)
	testkit.Wait(f, snapshot, metav1.ConditionFalse, v1alpha1.ReasonReconcileError, "by a test: wukongsnapshots")
	assert.False(t, f.Exists("monday", &snapshotv1.VolumeSnapshot{}))
	faults.Heal("monday")
	f.complete("monday")
	testkit.Wait(f, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, "")

	faults.Fail("volumesnapshots", "monday")
	f.Patch(snapshot, `{"spec":{"reclaimPolicy":"Retain"}}`)
	f.Never(func() bool {
		current := testkit.Read(f, "monday", &v1alpha1.WukongSnapshot{})
		return meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionReady).Reason != v1alpha1.ReasonTaken
	}, 15*time.Second, "passes fail for longer than an error has to last")
	faults.Heal("monday")
	f.Until(func() bool {
		return testkit.Read(f, "monday", &snapshotv1.VolumeSnapshot{}).Annotations[v1alpha1.AnnotationRetainedFor] != ""
	}, "the policy is carried out in the end")
}
