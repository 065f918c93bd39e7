package model

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// IsVM reports whether an owner reference is one to a WukongVM.
func IsVM(reference metav1.OwnerReference) bool {
	return reference.Kind == "WukongVM" && reference.APIVersion == v1alpha1.GroupVersion.String()
}

// MadeBy is the WukongVM that made an object, for example a disk from a template; empty for none.
func MadeBy(obj metav1.Object) string {
	owner := metav1.GetControllerOf(obj)
	if owner == nil || !IsVM(*owner) {
		return ""
	}
	return owner.Name
}

// Belongs reports whether an object is a child of owner: controlled by it, or retained for it.
func Belongs(obj, owner metav1.Object) bool {
	if controller := metav1.GetControllerOf(obj); controller != nil {
		return controller.UID == owner.GetUID()
	}
	retainedFor, ok := RetainedFor(obj)
	return ok && retainedFor.UID == owner.GetUID()
}

// Owner is the owner that a retained child does not refer to.
type Owner struct {
	Name string
	UID  types.UID
}

// RetainedFor is the owner of a retained child, which outlives it; ok is false for an object that is none.
func RetainedFor(obj metav1.Object) (owner Owner, ok bool) {
	name, uid, ok := strings.Cut(obj.GetAnnotations()[v1alpha1.AnnotationRetainedFor], "/")
	return Owner{Name: name, UID: types.UID(uid)}, ok
}
