package model

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// IsVM reports whether an owner reference refers to a WukongVM.
func IsVM(reference metav1.OwnerReference) bool {
	return reference.Kind == "WukongVM" && reference.APIVersion == v1alpha1.GroupVersion.String()
}

// MadeBy returns the name of the WukongVM for which an object was created, for example a disk from its template; empty
// if there is none.
func MadeBy(obj metav1.Object) string {
	owner := metav1.GetControllerOf(obj)
	if owner == nil || !IsVM(*owner) {
		return ""
	}
	return owner.Name
}

// Belongs reports whether an object is a child of owner: owner controls it, or it is retained for owner.
func Belongs(obj, owner metav1.Object) bool {
	if controller := metav1.GetControllerOf(obj); controller != nil {
		return controller.UID == owner.GetUID()
	}
	retainedFor, ok := RetainedFor(obj)
	return ok && retainedFor.UID == owner.GetUID()
}

// Owner identifies the owner of a retained child, which has no owner reference.
type Owner struct {
	Name string
	UID  types.UID
}

// RetainedFor returns the owner of a retained child, which can outlive its owner; ok is false if the object is not a
// retained child.
func RetainedFor(obj metav1.Object) (owner Owner, ok bool) {
	name, uid, ok := strings.Cut(obj.GetAnnotations()[v1alpha1.AnnotationRetainedFor], "/")
	return Owner{Name: name, UID: types.UID(uid)}, ok
}
