package wukongdisk

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// lostOwners are the owners of a protected disk that are gone, or are being deleted. The admission policy keeps the garbage
// collector from taking the disk along, but the collector tries again for ever, and would succeed on the day that the protection is
// lifted, for a deletion that nobody remembers.
func (r *Reconciler) lostOwners(ctx context.Context, disk *v1alpha1.WukongDisk) ([]types.UID, error) {
	if !ptr.Deref(disk.Spec.DeletionProtection, false) {
		return nil, nil
	}
	var lost []types.UID
	for _, reference := range disk.OwnerReferences {
		var owner client.Object
		var err error
		switch {
		case umbrella.IsReference(reference):
			owner, err = readOwner(ctx, r.client, disk.Namespace, reference.Name, &v1alpha1.Wukong{})
		case index.IsVM(reference):
			owner, err = readOwner(ctx, r.client, disk.Namespace, reference.Name, &v1alpha1.WukongVM{})
		default:
			continue // not ours to judge
		}
		if err != nil {
			return nil, err
		}
		if owner == nil || owner.GetUID() != reference.UID || !owner.GetDeletionTimestamp().IsZero() {
			lost = append(lost, reference.UID)
		}
	}
	return lost, nil
}

func readOwner[T interface {
	client.Object
	comparable
}](ctx context.Context, reader client.Reader, namespace, name string, obj T) (client.Object, error) {
	var none T
	found, err := read.Get(ctx, reader, namespace, name, obj)
	if err != nil || found == none {
		return nil, err
	}
	return found, nil
}

// outlive takes the references to lost owners off a protected disk, which lives on by itself.
func (r *Reconciler) outlive(ctx context.Context, disk *v1alpha1.WukongDisk, lost []types.UID) error {
	after := disk.DeepCopy()
	after.OwnerReferences = slices.DeleteFunc(after.OwnerReferences, func(reference metav1.OwnerReference) bool {
		return slices.Contains(lost, reference.UID)
	})
	// The lock refuses the patch when someone else changed the list meanwhile: a merge patch replaces it whole.
	patch := client.MergeFromWithOptions(disk, client.MergeFromWithOptimisticLock{})
	if err := r.client.Patch(ctx, after, patch, client.FieldOwner(fieldManager)); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("take the references to deleted owners off WukongDisk %s: %w", disk.Name, err))
	}
	return nil
}
