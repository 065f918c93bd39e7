//go:build e2e

package disks

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
)

func local(spec *v1alpha1.WukongDiskSpec) { spec.StorageClassName = ptr.To(testbed.LocalClass) }

// A disk on a class that binds at first use waits for a machine, is no error meanwhile, and is filled at once when something else needs its
// bytes: nobody waits for the other for ever.
func TestFirstConsumersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	namespace := cluster.Namespace(t)
	golden, alone := exportedDisk(namespace, "golden", fromTiny(), local), exportedDisk(namespace, "alone", nil, local)
	exportCreate(t, golden, alone)
	for _, disk := range []*v1alpha1.WukongDisk{golden, alone} {
		cluster.WaitReady(t, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, patience)
	}
	// Its root is a clone of the golden disk, which no machine uses: before, the two waited for each other.
	vm := importing(namespace, "web", v1alpha1.HTTPSource{URL: testbed.ImageURL(testbed.TinyImage)})
	vm.Spec.Disks[0].Template.Spec = exportedDisk("", "", cloneOf("", "golden"), local).Spec
	exportCreate(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitDisk(t, golden)
	cluster.WaitReady(t, alone, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, patience)

	change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = append(vm.Spec.Disks, refer("alone", "alone")) })
	waitAttachment(t, vm, "alone", v1alpha1.DiskAttached)
	waitDisk(t, alone)
}
