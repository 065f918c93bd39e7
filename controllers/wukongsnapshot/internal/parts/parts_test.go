package parts

import (
	"testing"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/quiesce"
)

var now = metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// made is a part whose VolumeSnapshot exists, with a status.
func made(name string, status *snapshotv1.VolumeSnapshotStatus) Part {
	return Part{
		SnapshotDiskStatus: v1alpha1.SnapshotDiskStatus{Name: name, VolumeSnapshotName: "monday-" + name},
		Taken: &snapshotv1.VolumeSnapshot{
			ObjectMeta: metav1.ObjectMeta{
				Name: "monday-" + name, CreationTimestamp: now,
				Annotations: map[string]string{v1alpha1.AnnotationSnapshotBegun: "Crash"},
			},
			Status: status,
		},
	}
}

func readyStatus() *snapshotv1.VolumeSnapshotStatus {
	return &snapshotv1.VolumeSnapshotStatus{
		ReadyToUse: ptr.To(true), CreationTime: &now, RestoreSize: ptr.To(resource.MustParse("2Gi")),
	}
}

func failedStatus(message *string) *snapshotv1.VolumeSnapshotStatus {
	return &snapshotv1.VolumeSnapshotStatus{Error: &snapshotv1.VolumeSnapshotError{Message: message}}
}

func deleting(part Part) Part {
	part.Taken = part.Taken.DeepCopy()
	part.Taken.DeletionTimestamp = &now
	return part
}

func TestNoPartsAreNotReady(t *testing.T) {
	assert.False(t, Parts{}.Ready())
	assert.False(t, Parts{}.Begun())
	assert.Nil(t, Parts{}.FirstCreated())
	assert.Nil(t, Parts{}.Unready())
	assert.Empty(t, Parts{}.Conflict())
}

func TestHowFarTheStorageIs(t *testing.T) {
	ready, cut := made("root", readyStatus()), made("data", &snapshotv1.VolumeSnapshotStatus{CreationTime: &now})
	missing, failed := Part{Conflict: true}, made("logs", failedStatus(ptr.To("pool is full")))
	missing.VolumeSnapshotName = "monday-missing"
	for name, row := range map[string]struct {
		parts   Parts
		ready   bool
		unready string
		cuts    quiesce.Cuts
	}{
		"all ready":      {Parts{ready, ready}, true, "", quiesce.Cuts{Wanted: 2, Made: 2, Cut: 2}},
		"one is missing": {Parts{ready, missing}, false, "", quiesce.Cuts{Wanted: 2, Made: 1, Cut: 1}},
		"one is cut":     {Parts{ready, cut}, false, "monday-data", quiesce.Cuts{Wanted: 2, Made: 2, Cut: 2}},
		"one is new":     {Parts{made("new", nil)}, false, "monday-new", quiesce.Cuts{Wanted: 1, Made: 1}},
		"one is deleted": {Parts{deleting(ready)}, false, "monday-root", quiesce.Cuts{Wanted: 1, Made: 1}},
		"the failed first": {
			Parts{cut, failed}, false, "monday-logs",
			quiesce.Cuts{Wanted: 2, Made: 2, Cut: 1, Failing: "VolumeSnapshot monday-logs: pool is full"},
		},
		"without a message": {
			Parts{made("mute", failedStatus(nil))}, false, "monday-mute",
			quiesce.Cuts{Wanted: 1, Made: 1, Failing: "VolumeSnapshot monday-mute: it failed without a message"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.ready, row.parts.Ready())
			assert.Equal(t, row.cuts, row.parts.Cuts(""))
			unready := row.parts.Unready()
			assert.Equal(t, row.unready == "", unready == nil)
			if unready != nil {
				assert.Equal(t, row.unready, unready.Taken.Name)
			}
		})
	}
	assert.Equal(t, "monday-missing", Parts{ready, missing}.Conflict())
	assert.Equal(t, "refused", Parts{}.Cuts("refused").Refused)
	assert.True(t, Parts{ready, deleting(cut)}.Deleting())
	assert.False(t, Parts{ready, missing}.Deleting())
	assert.Equal(t, []v1alpha1.SnapshotConsistency{v1alpha1.ConsistencyCrash}, Parts{ready, missing}.Begins())
	older := made("older", nil)
	older.Taken.CreationTimestamp = metav1.NewTime(now.Add(-time.Minute))
	assert.Equal(t, older.Taken.CreationTimestamp, *Parts{missing, ready, older}.FirstCreated())
}

func TestTheErrorOfTheStorage(t *testing.T) {
	failed, mute := made("root", failedStatus(ptr.To("pool is full"))), made("root", failedStatus(nil))
	assert.Equal(t, "pool is full", failed.StorageError())
	assert.Contains(t, mute.StorageError(), "check that a snapshot controller")
	assert.Contains(t, (*Part)(nil).StorageError(), "check that a snapshot controller")
}

// Only the status of a snapshot whose VolumeSnapshots are all ready has what the storage reported.
func TestHeld(t *testing.T) {
	ready, missing := made("root", readyStatus()), Part{}
	held := Parts{ready, missing}.Held()
	assert.Len(t, held, 2)
	assert.Nil(t, held[0].RestoreSize)
	held = Parts{ready}.Held()
	assert.Equal(t, "2Gi", held[0].RestoreSize.String())
	assert.Equal(t, &now, held[0].TakenAt)
}

func TestDesired(t *testing.T) {
	in := Inputs{
		Namespace: "shop", Part: v1alpha1.SnapshotDiskStatus{ClaimName: "web-root", VolumeSnapshotName: "monday-root"},
		Begin: v1alpha1.ConsistencyCrash,
	}
	desired := Desired(in)
	assert.Equal(t, "shop/monday-root", desired.Namespace+"/"+desired.Name)
	assert.Equal(t, "Crash", desired.Annotations[v1alpha1.AnnotationSnapshotBegun])
	assert.Equal(t, "web-root", *desired.Spec.Source.PersistentVolumeClaimName)
	assert.Nil(t, desired.Spec.VolumeSnapshotClassName, "the default one")
	in.ClassName = "fast"
	assert.Equal(t, "fast", *Desired(in).Spec.VolumeSnapshotClassName)
}

// A sidecar that retries writes the time of the error each time.
func TestWhichChangesOfAVolumeSnapshotMatter(t *testing.T) {
	matters := func(before, after Part) bool {
		return Change().Update(event.UpdateEvent{ObjectOld: before.Taken, ObjectNew: after.Taken})
	}
	failed, again := made("root", failedStatus(ptr.To("full"))), made("root", failedStatus(ptr.To("full")))
	again.Taken.Status.Error.Time = &now
	assert.False(t, matters(failed, again))
	assert.True(t, matters(failed, made("root", failedStatus(ptr.To("slow")))))
	assert.True(t, matters(made("root", nil), made("root", readyStatus())))
	assert.True(t, matters(failed, deleting(failed)))
	owned := made("root", nil)
	owned.Taken.OwnerReferences = []metav1.OwnerReference{{Kind: "WukongSnapshot", Name: "monday"}}
	assert.True(t, matters(made("root", nil), owned))
}
