package provisioner

import (
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// FailureChange accepts events that are created and events whose message changed. It ignores repeated and expired
// events.
func FailureChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.(*corev1.Event).Message != e.ObjectNew.(*corev1.Event).Message
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

// ClassChange accepts StorageClasses that are created or seen for the first time, and those that change whether their
// claims can grow, or whether they are the default.
func ClassChange() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := e.ObjectOld.(*storagev1.StorageClass), e.ObjectNew.(*storagev1.StorageClass)
			return ptr.Deref(before.AllowVolumeExpansion, false) != ptr.Deref(after.AllowVolumeExpansion, false) ||
				isDefault(before) != isDefault(after)
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
