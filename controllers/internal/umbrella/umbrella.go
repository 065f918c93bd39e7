// Package umbrella links an object to the Wukong that its spec.wukongRef names, by a plain owner reference: when the
// Wukong is deleted, the garbage collector deletes its children. Each child's own reconciler creates the link; the
// Wukong's reconciler never writes to children.
package umbrella

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// IndexName is the field index of every child kind by the name in spec.wukongRef.
const IndexName = "spec.wukongRef.name"

// Index returns the keys of IndexName.
func Index(obj client.Object) []string {
	if name := obj.(v1alpha1.Object).UmbrellaName(); name != "" {
		return []string{name}
	}
	return nil
}

// Link is what is known of an object's umbrella.
type Link struct {
	name string
	// umbrella is nil when the Wukong does not exist, or is being deleted.
	umbrella *v1alpha1.Wukong
	// carried is the reference to a Wukong of that name that the object already has.
	carried *metav1.OwnerReference
}

// Observe reads the Wukong that the object names, if any. A missing Wukong is no error.
func Observe(ctx context.Context, reader client.Reader, child v1alpha1.Object) (Link, error) {
	name := child.UmbrellaName()
	if name == "" {
		return newLink(child, nil), nil
	}
	// Only its status is ever written, and it does not matter here, so this read need not wait for our writes.
	umbrella := &v1alpha1.Wukong{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: child.GetNamespace(), Name: name}, umbrella,
		client.DisableReadYourWritesConsistency)
	if apierrors.IsNotFound(err) {
		return newLink(child, nil), nil
	}
	if err != nil {
		return Link{}, fmt.Errorf("get Wukong %s: %w", name, err)
	}
	return newLink(child, umbrella), nil
}

// newLink decides from an object and the Wukong that it names, which may be nil.
func newLink(child v1alpha1.Object, umbrella *v1alpha1.Wukong) Link {
	link := Link{name: child.UmbrellaName()}
	if link.name == "" {
		return link
	}
	for _, reference := range child.GetOwnerReferences() {
		if IsReference(reference) && reference.Name == link.name {
			link.carried = &reference
		}
	}
	if umbrella != nil && umbrella.DeletionTimestamp.IsZero() {
		link.umbrella = umbrella
	}
	return link
}

// OwnerReference returns the reference that the child should have, or nil without an umbrella. It is not a controller
// reference, and does not block the deletion of the Wukong.
//
// An existing reference remains, even if its Wukong is being deleted, is deleted, or was created again with the same
// name. The garbage collector deletes the child because of that reference. If we removed it, or pointed it at the new
// Wukong, before the garbage collector ran, the child would wrongly survive.
func (l Link) OwnerReference() *metav1.OwnerReference {
	switch {
	case l.carried != nil:
		return l.carried
	case l.umbrella == nil:
		return nil
	default:
		return &metav1.OwnerReference{
			APIVersion: v1alpha1.GroupVersion.String(),
			Kind:       "Wukong",
			Name:       l.umbrella.Name,
			UID:        l.umbrella.UID,
		}
	}
}

// IsReference reports whether an owner reference refers to a Wukong.
func IsReference(reference metav1.OwnerReference) bool {
	return reference.Kind == "Wukong" && reference.APIVersion == v1alpha1.GroupVersion.String()
}

// Report puts the UmbrellaLinked condition, if the object names an umbrella.
func (l Link) Report(set *conditions.Set) {
	switch {
	case l.name == "":
	case l.umbrella == nil:
		set.False(v1alpha1.ConditionUmbrellaLinked, v1alpha1.ReasonUmbrellaMissing, fmt.Sprintf(
			"Wukong %s does not exist; the object works without it, and is linked when it is created", l.name))
	case l.carried != nil && l.carried.UID != l.umbrella.UID:
		set.False(v1alpha1.ConditionUmbrellaLinked, v1alpha1.ReasonUmbrellaMissing, fmt.Sprintf(
			"the object belongs to an earlier Wukong %s, which was deleted; the garbage collector deletes the "+
				"object with it", l.name))
	default:
		set.True(v1alpha1.ConditionUmbrellaLinked, v1alpha1.ReasonUmbrellaLinked, "")
	}
}

// Handler enqueues the children of a Wukong that appears or is deleted. newList returns an empty list of the child
// kind.
func Handler(reader client.Reader, newList func() client.ObjectList) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, umbrella client.Object) []reconcile.Request {
		return watches.Requests(ctx, reader, newList(), client.InNamespace(umbrella.GetNamespace()),
			client.MatchingFields{IndexName: umbrella.GetName()})
	})
}

// Predicate accepts a Wukong that appears, is being deleted, or is deleted. It ignores status changes, which are
// frequent.
func Predicate() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}
