package model

import (
	"cmp"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// MigrationObstacle returns why a WukongVM cannot migrate to another node now, according to its status; nil if it can.
// Whether another node has room for the guest is known only when a migration is attempted.
func MigrationObstacle(vm *v1alpha1.WukongVM) *v1alpha1.MigrationObstacle {
	because := func(reason, message string) *v1alpha1.MigrationObstacle {
		return &v1alpha1.MigrationObstacle{Reason: reason, Message: message}
	}
	migratable := meta.FindStatusCondition(vm.Status.Conditions, v1alpha1.ConditionLiveMigratable)
	switch {
	case !vm.DeletionTimestamp.IsZero():
		return because(v1alpha1.ReasonTerminating, "WukongVM "+vm.Name+" is being deleted")
	case vm.Spec.PowerState == v1alpha1.PowerStopped && HasGuest(vm):
		return because(v1alpha1.ReasonNotRunning, "the guest of WukongVM "+vm.Name+" is shutting down")
	case !HasGuest(vm):
		return because(v1alpha1.ReasonNotRunning, "WukongVM "+vm.Name+" does not run: start it (powerState: Running); "+
			"when it starts, the scheduler chooses its node")
	case vm.Status.Phase == v1alpha1.PhaseMigrating:
		return because(v1alpha1.ReasonBusy, "WukongVM "+vm.Name+" is migrating already")
	case migratable == nil || migratable.Status == metav1.ConditionUnknown:
		return because(v1alpha1.ReasonNotMigratable,
			"KubeVirt has not reported yet whether WukongVM "+vm.Name+" can migrate")
	case migratable.Status == metav1.ConditionFalse:
		return because(v1alpha1.ReasonNotMigratable,
			"WukongVM "+vm.Name+" cannot migrate: "+cmp.Or(migratable.Message, migratable.Reason))
	default:
		return nil
	}
}
