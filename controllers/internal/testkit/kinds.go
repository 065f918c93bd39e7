package testkit

import (
	"reflect"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Kind is an object of our API that has conditions.
type Kind interface {
	client.Object
	v1alpha1.Object
}

// Wait waits until Ready of an object has the status and reason, is of the current generation, and its message
// contains words. It returns the object in that state, and updates the given one.
func Wait[K Kind](kit Kit, object K, status metav1.ConditionStatus, reason, words string) K {
	kit.kit().Helper()
	return WaitCondition(kit, object, v1alpha1.ConditionReady, status, reason, words)
}

// WaitTrue waits until an object is Ready for the reason.
func WaitTrue[K Kind](kit Kit, object K, reason string) K {
	kit.kit().Helper()
	return Wait(kit, object, metav1.ConditionTrue, reason, "")
}

// WaitCondition is Wait for any condition.
func WaitCondition[K Kind](
	kit Kit, object K, conditionType string, status metav1.ConditionStatus, reason, words string,
) K {
	kit.kit().Helper()
	return WaitUntil(kit, object, func(now *Attempt, current K) {
		found := meta.FindStatusCondition(current.GetConditions(), conditionType)
		require.NotNil(now, found, "it has no condition %s", conditionType)
		assert.Equal(now, string(status)+" "+reason, string(found.Status)+" "+found.Reason, found.Message)
		assert.Equal(now, current.GetGeneration(), found.ObservedGeneration,
			"condition %s is of another spec", conditionType)
		assert.Contains(now, found.Message, words)
	})
}

// WaitUntil reads an object until all assertions hold. It returns the object in that state, and updates the given one.
func WaitUntil[K client.Object](kit Kit, object K, look func(now *Attempt, current K), message ...any) K {
	f := kit.kit()
	f.Helper()
	current := object.DeepCopyObject().(K)
	f.Eventually(func(now *Attempt) {
		current = reflect.New(reflect.TypeOf(object).Elem()).Interface().(K)
		require.NoError(now, f.Client.Get(f.Context(), client.ObjectKeyFromObject(object), current))
		look(now, current)
	}, message...)
	reflect.ValueOf(object).Elem().Set(reflect.ValueOf(current.DeepCopyObject()).Elem())
	return current
}

// WaitGone waits until objects do not exist. A failure shows the object: its metadata shows what it waits for. The
// default namespace of namespaced objects is the test's.
func (f *Fixture) WaitGone(objects ...client.Object) {
	f.Helper()
	for _, object := range objects {
		key := client.ObjectKeyFromObject(object)
		if namespaced, err := f.Client.IsObjectNamespaced(object); err == nil && namespaced && key.Namespace == "" {
			key.Namespace = f.Namespace
		}
		last := object.DeepCopyObject().(client.Object)
		f.Eventually(func(now *Attempt) {
			err := f.Client.Get(f.Context(), key, last)
			require.NoError(f, client.IgnoreNotFound(err))
			if !apierrors.IsNotFound(err) {
				now.Errorf("%T %s is still there", object, key)
			}
		})
	}
}

// WaitEmpty waits until a namespace, or the cluster when that is empty, has no object of the kind of a list.
func (f *Fixture) WaitEmpty(namespace string, list client.ObjectList) {
	f.Helper()
	f.Eventually(func(now *Attempt) {
		require.NoError(f, f.Client.List(f.Context(), list, client.InNamespace(namespace)))
		assert.Zero(now, meta.LenList(list), "there are objects in a %T", list)
	})
}

// Say sets conditions of an object, all alike and of its current generation, as its controller does.
func Say[K Kind](
	kit Kit, object K, status metav1.ConditionStatus, reason, message string, conditionTypes ...string,
) {
	f := kit.kit()
	f.Helper()
	conditions := object.GetConditions()
	for _, conditionType := range conditionTypes {
		meta.SetStatusCondition(&conditions, metav1.Condition{
			Type: conditionType, Status: status, Reason: reason, Message: message,
			ObservedGeneration: object.GetGeneration(),
		})
	}
	object.SetConditions(conditions)
	f.SetStatus(object)
}

// SayPhase sets the phase of a WukongVM, for its current generation, as its controller does.
func SayPhase(kit Kit, vm *v1alpha1.WukongVM, phase v1alpha1.Phase) {
	f := kit.kit()
	f.Helper()
	Read(f, vm.Name, vm)
	vm.Status.Phase, vm.Status.ObservedGeneration = phase, vm.Generation
	f.SetStatus(vm)
}
