package backing

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// ClaimChange accepts changes of what a disk reads of a claim. All claims are watched, because any claim may have the
// name of a disk.
func ClaimChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*corev1.PersistentVolumeClaim), e.ObjectNew.(*corev1.PersistentVolumeClaim)
			return before.UID != after.UID ||
				before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero() ||
				!equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
				!equality.Semantic.DeepEqual(before.Spec, after.Spec) ||
				before.Status.Phase != after.Status.Phase ||
				!equality.Semantic.DeepEqual(before.Status.Capacity, after.Status.Capacity) ||
				!slices.EqualFunc(before.Status.Conditions, after.Status.Conditions, sameCondition)
		},
	}
}

// sameCondition ignores times: a resizer that retries writes them each time.
func sameCondition(one, two corev1.PersistentVolumeClaimCondition) bool {
	return one.Type == two.Type && one.Status == two.Status && one.Message == two.Message
}

// ClaimNameChange accepts disks that are created or deleted, and those whose status names another claim.
func ClaimNameChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*v1alpha1.WukongDisk), e.ObjectNew.(*v1alpha1.WukongDisk)
			return before.Status.ClaimName != after.Status.ClaimName
		},
	}
}

// UserChoice accepts disks of which a user decided which claim holds them, or that they are filled again.
func UserChoice() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
			return before[v1alpha1.AnnotationClaimInUse] != after[v1alpha1.AnnotationClaimInUse] ||
				before[v1alpha1.AnnotationFilled] != "" && after[v1alpha1.AnnotationFilled] == ""
		},
	}
}
