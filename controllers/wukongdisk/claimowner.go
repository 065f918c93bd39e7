package wukongdisk

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// observeClaimOwner finds the WukongDisk that has the claim which another one adopts.
func (r *Reconciler) observeClaimOwner(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if !disk.AdoptsClaim() {
		return nil
	}
	disks := &v1alpha1.WukongDiskList{}
	if err := r.client.List(ctx, disks, client.InNamespace(disk.Namespace), client.MatchingFields{index.DiskByClaim: disk.ClaimName()}); err != nil {
		return fmt.Errorf("list the disks on PersistentVolumeClaim %s: %w", disk.ClaimName(), err)
	}
	observed.claimOwner = custody.ClaimOwner(disk, disks.Items)
	return nil
}

// othersOnClaims maps a disk to the others on its claims.
func (r *Reconciler) othersOnClaims() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, claim := range model.ClaimsOf(obj.(*v1alpha1.WukongDisk)).All() {
			for _, request := range watches.Requests(ctx, r.client, newList(), client.InNamespace(obj.GetNamespace()), client.MatchingFields{index.DiskByClaim: claim}) {
				if request.Name != obj.GetName() {
					requests = append(requests, request)
				}
			}
		}
		return requests
	})
}

// claimTaken accepts disks that are created or deleted, and those that get a claim or leave one.
func claimTaken() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.(*v1alpha1.WukongDisk).Status.ClaimName != e.ObjectNew.(*v1alpha1.WukongDisk).Status.ClaimName
		},
	}
}
