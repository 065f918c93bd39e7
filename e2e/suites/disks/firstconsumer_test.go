//go:build e2e

package disks

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

var local = builder.OnClass(testbed.LocalClass)

// A disk on a class that binds at first use waits for a machine, is no error meanwhile, and is filled at once when
// something else needs its bytes: nobody waits for the other for ever.
func TestFirstConsumersDoNotWaitForEachOther(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	golden, alone := smallDisk(namespace, "golden", builder.FromHTTP(testbed.ImageURL(testbed.TinyImage)), local),
		smallDisk(namespace, "alone", local)
	cluster.Make(t, golden, alone)
	for _, disk := range []*v1alpha1.WukongDisk{golden, alone} {
		cluster.WaitReady(t, disk, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, patience)
	}
	// Its root is a clone of the golden disk, which no machine uses: before, the two waited for each other.
	vm := builder.VM(namespace, "web",
		builder.Stamped("root", builder.Size(harness.TinySize), builder.CloneOf("", "golden"), local))
	cluster.Make(t, vm)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	waitDisk(t, golden)
	cluster.WaitReady(t, alone, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, patience)

	// On scsi: whether a busy guest gives back a PCI slot in time is no question of this test.
	onSCSI := builder.DiskReference("alone", "alone")
	onSCSI.Bus = "scsi"
	change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = append(vm.Spec.Disks, onSCSI) })
	waitAttachment(t, vm, "alone", v1alpha1.DiskAttached)
	waitDisk(t, alone)

	// Fault B.2: the scheduler sees where the disk of a new machine is, before its root is bound to another node.
	change(t, vm, func(vm *v1alpha1.WukongVM) { vm.Spec.Disks = vm.Spec.Disks[:1] })
	cluster.Wait(t, alone, patience, "held by nobody", func() bool { return alone.Status.AttachedTo == "" })
	here, there := vm.Status.NodeName, testbed.NodeName(1)
	if here == there {
		there = testbed.NodeName(2)
	}
	keepVolume(t, alone, here)
	label := "e2e.wukong/" + namespace
	labelNode(t, there, label)
	apart := builder.VM(namespace, "apart", builder.Stamped("root", builder.Size(harness.TinySize),
		builder.CloneOf("", "golden"), local), builder.Attached("alone"),
		func(spec *v1alpha1.WukongVMSpec) {
			spec.Scheduling = &v1alpha1.Scheduling{NodeSelector: map[string]string{label: "yes"}}
		})
	cluster.Make(t, apart)
	cluster.WaitCause(t, apart, v1alpha1.ReasonUnschedulable, "node affinity", importAndBoot)
	labelNode(t, here, label) // and the machine goes where its disk is
	cluster.WaitReady(t, apart, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
	assert.Equal(t, here, apart.Status.NodeName)
}

// labelNode puts a label on a node for the time of a test.
func labelNode(t *testing.T, name, label string) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	patch := func(value string) client.Patch {
		return client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{%q:%s}}}`, label, value))
	}
	require.NoError(t, cluster.Patch(t.Context(), node, patch(`"yes"`)))
	t.Cleanup(func() { require.NoError(t, cluster.Patch(context.WithoutCancel(t.Context()), node, patch("null"))) })
}

// keepVolume lets the volume of a disk be used on one node only, as that of a local disk or a zone is. The driver of
// the dev cluster serves all on both nodes.
func keepVolume(t *testing.T, disk *v1alpha1.WukongDisk, node string) {
	t.Helper()
	claim, volume := &corev1.PersistentVolumeClaim{}, &corev1.PersistentVolume{}
	require.NoError(t,
		cluster.Get(t.Context(), client.ObjectKey{Namespace: disk.Namespace, Name: disk.Status.ClaimName}, claim))
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKey{Name: claim.Spec.VolumeName}, volume))
	require.Nil(t, volume.Spec.NodeAffinity)
	before := volume.DeepCopy()
	here := []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
		{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}},
	}}}
	volume.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: here}}
	require.NoError(t, cluster.Patch(t.Context(), volume, client.MergeFrom(before)))
}
