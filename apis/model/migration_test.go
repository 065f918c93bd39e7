package model

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestMigrationObstacle(t *testing.T) {
	migratable := func(status metav1.ConditionStatus, reason, message string) func(*v1alpha1.WukongVM) {
		return func(vm *v1alpha1.WukongVM) {
			vm.Status.Conditions = []metav1.Condition{{
				Type: v1alpha1.ConditionLiveMigratable, Status: status, Reason: reason, Message: message,
			}}
		}
	}
	for name, test := range map[string]struct {
		change   func(*v1alpha1.WukongVM)
		reason   string
		expected string
	}{
		"it can": {func(*v1alpha1.WukongVM) {}, "", ""},
		"it cannot": {
			migratable(metav1.ConditionFalse, "HostDevice", "it has a GPU"), v1alpha1.ReasonNotMigratable,
			"WukongVM web cannot migrate: it has a GPU",
		},
		"it cannot, no message": {
			migratable(metav1.ConditionFalse, "HostDevice", ""), v1alpha1.ReasonNotMigratable,
			"WukongVM web cannot migrate: HostDevice",
		},
		"KubeVirt does not know": {migratable(metav1.ConditionUnknown, "", ""),
			v1alpha1.ReasonNotMigratable, "KubeVirt has not reported yet whether WukongVM web can migrate"},
		"KubeVirt has not looked at it": {func(vm *v1alpha1.WukongVM) { vm.Status.Conditions = nil },
			v1alpha1.ReasonNotMigratable, "KubeVirt has not reported yet whether WukongVM web can migrate"},
		"it has no node": {func(vm *v1alpha1.WukongVM) { vm.Status.NodeName = "" }, v1alpha1.ReasonNotRunning,
			"WukongVM web does not run: start it (powerState: Running); when it starts, the scheduler chooses " +
				"its node"},
		"it is to stop": {
			func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped }, v1alpha1.ReasonNotRunning,
			"the guest of WukongVM web is shutting down",
		},
		"it migrates": {
			func(vm *v1alpha1.WukongVM) { vm.Status.Phase = v1alpha1.PhaseMigrating }, v1alpha1.ReasonBusy,
			"WukongVM web is migrating already",
		},
		"it is being deleted": {func(vm *v1alpha1.WukongVM) {
			vm.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time}
		},
			v1alpha1.ReasonTerminating, "WukongVM web is being deleted"},
	} {
		vm := &v1alpha1.WukongVM{
			ObjectMeta: metav1.ObjectMeta{Name: "web"},
			Spec:       v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning},
			Status:     v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseRunning, NodeName: "node1"},
		}
		migratable(metav1.ConditionTrue, v1alpha1.ReasonReady, "")(vm)
		test.change(vm)
		var found v1alpha1.MigrationObstacle
		if obstacle := MigrationObstacle(vm); obstacle != nil {
			found = *obstacle
		}
		expect(t, v1alpha1.MigrationObstacle{Reason: test.reason, Message: test.expected}, found, name)
	}
}
