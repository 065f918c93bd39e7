// Package umbrella links an object to the Wukong that its spec.wukongRef names, by a plain owner reference: deleting the
// Wukong lets the garbage collector delete its children. Each child's own reconciler makes the link; the Wukong's
// reconciler never writes to children.
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

// Index is the extractor of IndexName.
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
	// carried is the reference by that name which the object has already.
	carried *metav1.OwnerReference
}

// Observe reads the Wukong that the object names, if any. One that does not exist is no error.
func Observe(ctx context.Context, reader client.Reader, child v1alpha1.Object) (Link, error) {
	name := child.UmbrellaName()
	if name == "" {
		return newLink(child, nil), nil
	}
	// Its status, the only thing of it that is ever written, does not matter here, so that no write has to be waited for.
	umbrella := &v1alpha1.Wukong{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: child.GetNamespace(), Name: name}, umbrella, client.DisableReadYourWritesConsistency)
	if apierrors.IsNotFound(err) {
		return newLink(child, nil), nil
	}
	if err != nil {
		return Link{}, fmt.Errorf("get Wukong %s: %w", name, err)
	}
	return newLink(child, umbrella), nil
}

// newLink decides from an object and the Wukong that it names; nil for none.
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

// OwnerReference is the reference that the child should carry; nil without an umbrella. It is not a controller
// reference, and does not block the deletion of the Wukong.
//
// A reference that the child carries already stays, also when its Wukong is going, gone, or made anew under the name: the
// garbage collector is about to delete the child for it, and a reference that we took off, or turned to the new Wukong, would
// save the child from that whenever we were faster.
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

// IsReference tells whether an owner reference is one to a Wukong.
func IsReference(reference metav1.OwnerReference) bool {
	return reference.Kind == "Wukong" && reference.APIVersion == v1alpha1.GroupVersion.String()
}

// Report puts the UmbrellaLinked condition, if the object names an umbrella at all.
func (l Link) Report(set *conditions.Set) {
	switch {
	case l.name == "":
	case l.umbrella == nil:
		set.False(v1alpha1.ConditionUmbrellaLinked, v1alpha1.ReasonUmbrellaMissing, fmt.Sprintf(
			"Wukong %s does not exist; everything works without it, and the link is made when it is created", l.name))
	case l.carried != nil && l.carried.UID != l.umbrella.UID:
		set.False(v1alpha1.ConditionUmbrellaLinked, v1alpha1.ReasonUmbrellaMissing, fmt.Sprintf(
			"the object belongs to an earlier Wukong %s, which was deleted; the garbage collector deletes the object with it", l.name))
	default:
		set.True(v1alpha1.ConditionUmbrellaLinked, v1alpha1.ReasonUmbrellaLinked, "")
	}
}

// Handler enqueues the children that name a Wukong which appears or goes. newList makes an empty list of the child kind.
func Handler(reader client.Reader, newList func() client.ObjectList) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, umbrella client.Object) []reconcile.Request {
		return watches.Requests(ctx, reader, newList(), client.InNamespace(umbrella.GetNamespace()),
			client.MatchingFields{IndexName: umbrella.GetName()})
	})
}

// Predicate lets pass a Wukong that appears, goes, or begins to go. Its status, which changes often, is no news to children.
func Predicate() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
				e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}
