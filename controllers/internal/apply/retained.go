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

// A child that must outlive its owner has no owner reference. When an owner is deleted in the foreground, as Argo CD
// does, the garbage collector deletes all objects that refer to it at once (k8s.io/kubernetes,
// pkg/controller/garbagecollector, attemptToDeleteItem), even if a finalizer of the owner would still keep them. An
// annotation names the owner instead.

// Retained is Child for a child that must outlive its owner.
func Retained[T client.Object](ctx context.Context, applier *Applier, owner client.Object, desired T) (T, error) {
	var none T
	kind, err := apiutil.GVKForObject(desired, applier.Client.Scheme())
	if err != nil {
		return none, err
	}
	retainFor(desired, owner)
	return bring(ctx, applier, desired, kind, func(live metav1.Object) bool { return model.Belongs(live, owner) })
}

// OwnerOf maps a child to its controller of a kind, or to the owner that it is retained for.
func OwnerOf(kind string) handler.MapFunc {
	return func(_ context.Context, child client.Object) []reconcile.Request {
		name := ""
		if controller := metav1.GetControllerOf(child); controller != nil {
			if controller.Kind == kind {
				name = controller.Name
			}
		} else if owner, ok := model.RetainedFor(child); ok {
			name = owner.Name // of another kind, the request is for an object that needs nothing, or for none
		}
		if name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: child.GetNamespace(), Name: name}}}
	}
}

// SettleOwnership changes how an existing child refers to its owner, without applying the child: by annotation if it
// is retained, else by owner reference. It also sets annotations. An object that is no child of owner is left alone. A
// deleted child is no error. A permanent refusal of the API server is a *RefusedError.
func (a *Applier) SettleOwnership(
	ctx context.Context, owner, child client.Object, retained bool, annotations map[string]string,
) error {
	if !model.Belongs(child, owner) || metav1.IsControlledBy(child, owner) != retained {
		return nil
	}
	before := child.DeepCopyObject().(client.Object)
	if retained {
		child.SetOwnerReferences(slices.DeleteFunc(slices.Clone(child.GetOwnerReferences()),
			func(reference metav1.OwnerReference) bool {
				return reference.UID == owner.GetUID()
			}))
		retainFor(child, owner)
	} else {
		carried := child.GetAnnotations()
		delete(carried, v1alpha1.AnnotationRetainedFor)
		child.SetAnnotations(carried)
		if err := controllerutil.SetControllerReference(owner, child, a.Client.Scheme(),
			controllerutil.WithBlockOwnerDeletion(false)); err != nil {
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
	// The optimistic lock refuses the patch if another client changed the owners meanwhile: a merge patch replaces them
	// all.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := a.Client.Patch(ctx, child, patch, client.FieldOwner(a.FieldManager)); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return Classify(KindOf(a.Client, child), child.GetName(), err)
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
