package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/bounds"
)

// Metadata is what a controller keeps in the metadata of its own objects.
type Metadata struct {
	// Finalizer to keep on the object, or "".
	Finalizer string
	// Umbrella is the owner reference to the Wukong, or nil. References to other Wukongs are removed.
	Umbrella *metav1.OwnerReference
}

// Metadata applies the finalizer and the umbrella reference of an object, and leaves all other metadata alone. The UID
// in the request prevents the creation of an object that was deleted meanwhile. A permanent refusal of the API server
// is a *RefusedError.
func (a *Applier) Metadata(ctx context.Context, obj client.Object, wanted Metadata) error {
	if metadataSettled(obj, wanted) {
		return nil
	}
	gvk, err := apiutil.GVKForObject(obj, a.Client.Scheme())
	if err != nil {
		return err
	}
	metadata := map[string]any{"name": obj.GetName(), "namespace": obj.GetNamespace(), "uid": obj.GetUID()}
	if wanted.Finalizer != "" {
		metadata["finalizers"] = []string{wanted.Finalizer}
	}
	if wanted.Umbrella != nil {
		metadata["ownerReferences"] = []metav1.OwnerReference{*wanted.Umbrella}
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": gvk.GroupVersion().String(), "kind": gvk.Kind, "metadata": metadata,
	})
	if err != nil {
		return err
	}
	if err := a.Client.Patch(ctx, obj, client.RawPatch(types.ApplyPatchType, body),
		client.FieldOwner(a.FieldManager+"-metadata"), client.ForceOwnership); err != nil {
		return Classify(gvk.Kind, obj.GetName(), err)
	}
	return nil
}

func metadataSettled(obj client.Object, wanted Metadata) bool {
	if wanted.Finalizer != "" && !controllerutil.ContainsFinalizer(obj, wanted.Finalizer) {
		return false
	}
	var umbrellas []metav1.OwnerReference
	for _, reference := range obj.GetOwnerReferences() {
		if reference.Kind == "Wukong" && reference.APIVersion == v1alpha1.GroupVersion.String() {
			umbrellas = append(umbrellas, reference)
		}
	}
	if wanted.Umbrella == nil {
		return len(umbrellas) == 0
	}
	return len(umbrellas) == 1 && equality.Semantic.DeepEqual(umbrellas[0], *wanted.Umbrella)
}

// RemoveFinalizer removes a finalizer. An object that is already deleted is no error.
func (a *Applier) RemoveFinalizer(ctx context.Context, obj client.Object, finalizer string) error {
	if !controllerutil.ContainsFinalizer(obj, finalizer) {
		return nil
	}
	before := obj.DeepCopyObject().(client.Object)
	obj.SetFinalizers(slices.DeleteFunc(slices.Clone(obj.GetFinalizers()),
		func(name string) bool { return name == finalizer }))
	// The optimistic lock refuses the patch if another client changed the list meanwhile: a merge patch replaces it.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := a.Client.Patch(ctx, obj, patch, client.FieldOwner(a.FieldManager)); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("remove finalizer %s of %s: %w", finalizer, obj.GetName(), err))
	}
	return nil
}

// Mark sets labels and annotations of an existing object; nil removes one. The UID prevents a change to a new object
// of the same name. A permanent refusal of the API server is a *RefusedError.
func (a *Applier) Mark(ctx context.Context, obj client.Object, labels, annotations map[string]any) error {
	metadata := map[string]any{"uid": obj.GetUID()}
	if len(labels) > 0 {
		metadata["labels"] = labels
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	body, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	if err := a.Client.Patch(ctx, obj, client.RawPatch(types.MergePatchType, body),
		client.FieldOwner(a.FieldManager)); err != nil {
		return Classify(KindOf(a.Client, obj), obj.GetName(), err)
	}
	return nil
}

// Status writes the status of after, cut to its bounds, in one patch if it differs from before, and creates an event
// for a new fault. A deleted object is no error.
func (a *Applier) Status(ctx context.Context, before, after client.Object) error {
	bounds.Cut(after)
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	err := a.Client.Status().Patch(ctx, after, client.MergeFrom(before), client.FieldOwner(a.FieldManager))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("patch status of %s: %w", after.GetName(), err)
	}
	if err == nil {
		a.announce(before, after)
		observeTransitions(before, after)
	}
	return nil
}
