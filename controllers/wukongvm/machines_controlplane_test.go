//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

// machines is the fixture in which all controllers run, with the disks and networks of machines.
type machines struct{ *testkit.Fixture }

func newMachines(t *testing.T) machines {
	t.Helper()
	return machines{testkit.New(t)}
}

func (f machines) in(t *testing.T) machines { return machines{f.In(t)} }

func (f machines) elsewhere() machines {
	f.Helper()
	return machines{f.Elsewhere()}
}

// newVM is a machine with one stamped disk on the pod network, and what the options say.
func (f machines) newVM(name string, options ...builder.VMOption) *v1alpha1.WukongVM {
	root := builder.Imported("root", "http://images.example/debian.qcow2")
	return builder.VM(f.Namespace, name, append([]builder.VMOption{root}, options...)...)
}

// startRunning makes a machine of newVM in a control plane of its own namespace, and waits until it runs.
func startRunning(t *testing.T) (machines, *v1alpha1.WukongVM) {
	t.Helper()
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	vm := f.newVM("web")
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	return f, vm
}

// bridge is a network on a bridge of its own.
func (f machines) bridge(name string, options ...builder.NetworkOption) *v1alpha1.WukongNetwork {
	return builder.Network(f.Namespace, name,
		append([]builder.NetworkOption{builder.OnBridge("br-" + name)}, options...)...)
}

func (f machines) setPower(vm *v1alpha1.WukongVM, state v1alpha1.PowerState) {
	f.Helper()
	f.Patch(vm.DeepCopy(), fmt.Sprintf(`{"spec":{"powerState":%q}}`, state))
}
