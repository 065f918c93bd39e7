package testkit

import (
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

// Create creates objects, in order.
func (f *Fixture) Create(objects ...client.Object) {
	f.Helper()
	for _, object := range objects {
		require.NoError(f, f.Client.Create(f.Context(), object), "make %T %s", object, object.GetName())
	}
}

// Remove deletes an object.
func (f *Fixture) Remove(object client.Object, options ...client.DeleteOption) {
	f.Helper()
	require.NoError(f, f.Client.Delete(f.Context(), object, options...), "delete %T %s", object, object.GetName())
}

// RemoveInForeground deletes objects in the foreground, as Argo CD does, and waits until the garbage collector has
// processed each of them. By then it has deleted some of their dependents, but not surely all. Dependents that do not
// block their owner's deletion are deleted in parallel by other workers. One that is processed after the removal of
// the finalizer foregroundDeletion remains until the owner no longer exists (processTransitions and
// processDeletingDependentsItem in k8s.io/kubernetes/pkg/controller/garbagecollector).
func (f *Fixture) RemoveInForeground(objects ...client.Object) {
	f.Helper()
	for _, object := range objects {
		f.Remove(object, client.PropagationPolicy(metav1.DeletePropagationForeground))
	}
	for _, object := range objects {
		f.Until(func() bool {
			return !f.Has(object) || !controllerutil.ContainsFinalizer(object, metav1.FinalizerDeleteDependents)
		})
	}
}

// Patch merges a change, as JSON, into an object.
func (f *Fixture) Patch(object client.Object, change string) {
	f.Helper()
	require.NoError(f, f.Client.Patch(f.Context(), object, merge(change)), "patch %T %s", object, object.GetName())
}

// TryPatch returns the API server's answer to a change. It does not change the given object.
func (f *Fixture) TryPatch(object client.Object, change string) error {
	return f.Client.Patch(f.Context(), object.DeepCopyObject().(client.Object), merge(change))
}

func merge(change string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(change)) }

// SetStatus writes the status of an object, as the controller of its kind does.
func (f *Fixture) SetStatus(object client.Object) {
	f.Helper()
	require.NoError(f, f.Client.Status().Update(f.Context(), object), "set the status of %T %s", object,
		object.GetName())
}

// Exists reads an object of the test's namespace, and reports whether it exists.
func (f *Fixture) Exists(name string, object client.Object) bool {
	f.Helper()
	return f.exists(client.ObjectKey{Namespace: f.Namespace, Name: name}, object)
}

// Has reads an object by its own namespace and name, and reports whether it exists.
func (f *Fixture) Has(object client.Object) bool {
	f.Helper()
	return f.exists(client.ObjectKeyFromObject(object), object)
}

func (f *Fixture) exists(key client.ObjectKey, object client.Object) bool {
	f.Helper()
	err := f.Client.Get(f.Context(), key, object)
	require.NoError(f, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

// Named returns an object of the test's namespace without content, to be read or waited for.
func (f *Fixture) Named(name string, object client.Object) client.Object {
	object.SetNamespace(f.Namespace)
	object.SetName(name)
	return object
}

// Read reads an object of the test's namespace that must exist.
func Read[K client.Object](kit Kit, name string, object K) K {
	f := kit.kit()
	f.Helper()
	key := client.ObjectKey{Namespace: f.Namespace, Name: name}
	require.NoError(f, f.Client.Get(f.Context(), key, object), "read %T %s", object, key)
	return object
}

// Edit changes an object as a user who edits it, and sends the difference. It updates the given object.
func Edit[K client.Object](kit Kit, object K, edit func(K)) {
	f := kit.kit()
	f.Helper()
	require.NoError(f, f.Client.Get(f.Context(), client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(K)
	edit(object)
	require.NoError(f, f.Client.Patch(f.Context(), object, client.MergeFrom(before)), "edit %T %s",
		object, object.GetName())
}
