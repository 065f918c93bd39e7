package harness

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Make creates objects, in order.
func (c *Cluster) Make(t testing.TB, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		require.NoError(t, c.Create(t.Context(), object), "%T %s", object, object.GetName())
	}
}

// Change edits an object as a person does: it reads the object and sends the difference.
func Change[T client.Object](t testing.TB, c *Cluster, object T, edit func(T)) {
	t.Helper()
	require.NoError(t, c.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(T)
	edit(object)
	require.NoError(t, c.Patch(t.Context(), object, client.MergeFrom(before)))
}
