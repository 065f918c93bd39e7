package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
)

// A child that shall outlive its owner carries no owner reference. When an owner is deleted in the foreground, as Argo CD does it, the garbage
// collector deletes at once what refers to it (k8s.io/kubernetes, pkg/controller/garbagecollector, attemptToDeleteItem), whatever the owner's
// finalizers are still about to save. An annotation says whose child it is instead.

// Retained is Child for one that shall outlive its owner.
func Retained[T client.Object](ctx context.Context, applier *Applier, owner client.Object, desired T) (T, error) {
	var none T
	kind, err := apiutil.GVKForObject(desired, applier.Client.Scheme())
	if err != nil {
		return none, err
	}
	retainFor(desired, owner)
	return bring(ctx, applier, desired, kind, func(live metav1.Object) bool { return model.Belongs(live, owner) })
}

// OwnerOf maps a child to the owner of a kind that controls it, or that it is retained for.
func OwnerOf(kind string) handler.MapFunc {
	return func(_ context.Context, child client.Object) []reconcile.Request {
		name := ""
		if controller := metav1.GetControllerOf(child); controller != nil {
			if controller.Kind == kind {
				name = controller.Name
			}
		} else if owner, ok := model.RetainedFor(child); ok {
			name = owner.Name // of another kind, it finds an object that has nothing to do, or none
		}
		if name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: child.GetNamespace(), Name: name}}}
	}
}

// SettleOwnership brings a child that exists to how it shall hang on its owner, without applying it, and gives it the annotations if it has to. An
// object that is no child of owner is left alone, and one that is gone is success. What the API server refuses for good is a *RefusedError.
func (a *Applier) SettleOwnership(ctx context.Context, owner, child client.Object, retained bool, annotations map[string]string) error {
	if !model.Belongs(child, owner) || metav1.IsControlledBy(child, owner) != retained {
		return nil
	}
	before := child.DeepCopyObject().(client.Object)
	if retained {
		child.SetOwnerReferences(slices.DeleteFunc(slices.Clone(child.GetOwnerReferences()), func(reference metav1.OwnerReference) bool {
			return reference.UID == owner.GetUID()
		}))
		retainFor(child, owner)
	} else {
		carried := child.GetAnnotations()
		delete(carried, v1alpha1.AnnotationRetainedFor)
		child.SetAnnotations(carried)
		if err := controllerutil.SetControllerReference(owner, child, a.Client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)); err != nil {
			return fmt.Errorf("set owner of %s: %w", child.GetName(), err)
		}
	}
	if len(annotations) > 0 {
		carried := maps.Clone(child.GetAnnotations())
		if carried == nil {
			carried = map[string]string{}
		}
		maps.Copy(carried, annotations)
		child.SetAnnotations(carried)
	}
	// The lock refuses the patch when someone else changed the owners meanwhile: a merge patch replaces them all.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := a.Client.Patch(ctx, child, patch, client.FieldOwner(a.FieldManager)); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return Classify(fmt.Sprintf("%T", child), child.GetName(), err)
	}
	return nil
}

func retainFor(child, owner client.Object) {
	annotations := child.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationRetainedFor] = owner.GetName() + "/" + string(owner.GetUID())
	child.SetAnnotations(annotations)
}
