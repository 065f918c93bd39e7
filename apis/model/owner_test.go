package model

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestOwners(t *testing.T) {
	yes := true
	reference := metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "WukongVM", Name: "web", UID: "1", Controller: &yes,
	}
	vm := &metav1.ObjectMeta{Name: "web", UID: "1"}
	made := &metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{reference}}
	expect(t, "web", MadeBy(made), "made by a WukongVM")
	expect(t, true, Belongs(made, vm), "made by a WukongVM")
	expect(t, false, Belongs(made, &metav1.ObjectMeta{Name: "web", UID: "2"}), "another of the name")

	retained := &metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationRetainedFor: "web/1"}}
	owner, ok := RetainedFor(retained)
	expect(t, true, ok, "retained")
	expect(t, Owner{Name: "web", UID: "1"}, owner, "retained")
	expect(t, true, Belongs(retained, vm), "retained")
	expect(t, "", MadeBy(retained), "retained, without a reference")

	foreign := reference
	foreign.APIVersion = "example.com/v1"
	expect(t, "", MadeBy(&metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{foreign}}), "another group")
	uncontrolled := reference
	uncontrolled.Controller = nil
	expect(t, "", MadeBy(&metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{uncontrolled}}), "no controller")
}
