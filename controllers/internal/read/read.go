// Package read returns nil for "not found", so that an observation shows what does not exist as plainly as what does.
package read

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Get reads an object into obj and returns it, or nil when it does not exist.
func Get[T client.Object](ctx context.Context, reader client.Reader, namespace, name string, obj T) (T, error) {
	var none T
	err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, obj)
	switch {
	case apierrors.IsNotFound(err):
		return none, nil
	case err != nil:
		return none, fmt.Errorf("get %T %s: %w", obj, name, err)
	default:
		return obj, nil
	}
}
