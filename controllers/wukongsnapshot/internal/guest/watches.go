package guest

import (
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Change accepts instances whose guest changed.
func Change() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before := e.ObjectOld.(*kubevirtv1.VirtualMachineInstance)
			after := e.ObjectNew.(*kubevirtv1.VirtualMachineInstance)
			return !same(Of(before), Of(after))
		},
	}
}

// same reports whether two observations of a guest are equal.
func same(one, two *Guest) bool {
	if one == nil || two == nil {
		return one == two
	}
	return *one == *two
}
