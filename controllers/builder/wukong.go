package builder

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Wukong is an application.
func Wukong(namespace, name string) *v1alpha1.Wukong {
	return &v1alpha1.Wukong{ObjectMeta: meta(namespace, name)}
}

// PartOf makes an object of any other kind a part of a Wukong, and returns it.
func PartOf[K v1alpha1.Object](wukong string, object K) K {
	ref := &v1alpha1.LocalObjectReference{Name: wukong}
	switch part := any(object).(type) {
	case *v1alpha1.WukongVM:
		part.Spec.WukongRef = ref
	case *v1alpha1.WukongDisk:
		part.Spec.WukongRef = ref
	case *v1alpha1.WukongNetwork:
		part.Spec.WukongRef = ref
	case *v1alpha1.WukongImage:
		part.Spec.WukongRef = ref
	case *v1alpha1.WukongExport:
		part.Spec.WukongRef = ref
	case *v1alpha1.WukongSnapshot:
		part.Spec.WukongRef = ref
	default:
		panic(fmt.Sprintf("builder.PartOf: a %T is no part of a Wukong", object))
	}
	return object
}

// Retained keeps the bytes of a disk, an image or a snapshot when its object is deleted. It is an option of all three.
func Retained[S v1alpha1.WukongDiskSpec | v1alpha1.WukongImageSpec | v1alpha1.WukongSnapshotSpec](spec *S) {
	switch kind := any(spec).(type) {
	case *v1alpha1.WukongDiskSpec:
		kind.ReclaimPolicy = v1alpha1.ReclaimRetain
	case *v1alpha1.WukongImageSpec:
		kind.ReclaimPolicy = v1alpha1.ReclaimRetain
	case *v1alpha1.WukongSnapshotSpec:
		kind.ReclaimPolicy = v1alpha1.ReclaimRetain
	}
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func apply[S any](spec *S, options []func(*S)) {
	for _, option := range options {
		option(spec)
	}
}
