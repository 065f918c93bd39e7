package parts

import (
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Change accepts changes of what is read of a VolumeSnapshot.
func Change() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*snapshotv1.VolumeSnapshot), e.ObjectNew.(*snapshotv1.VolumeSnapshot)
			return before.UID != after.UID ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!sameStatus(before.Status, after.Status)
		},
	}
}

// sameStatus ignores the time of an error: a sidecar that retries writes it each time.
func sameStatus(one, two *snapshotv1.VolumeSnapshotStatus) bool {
	timeless := func(status *snapshotv1.VolumeSnapshotStatus) *snapshotv1.VolumeSnapshotStatus {
		if status == nil || status.Error == nil {
			return status
		}
		status = status.DeepCopy()
		status.Error.Time = nil
		return status
	}
	return equality.Semantic.DeepEqual(timeless(one), timeless(two))
}
