package wukongdisk

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/dvstate"
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
		case model.IsVM(reference):
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

// settleProtection keeps the label on what holds the bytes of a protected disk, and takes it off what does not any more, which is about to be
// deleted. It comes when the bytes are complete, and goes with the protection only. An adopted claim is someone else's to protect.
func (r *Reconciler) settleProtection(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) error {
	if disk.AdoptsClaim() {
		return nil
	}
	if protected := ptr.Deref(disk.Spec.DeletionProtection, false) && disk.DeletionTimestamp.IsZero(); !protected || observed.growthInputs(disk).Complete() {
		if observed.dataVolume != nil && model.Belongs(observed.dataVolume, disk) {
			if err := r.protect(ctx, observed.dataVolume, protected); err != nil {
				return err
			}
		}
		if observed.claim != nil && observed.ownsClaim(disk) {
			if err := r.protect(ctx, observed.claim, protected); err != nil {
				return err
			}
		}
	}
	for _, stale := range observed.copies.Stale {
		if err := r.unprotect(ctx, stale); err != nil {
			return err
		}
	}
	return nil
}

// unprotect takes the label off a DataVolume and its claim.
func (r *Reconciler) unprotect(ctx context.Context, dataVolume *cdiv1.DataVolume) error {
	if err := r.protect(ctx, dataVolume, false); err != nil {
		return err
	}
	claim, err := read.Get(ctx, r.client, dataVolume.Namespace, dataVolume.Name, &corev1.PersistentVolumeClaim{})
	if err != nil || claim == nil || !metav1.IsControlledBy(claim, dataVolume) {
		return err
	}
	return r.protect(ctx, claim, false)
}

// protect puts the label on an object, or takes it off. Its value is the object's own UID, so that it says nothing on a copy, which KubeVirt's
// restores and backup tools make with all labels.
func (r *Reconciler) protect(ctx context.Context, obj client.Object, protected bool) error {
	if (obj.GetLabels()[v1alpha1.LabelDeletionProtection] == string(obj.GetUID())) == protected {
		return nil
	}
	label := map[string]any{v1alpha1.LabelDeletionProtection: nil}
	if protected {
		label[v1alpha1.LabelDeletionProtection] = string(obj.GetUID())
	}
	annotations := map[string]any{}
	if dataVolume, ok := obj.(*cdiv1.DataVolume); ok {
		for key, value := range prePopulated(dataVolume) {
			annotations[key] = value
		}
	}
	return client.IgnoreNotFound(r.applier.Mark(ctx, obj, label, annotations))
}

// prePopulated lets CDI's webhook take a change of the metadata of a complete DataVolume: it asks each time whether its source may be cloned, which
// fails for ever when the source's namespace is gone, unless the claim is known to be filled (pkg/apiserver/webhooks/datavolume-mutate.go).
func prePopulated(dataVolume *cdiv1.DataVolume) map[string]string {
	if dataVolume.Status.Phase != cdiv1.Succeeded {
		return nil
	}
	return map[string]string{dvstate.AnnotationPrePopulated: dataVolume.Name}
}
