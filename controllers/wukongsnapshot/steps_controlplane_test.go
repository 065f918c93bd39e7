//go:build controlplane

package wukongsnapshot_test

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// No VolumeSnapshot is made before the finalizer is there that keeps it or deletes it, and how a snapshot ended is not overwritten by an error that comes later.
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
