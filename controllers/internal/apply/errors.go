package apply

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// NameConflictError reports that an object that is not managed by this owner has the name of a child.
type NameConflictError struct {
	Kind, Name string
	// Owner is the controller of the object as "Kind name", empty when it has none.
	Owner string
	// Leaves: the object is being deleted.
	Leaves bool
	// Orphan: Wukong created the object, and it remained when its owner was deleted ('kubectl delete
	// --cascade=orphan').
	Orphan bool
}

// Error implements error. The message is shown in conditions.
func (e *NameConflictError) Error() string {
	switch {
	case e.Leaves:
		return fmt.Sprintf("%s %s belongs to another object and is being deleted: this continues when it is deleted",
			e.Kind, e.Name)
	case e.Orphan:
		return fmt.Sprintf("%s %s already exists, and was left behind when its owner was deleted: it is not "+
			"changed; %s", e.Kind, e.Name, e.advice())
	case e.Owner != "":
		return fmt.Sprintf("%s %s already exists and belongs to %s: it is not changed; %s", e.Kind,
			e.Name, e.Owner, e.advice())
	default:
		return fmt.Sprintf("%s %s already exists and has no owner: it is not changed; %s", e.Kind, e.Name, e.advice())
	}
}

// advice returns the fix. Some objects contain data that must not be lost.
func (e *NameConflictError) advice() string {
	switch e.Kind {
	case "WukongDisk":
		return "to use it, refer to it by diskRef in place of the template; else rename or remove it"
	case "WukongNetwork":
		return "to use it, refer to it by networkRef in place of the template; else rename or remove it"
	case "VirtualMachine":
		return "its guest may run: delete it, and it is created again; its disks remain"
	default:
		return "rename or remove it, or choose another name"
	}
}

func nameConflict(kind string, existing metav1.Object) error {
	conflict := &NameConflictError{
		Kind: kind, Name: existing.GetName(), Leaves: !existing.GetDeletionTimestamp().IsZero(),
	}
	if controller := metav1.GetControllerOf(existing); controller != nil {
		conflict.Owner = controller.Kind + " " + controller.Name
	} else {
		conflict.Orphan = Ours(existing)
	}
	return conflict
}

// Reason returns the condition reason for a permanent error. It is Pending when an object only has to be deleted
// first.
func Reason(err error) string {
	conflict := (*NameConflictError)(nil)
	switch {
	case errors.As(err, &conflict) && conflict.Leaves:
		return v1alpha1.ReasonPending
	case conflict != nil:
		return v1alpha1.ReasonNameConflict
	default:
		return v1alpha1.ReasonApplyRefused
	}
}

// RefusedError reports that the API server or an admission webhook refuses an object permanently: a retry would not
// help.
type RefusedError struct {
	Kind, Name string
	Err        error
}

// Error implements error. The message is shown in conditions.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Kind, e.Name, e.Err)
}

// Unwrap returns the API server's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// Classify returns a *RefusedError for a permanent refusal, and a wrapped error for one that a retry may resolve.
func Classify(kind, name string, err error) error {
	switch {
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err),
		apierrors.IsMethodNotSupported(err):
		return &RefusedError{Kind: kind, Name: name, Err: err}
	default:
		return fmt.Errorf("apply %s %s: %w", kind, name, err)
	}
}

// KindOf returns the kind of an object as users write it, for messages.
func KindOf(c client.Client, object client.Object) string {
	gvk, err := c.GroupVersionKindFor(object)
	if err != nil {
		return fmt.Sprintf("%T", object)
	}
	return gvk.Kind
}

// Permanent reports whether an error becomes a condition. All other errors are retried at once.
func Permanent(err error) bool {
	var conflict *NameConflictError
	var refused *RefusedError
	return errors.As(err, &conflict) || errors.As(err, &refused)
}
