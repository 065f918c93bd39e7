package protection

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
)

// LostOwners are the owners of a protected disk that were deleted or are being deleted. The admission policy prevents
// the garbage collector from deleting the disk. But the collector retries for ever, and would succeed once the
// protection is removed, for a deletion that the user has long forgotten.
func LostOwners(ctx context.Context, reader client.Reader, disk *v1alpha1.WukongDisk) ([]types.UID, error) {
	if !ptr.Deref(disk.Spec.DeletionProtection, false) {
		return nil, nil
	}
	var lost []types.UID
	for _, reference := range disk.OwnerReferences {
		var owner client.Object
		var err error
		switch {
		case umbrella.IsReference(reference):
			owner, err = readOwner(ctx, reader, disk.Namespace, reference.Name, &v1alpha1.Wukong{})
		case model.IsVM(reference):
			owner, err = readOwner(ctx, reader, disk.Namespace, reference.Name, &v1alpha1.WukongVM{})
		case reference.Kind == "WukongClone" && reference.APIVersion == v1alpha1.GroupVersion.String():
			owner, err = readOwner(ctx, reader, disk.Namespace, reference.Name, &v1alpha1.WukongClone{})
		default:
			continue // Wukong did not write this reference
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

// CloneDeletion accepts WukongClones that are deleted, or are being deleted.
func CloneDeletion() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero() ||
				e.ObjectOld.GetUID() != e.ObjectNew.GetUID()
		},
	}
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

// WithoutOwners is a copy of a disk without the references to some owners.
func WithoutOwners(disk *v1alpha1.WukongDisk, lost []types.UID) *v1alpha1.WukongDisk {
	after := disk.DeepCopy()
	after.OwnerReferences = slices.DeleteFunc(after.OwnerReferences, func(reference metav1.OwnerReference) bool {
		return slices.Contains(lost, reference.UID)
	})
	return after
}
