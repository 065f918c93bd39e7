package wukongdisk

import (
	"cmp"
	"context"
	"fmt"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// A claim is one WukongDisk's: who may use a disk, and when it may go, is decided per disk. Of several that name one claim, the one that made it
// has it, else the oldest. Disks that only read may share one.

// observeRival finds the disk that has the claim which another one adopts.
func (r *Reconciler) observeRival(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if !disk.AdoptsClaim() {
		return nil
	}
	disks := &v1alpha1.WukongDiskList{}
	if err := r.client.List(ctx, disks, client.InNamespace(disk.Namespace), client.MatchingFields{index.DiskByClaim: disk.ClaimName()}); err != nil {
		return fmt.Errorf("list the disks on PersistentVolumeClaim %s: %w", disk.ClaimName(), err)
	}
	observed.rival = rival(disk, disks.Items)
	return nil
}

// rival is the first of the disks on a claim that goes before the one which adopts it; empty for none.
func rival(disk *v1alpha1.WukongDisk, others []v1alpha1.WukongDisk) string {
	found := ""
	for i := range others {
		other := &others[i]
		if other.UID != disk.UID && goesBefore(other, disk) && (found == "" || other.Name < found) {
			found = other.Name
		}
	}
	return found
}

func goesBefore(other, disk *v1alpha1.WukongDisk) bool {
	claim := disk.ClaimName()
	if !other.AdoptsClaim() {
		// Without one of these it has no claim, whatever is under its name.
		return other.Status.ClaimName == claim || other.Status.Move != nil && other.Status.Move.TargetClaimName == claim
	}
	if readsOnly(other) && readsOnly(disk) {
		return false
	}
	// Times of creation are whole seconds. Of two of one second the one that has the claim keeps it.
	age := other.CreationTimestamp.Compare(disk.CreationTimestamp.Time)
	return cmp.Or(age, lacks(other, claim)-lacks(disk, claim), cmp.Compare(other.UID, disk.UID)) < 0
}

// lacks is 1 when a disk does not have a claim yet.
func lacks(disk *v1alpha1.WukongDisk, claim string) int {
	if disk.Status.ClaimName == claim {
		return 0
	}
	return 1
}

func readsOnly(disk *v1alpha1.WukongDisk) bool {
	return ptr.Deref(disk.Spec.Source.PersistentVolumeClaim.ReadOnly, false)
}

// rivals maps a disk to the others on its claims.
func (r *Reconciler) rivals() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, obj client.Object) []reconcile.Request {
		var requests []reconcile.Request
		for _, claim := range index.DiskClaims(obj.(*v1alpha1.WukongDisk)) {
			for _, request := range watches.Requests(ctx, r.client, newList(), client.InNamespace(obj.GetNamespace()), client.MatchingFields{index.DiskByClaim: claim}) {
				if request.Name != obj.GetName() {
					requests = append(requests, request)
				}
			}
		}
		return requests
	})
}

// claimTaken lets pass disks that come or go, and those that get a claim or leave one.
func claimTaken() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.(*v1alpha1.WukongDisk).Status.ClaimName != e.ObjectNew.(*v1alpha1.WukongDisk).Status.ClaimName
		},
	}
}
