package power

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/kind/keeptest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

const (
	always = kubevirtv1.RunStrategyAlways
	halted = kubevirtv1.RunStrategyHalted
)

func virtualMachineWith(strategy kubevirtv1.VirtualMachineRunStrategy) *kubevirtv1.VirtualMachine {
	return &kubevirtv1.VirtualMachine{Spec: kubevirtv1.VirtualMachineSpec{RunStrategy: &strategy}}
}

func inputs(power v1alpha1.PowerState, strategy kubevirtv1.VirtualMachineRunStrategy) Inputs {
	return Inputs{
		VM:   &v1alpha1.WukongVM{Spec: v1alpha1.WukongVMSpec{PowerState: power, RestartPolicy: v1alpha1.RestartAlways}},
		View: virt.View{Machine: virtualMachineWith(strategy)},
	}
}

func TestB22OneTableForRunStrategy(t *testing.T) {
	for _, row := range []struct {
		power   v1alpha1.PowerState
		restart v1alpha1.RestartPolicy
		want    kubevirtv1.VirtualMachineRunStrategy
	}{
		{v1alpha1.PowerRunning, v1alpha1.RestartAlways, kubevirtv1.RunStrategyAlways},
		{v1alpha1.PowerRunning, v1alpha1.RestartOnFailure, kubevirtv1.RunStrategyRerunOnFailure},
		{v1alpha1.PowerRunning, v1alpha1.RestartNever, kubevirtv1.RunStrategyOnce},
		{v1alpha1.PowerStopped, v1alpha1.RestartAlways, kubevirtv1.RunStrategyHalted},
		{v1alpha1.PowerStopped, v1alpha1.RestartNever, kubevirtv1.RunStrategyHalted},
	} {
		vm := &v1alpha1.WukongVM{Spec: v1alpha1.WukongVMSpec{PowerState: row.power, RestartPolicy: row.restart}}
		assert.Equal(t, row.want, ofSpec(vm), "%s %s", row.power, row.restart)
	}
}

func TestWhatChangesAVirtualMachineThatMustStayAsItIs(t *testing.T) {
	for name, row := range map[string]struct {
		power        v1alpha1.PowerState
		has          kubevirtv1.VirtualMachineRunStrategy
		waits, lacks bool
		want         kubevirtv1.VirtualMachineRunStrategy
		changes, end bool
	}{
		"started":                       {power: v1alpha1.PowerRunning, has: halted, want: always, changes: true},
		"runs":                          {power: v1alpha1.PowerRunning, has: always, want: always},
		"stopped":                       {power: v1alpha1.PowerStopped, has: always, want: halted, changes: true},
		"not without all that it needs": {power: v1alpha1.PowerRunning, has: halted, lacks: true},
		"stopped, whatever it lacks": {power: v1alpha1.PowerStopped, has: always, lacks: true,
			want: halted, changes: true},
		"waits for a disk":                 {power: v1alpha1.PowerRunning, has: halted, waits: true, want: halted},
		"waits for a disk, and may run":    {power: v1alpha1.PowerRunning, has: always, waits: true, want: always},
		"somebody deletes the machine now": {power: v1alpha1.PowerStopped, has: always, end: true},
	} {
		t.Run(name, func(t *testing.T) {
			in := inputs(row.power, row.has)
			in.Waits, in.Incomplete = row.waits, row.lacks
			if row.end {
				now := metav1.Now()
				in.Machine.DeletionTimestamp = &now
			}
			got, changes := in.Change()
			assert.Equal(t, row.want, got)
			assert.Equal(t, row.changes, changes)
		})
	}
	in := inputs(v1alpha1.PowerStopped, always)
	in.Machine = nil
	_, changes := in.Change()
	assert.False(t, changes)
}

