package wukongbackup

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// ofSnapshot maps a WukongSnapshot to the backups of it that are not finished.
func (r *Reconciler) ofSnapshot(ctx context.Context, snapshot client.Object) []reconcile.Request {
	return watches.Unfinished(ctx, r.client, &v1alpha1.WukongBackupList{}, client.InNamespace(snapshot.GetNamespace()),
		client.MatchingFields{index.BackupBySnapshot: snapshot.GetName()})
}

// snapshotChange accepts changes of what is read of a WukongSnapshot.
func snapshotChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongSnapshot), e.ObjectNew.(*v1alpha1.WukongSnapshot)
			readyBefore, readyAfter := model.Ready(before), model.Ready(after)
			return before.UID != after.UID || before.Status.Phase != after.Status.Phase ||
				before.Finished() != after.Finished() || readyBefore.Reason != readyAfter.Reason ||
				readyBefore.Message != readyAfter.Message
		},
	}
}
