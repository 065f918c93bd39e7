package dependency

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// definition is a CustomResourceDefinition of VirtualMachines, as the cache has it.
func definition(
	established apiextensionsv1.ConditionStatus, options ...func(*apiextensionsv1.CustomResourceDefinition),
) *apiextensionsv1.CustomResourceDefinition {
	result := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: VirtualMachines.Resource},
		Spec:       apiextensionsv1.CustomResourceDefinitionSpec{Group: "kubevirt.io"},
	}
	result.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{
		{Type: apiextensionsv1.NamesAccepted, Status: apiextensionsv1.ConditionTrue},
	}
	if established != "" {
		result.Status.Conditions = append(result.Status.Conditions,
			apiextensionsv1.CustomResourceDefinitionCondition{Type: apiextensionsv1.Established, Status: established})
	}
	for _, option := range options {
		option(result)
	}
	kept := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: result.ObjectMeta}
	KeepDefinition(result, kept)
	return kept
}

func ending(result *apiextensionsv1.CustomResourceDefinition) {
	result.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
}

// definitions are what a cache has; nil for an API server that does not answer.
type definitions struct {
	client.Reader
	byName map[string]*apiextensionsv1.CustomResourceDefinition
}

func (d *definitions) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if d.byName == nil {
		return errors.New("connection refused")
	}
	found := d.byName[key.Name]
	if found == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "customresourcedefinitions"}, key.Name)
	}
	found.DeepCopyInto(into.(*apiextensionsv1.CustomResourceDefinition))
	return nil
}

func registryWith(found ...*apiextensionsv1.CustomResourceDefinition) (*Registry, *definitions) {
	reader := &definitions{byName: map[string]*apiextensionsv1.CustomResourceDefinition{}}
	for _, one := range found {
		reader.byName[one.Name] = one
	}
	return &Registry{reader: reader, pending: map[string][]func() error{}}, reader
}

// An API that is being installed or removed must not be read: the read would fail.
func TestServed(t *testing.T) {
	for name, row := range map[string]struct {
		definition *apiextensionsv1.CustomResourceDefinition
		served     bool
	}{
		"established":            {definition(apiextensionsv1.ConditionTrue), true},
		"refused by the server":  {definition(apiextensionsv1.ConditionFalse), false},
		"installed a moment ago": {definition(""), false},
		"being removed":          {definition(apiextensionsv1.ConditionTrue, ending), false},
	} {
		registry, _ := registryWith(row.definition)
		served, err := registry.Served(t.Context(), VirtualMachines)
		require.NoError(t, err, name)
		assert.Equal(t, row.served, served, name)
	}
	registry, reader := registryWith()
	served, err := registry.Served(t.Context(), VirtualMachines)
	require.NoError(t, err)
	assert.False(t, served, "not installed")
	reader.byName = nil
	_, err = registry.Served(t.Context(), VirtualMachines)
	assert.EqualError(t, err, "get CustomResourceDefinition virtualmachines.kubevirt.io: connection refused",
		"an error is not taken for an API that is missing")
}

// watching is a watch that waits for VirtualMachines, and how often it was begun.
func watching(registry *Registry, fails *error) *int {
	begun := new(int)
	registry.pending[VirtualMachines.Resource] = append(registry.pending[VirtualMachines.Resource], func() error {
		if fails != nil && *fails != nil {
			return *fails
		}
		*begun++
		return nil
	})
	return begun
}

// KubeVirt is installed after Wukong, removed, and installed again: each controller watches it, once.
func TestAWatchBeginsWhenItsAPIIsServed(t *testing.T) {
	registry, reader := registryWith()
	first, second := watching(registry, nil), watching(registry, nil)
	look := func(found *apiextensionsv1.CustomResourceDefinition) {
		delete(reader.byName, VirtualMachines.Resource)
		if found != nil {
			reader.byName[found.Name] = found
		}
		request := reconcile.Request{NamespacedName: types.NamespacedName{Name: VirtualMachines.Resource}}
		_, err := registry.reconcile(t.Context(), request)
		require.NoError(t, err)
	}
	look(nil)
	look(definition(""))
	assert.Zero(t, *first, "a watch of what is not served would fail")
	look(definition(apiextensionsv1.ConditionTrue))
	assert.Equal(t, []int{1, 1}, []int{*first, *second})
	look(definition(apiextensionsv1.ConditionTrue, ending))
	look(nil)
	look(definition(apiextensionsv1.ConditionTrue))
	assert.Equal(t, []int{1, 1}, []int{*first, *second}, "the watch has gone on")
	late := watching(registry, nil)
	look(definition(apiextensionsv1.ConditionTrue))
	assert.Equal(t, []int{1, 1, 1}, []int{*first, *second, *late})
}

// A watch that cannot begin is tried again, and those that have begun do not begin twice.
func TestAWatchThatCannotBegin(t *testing.T) {
	registry, _ := registryWith(definition(apiextensionsv1.ConditionTrue))
	fault := errors.New("the cache is not started")
	first, second := watching(registry, nil), watching(registry, &fault)
	request := reconcile.Request{NamespacedName: types.NamespacedName{Name: VirtualMachines.Resource}}
	_, err := registry.reconcile(t.Context(), request)
	require.EqualError(t, err, "watch virtualmachines.kubevirt.io: the cache is not started")
	fault = nil
	_, err = registry.reconcile(t.Context(), request)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1}, []int{*first, *second})
}

// The API server updates definitions while it serves them; only what begins or ends that starts a pass.
func TestServedChanged(t *testing.T) {
	on, off := definition(apiextensionsv1.ConditionTrue), definition("")
	for name, row := range map[string]struct {
		before, after client.Object
		matters       bool
	}{
		"it is served now":            {off, on, true},
		"it is not served any longer": {on, definition(apiextensionsv1.ConditionTrue, ending), true},
		"it was refused before":       {definition(apiextensionsv1.ConditionFalse), off, false},
		"nothing of it":               {on, definition(apiextensionsv1.ConditionTrue), false},
		"another kind of object":      {&metav1.PartialObjectMetadata{}, on, false},
	} {
		changed := servedChanged().Update(event.UpdateEvent{ObjectOld: row.before, ObjectNew: row.after})
		assert.Equal(t, row.matters, changed, name)
	}
	assert.True(t, servedChanged().Create(event.CreateEvent{Object: on}))
	assert.True(t, servedChanged().Delete(event.DeleteEvent{Object: on}), "objects wait for it again")
}

// A user reads what to install, and a REST mapper where the objects are.
func TestWhatAnAPISaysOfItself(t *testing.T) {
	assert.Equal(t, "NMState (kubernetes-nmstate) is not installed: the cluster does not serve "+
		"nodenetworkconfigurationpolicies.nmstate.io; install it, and the object continues automatically",
		NodePolicies.Missing())
	assert.Equal(t, meta.RESTScopeRoot, NodePolicies.Scope())
	assert.Equal(t, meta.RESTScopeNamespace, VirtualMachines.Scope())
}
