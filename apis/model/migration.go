package model

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// MigrationObstacle is why a WukongVM cannot migrate to another node now, as far as its status says; empty when it
// can. Whether another node has room for it is not known before it is tried.
func MigrationObstacle(vm *v1alpha1.WukongVM) string {
	migratable := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionLiveMigratable)
	switch {
	case !vm.DeletionTimestamp.IsZero():
		return "the machine is being deleted"
	case !HasGuest(vm):
		return "the machine does not run"
	case vm.Spec.PowerState == v1alpha1.PowerStopped:
		return "the guest is shutting down"
	case vm.Status.Phase == v1alpha1.PhaseMigrating:
		return "the machine is migrating already"
	case migratable == nil || migratable.Status == metav1.ConditionUnknown:
		return "KubeVirt has not reported yet whether this machine can migrate"
	case migratable.Status == metav1.ConditionFalse:
		return "this machine cannot migrate: " + cmp.Or(migratable.Message, migratable.Reason)
	default:
		return ""
	}
}
