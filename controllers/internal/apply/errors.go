package apply

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NameConflictError says that an object which is not ours has a name that we need.
type NameConflictError struct {
	Kind, Name string
	// Owner is the controller of the object as "Kind name", empty when it has none.
	Owner string
}

// Error implements error. The message goes into conditions.
func (e *NameConflictError) Error() string {
	owner := "has no owner"
	if e.Owner != "" {
		owner = "belongs to " + e.Owner
	}
	return fmt.Sprintf("%s %s exists already and %s: it is left alone; rename or remove it, or choose another name", e.Kind, e.Name, owner)
}

func nameConflict(kind string, existing metav1.Object) error {
	conflict := &NameConflictError{Kind: kind, Name: existing.GetName()}
	if controller := metav1.GetControllerOf(existing); controller != nil {
		conflict.Owner = controller.Kind + " " + controller.Name
	}
	return conflict
}

// RefusedError says that the API server, or an admission webhook, refuses an object for good: sending it again would
// not help.
type RefusedError struct {
	Kind, Name string
	Err        error
}

// Error implements error. The message goes into conditions.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Kind, e.Name, e.Err)
}

// Unwrap returns the API server's error.
func (e *RefusedError) Unwrap() error { return e.Err }

// Classify tells permanent refusals, which become *RefusedError, from errors that a retry may mend.
func Classify(kind, name string, err error) error {
	switch {
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err), apierrors.IsMethodNotSupported(err):
		return &RefusedError{Kind: kind, Name: name, Err: err}
	default:
		return fmt.Errorf("apply %s %s: %w", kind, name, err)
	}
}

// IsNameConflict tells whether an object that is not ours has a name that we need.
func IsNameConflict(err error) bool {
	var conflict *NameConflictError
	return errors.As(err, &conflict)
}

// Permanent tells errors that become a condition from those that are tried again at once.
func Permanent(err error) bool {
	var conflict *NameConflictError
	var refused *RefusedError
	return errors.As(err, &conflict) || errors.As(err, &refused)
}
