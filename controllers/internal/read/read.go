// Package read returns nil for "not found", so that an observation shows what does not exist as plainly as what does.
package read

import (
	"context"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Get reads an object into obj and returns it, or nil when it does not exist.
func Get[T client.Object](ctx context.Context, reader client.Reader, namespace, name string, obj T) (T, error) {
	var none T
	kind := kindOf(obj)
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, obj)
	switch {
	case apierrors.IsNotFound(err):
		return none, nil
	case err != nil:
		return none, fmt.Errorf("get %s %s: %w", kind, name, err)
	default:
		return obj, nil
	}
}

// kindOf returns the kind of an object as users write it, because conditions show the errors. An object without a kind
// is of a Go type with the name of its kind. (apply.KindOf asks a client, and not every reader is one.)
func kindOf(obj client.Object) string {
	if kind := obj.GetObjectKind().GroupVersionKind().Kind; kind != "" {
		return kind
	}
	return reflect.TypeOf(obj).Elem().Name()
}
