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
		expected string
	}{
		"it can": {func(*v1alpha1.WukongVM) {}, ""},
		"it cannot": {
			migratable(metav1.ConditionFalse, "HostDevice", "it has a GPU"), "this machine cannot migrate: it has a GPU",
		},
		"it cannot, no message": {
			migratable(metav1.ConditionFalse, "HostDevice", ""), "this machine cannot migrate: HostDevice",
		},
		"KubeVirt does not know": {migratable(metav1.ConditionUnknown, "", ""),
			"KubeVirt has not reported yet whether this machine can migrate"},
		"KubeVirt has not looked at it": {func(vm *v1alpha1.WukongVM) { vm.Status.Conditions = nil },
			"KubeVirt has not reported yet whether this machine can migrate"},
		"it has no node": {func(vm *v1alpha1.WukongVM) { vm.Status.NodeName = "" }, "the machine does not run"},
		"it is to stop": {
			func(vm *v1alpha1.WukongVM) { vm.Spec.PowerState = v1alpha1.PowerStopped }, "the guest is shutting down",
		},
		"it migrates": {
			func(vm *v1alpha1.WukongVM) { vm.Status.Phase = v1alpha1.PhaseMigrating }, "the machine is migrating already",
		},
		"it is being deleted": {func(vm *v1alpha1.WukongVM) { vm.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time} },
			"the machine is being deleted"},
	} {
		vm := &v1alpha1.WukongVM{
			Spec:   v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning},
			Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseRunning, NodeName: "node1"},
		}
		migratable(metav1.ConditionTrue, v1alpha1.ReasonReady, "")(vm)
		test.change(vm)
		expect(t, test.expected, MigrationObstacle(vm), name)
	}
}
