package kind

import (
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Keep is how much of an object a reader reads. See Copy.
type Keep interface {
	// copy copies to kept what is read of full. It ignores objects of another type.
	copy(full, kept client.Object)
}

// Pointer is a pointer to an object's struct.
type Pointer[T any] interface {
	*T
	client.Object
}

type copies[T any, P Pointer[T]] []func(full, kept P)

func (c copies[T, P]) copy(full, kept client.Object) {
	typed, ok := full.(P)
	if !ok {
		return
	}
	for _, one := range c {
		one(typed, kept.(P))
	}
}

// Copy returns a Keep of functions, each of which copies what one reader reads from the full object to an empty one.
// The metadata is copied already, but for annotations and managed fields.
func Copy[T any, P Pointer[T]](functions ...func(full, kept P)) Keep {
	return copies[T, P](functions)
}

// Kept is an object as a reader with the given functions of Copy gets it. Unit tests pass what they create of foreign
// objects through it.
func Kept[T any, P Pointer[T]](full P, functions ...func(full, kept P)) P {
	if full == nil {
		return nil
	}
	return keep(full, Copy(functions...)).(P)
}

// keepsOf returns the Keeps of all readers of a type, or false when one of them reads everything.
func keepsOf(readers []Read) (keeps []Keep, some bool) {
	for _, read := range readers {
		if read.Keep == nil {
			return nil, false
		}
		keeps = append(keeps, read.Keep)
	}
	return keeps, true
}

// keep returns an object with what any Keep copies. What is not of the type of an object, such as the last known state
// of a deleted one, stays as it is.
func keep(obj any, keeps ...Keep) any {
	full, ok := obj.(client.Object)
	if !ok {
		return obj
	}
	metadata := metadataOf(full)
	if metadata == nil {
		full.SetManagedFields(nil) // it is unstructured
		return obj
	}
	kept := reflect.New(reflect.TypeOf(obj).Elem()).Interface().(client.Object)
	kept.GetObjectKind().SetGroupVersionKind(full.GetObjectKind().GroupVersionKind())
	left := metadataOf(kept)
	*left = *metadata
	left.ManagedFields, left.Annotations = nil, nil
	for _, one := range keeps {
		one.copy(full, kept)
	}
	return kept
}

// metadataOf returns the metadata of an object of a Go type, or nil for an unstructured one.
func metadataOf(obj client.Object) *metav1.ObjectMeta {
	if accessor, ok := obj.(metav1.ObjectMetaAccessor); ok {
		metadata, _ := accessor.GetObjectMeta().(*metav1.ObjectMeta)
		return metadata
	}
	return nil
}

// KeepAnnotations copies the annotations that a test accepts, and leaves those that are there already.
func KeepAnnotations(full, kept client.Object, accept func(key string) bool) {
	annotations := kept.GetAnnotations()
	for key, value := range full.GetAnnotations() {
		if !accept(key) {
			continue
		}
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = value
	}
	kept.SetAnnotations(annotations)
}