// While KubeVirt migrates a volume, the VirtualMachine names an incomplete claim: no guest must start on it.
func TestNoGuestStartsByItselfWhileAVolumeMigrates(t *testing.T) {
	const manual = kubevirtv1.RunStrategyManual
	running := keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Running},
	}, virt.KeepInstance)
	in := inputs(v1alpha1.PowerRunning, always)
	in.Migrates, in.Instance = true, running
	assert.Equal(t, manual, in.Strategy())
	in.VM.Spec.PowerState = v1alpha1.PowerStopped
	assert.Equal(t, halted, in.Strategy(), "it can be stopped")

	in = inputs(v1alpha1.PowerRunning, manual)
	assert.Equal(t, always, in.Strategy(), "it has moved")
	in.Waits, in.Instance = true, running
	assert.Equal(t, always, in.Strategy(), "another disk that is copied, and that it does not have, keeps "+
		"nothing that runs")
	in.Waits, in.Undecided = false, true
	assert.Equal(t, manual, in.Strategy(), "nobody knows which claim holds the disk: the guest that runs is left alone")
	in.Instance = nil
	assert.Equal(t, halted, in.Strategy(), "and the next one does not start")
	in.Machine = nil
	assert.Equal(t, halted, in.Strategy(), "nor in a VirtualMachine that is made again")
}

// Fault C.10: 'virtctl stop' is undone, and nothing reports by whom.
func TestWhoseStopIsUndone(t *testing.T) {
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: v1alpha1.WukongVMSpec{PowerState: v1alpha1.PowerRunning},
		Status: v1alpha1.WukongVMStatus{Phase: v1alpha1.PhaseRunning, ObservedGeneration: 2},
	}
	assert.True(t, StoppedOutside(vm, virtualMachineWith(halted)))
	assert.False(t, StoppedOutside(vm, nil))
	assert.False(t, StoppedOutside(vm, virtualMachineWith(always)))
	vm.Generation++
	assert.False(t, StoppedOutside(vm, virtualMachineWith(halted)), "a person has just set powerState to Running")
	vm.Generation--
	vm.Status.Phase = v1alpha1.PhaseStarting
	assert.False(t, StoppedOutside(vm, virtualMachineWith(halted)), "it was held back")
}

// Fault B.8: a guest that shut itself down is not reported as starting.
func TestAGuestThatShutItselfDown(t *testing.T) {
	ended := keeptest.Object(&kubevirtv1.VirtualMachineInstance{
		Status: kubevirtv1.VirtualMachineInstanceStatus{Phase: kubevirtv1.Succeeded},
	}, virt.KeepInstance)
	for name, row := range map[string]struct {
		strategy kubevirtv1.VirtualMachineRunStrategy
		instance *kubevirtv1.VirtualMachineInstance
		status   func(*kubevirtv1.VirtualMachineStatus)
		want     bool
	}{
		"once":                       {strategy: kubevirtv1.RunStrategyOnce, instance: ended, want: true},
		"once, and it has not run":   {strategy: kubevirtv1.RunStrategyOnce},
		"always":                     {strategy: always, instance: ended},
		"on failure":                 {strategy: kubevirtv1.RunStrategyRerunOnFailure, instance: ended, want: true},
		"on failure, and it is gone": {strategy: kubevirtv1.RunStrategyRerunOnFailure, want: true},
		"on failure, and it was stopped before": {strategy: kubevirtv1.RunStrategyRerunOnFailure,
			status: func(status *kubevirtv1.VirtualMachineStatus) { status.RunStrategy = halted }},
		"on failure, and it is started again": {strategy: kubevirtv1.RunStrategyRerunOnFailure,
			status: func(status *kubevirtv1.VirtualMachineStatus) {
				status.StateChangeRequests = []kubevirtv1.VirtualMachineStateChangeRequest{
					{Action: kubevirtv1.StartRequest},
				}
			}},
		"on failure, and it fails to start": {strategy: kubevirtv1.RunStrategyRerunOnFailure,
			status: func(status *kubevirtv1.VirtualMachineStatus) {
				status.StartFailure = &kubevirtv1.VirtualMachineStartFailure{}
			}},
		"it stops": {strategy: kubevirtv1.RunStrategyOnce, instance: ended,
			status: func(status *kubevirtv1.VirtualMachineStatus) {
				status.PrintableStatus = kubevirtv1.VirtualMachineStatusStopping
			}},
	} {
		t.Run(name, func(t *testing.T) {
			view := virt.View{Machine: virtualMachineWith(row.strategy), Instance: row.instance}
			view.Machine.Status.PrintableStatus = kubevirtv1.VirtualMachineStatusStopped
			view.Machine.Status.RunStrategy = row.strategy
			if row.status != nil {
				row.status(&view.Machine.Status)
			}
			assert.Equal(t, row.want, ShutDownFromInside(view))
		})
	}
}
