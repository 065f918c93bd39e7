//go:build controlplane

package wukongvm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

const (
	patience = time.Minute
	interval = 50 * time.Millisecond
)

// newVM is a machine with one stamped disk on the pod network, and what the options say.
func newVM(namespace, name string, options ...func(*v1alpha1.WukongVM)) *v1alpha1.WukongVM {
	size := resource.MustParse("1Gi")
	vm := &v1alpha1.WukongVM{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.WukongVMSpec{
			Memory: v1alpha1.Memory{Guest: resource.MustParse("1Gi")},
			Disks: []v1alpha1.VMDisk{{
				Name: "root",
				Template: &v1alpha1.DiskTemplate{Spec: v1alpha1.WukongDiskSpec{
					Size:   &size,
					Source: &v1alpha1.WukongDiskSource{HTTP: &v1alpha1.HTTPSource{URL: "http://images.example/debian.qcow2"}},
				}},
			}},
		},
	}
	for _, option := range options {
		option(vm)
	}
	return vm
}

func read[T client.Object](t *testing.T, namespace, name string, obj T) T {
	t.Helper()
	require.NoError(t, environment.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, obj))
	return obj
}

func exists(t *testing.T, namespace, name string, obj client.Object) bool {
	t.Helper()
	err := environment.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, obj)
	require.NoError(t, client.IgnoreNotFound(err))
	return !apierrors.IsNotFound(err)
}

// waitReady waits until Ready has the status and reason, and returns the machine.
func waitReady(t *testing.T, vm *v1alpha1.WukongVM, status metav1.ConditionStatus, reason string) *v1alpha1.WukongVM {
	t.Helper()
	current := &v1alpha1.WukongVM{}
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
		ready := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionReady)
		require.NotNil(collect, ready)
		assert.Equal(collect, string(status)+" "+reason, string(ready.Status)+" "+ready.Reason, ready.Message)
	}, patience, interval)
	return current
}

func TestOneManifestGivesARunningMachine(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})

	vm := newVM(namespace, "web")
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	current := waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	assert.Equal(t, v1alpha1.PhaseRunning, current.Status.Phase)
	assert.Equal(t, "simulated-node", current.Status.NodeName)
	assert.Equal(t, "10.0.0.10", current.Status.PrimaryAddress)
	assert.Equal(t, string(vm.UID), current.Status.MachineUUID)
	require.Len(t, current.Status.Disks, 1)
	assert.Equal(t, "web-root", current.Status.Disks[0].ClaimName)

	machine := read(t, namespace, "web", &kubevirtv1.VirtualMachine{})
	assert.Equal(t, current.Status.Networks[0].MACAddress, machine.Spec.Template.Spec.Domain.Devices.Interfaces[0].MacAddress)
	secret := read(t, namespace, "web-cloudinit", &corev1.Secret{})
	assert.Contains(t, string(secret.Data["userdata"]), "hostname: web")

	t.Run("Contract4: at most 12 writes, no UPDATE, no conflict", func(t *testing.T) {
		t.Logf("writes from create to Ready:\n%s", manager.Writes)
		assert.LessOrEqual(t, manager.Writes.Total(), 12, manager.Writes.String())
		assert.Zero(t, manager.Writes.Conflicts())
		for write := range manager.Writes.Counts() {
			assert.NotEqual(t, "update", write.Verb, write.Resource)
		}
	})
	// The disk tells its size when its own controller has gathered the news, which may be after the machine runs.
	require.Eventually(t, func() bool {
		capacity := read(t, namespace, "web", &v1alpha1.WukongVM{}).Status.Disks[0].Capacity
		return capacity != nil && capacity.String() == "1Gi"
	}, patience, interval)
	t.Run("Contract3: a restarted manager writes nothing", func(t *testing.T) {
		testenv.WaitIdle(t, 0) // KubeVirt reports on after Ready
		manager.Stop()
		second := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
		testenv.WaitIdle(t, 2) // at the least the machine and its disk
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}

func TestPowerStateStopsAndStarts(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web")
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	running := waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	setPower(t, vm, v1alpha1.PowerStopped)
	stopped := waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped)
	assert.Equal(t, v1alpha1.PhaseStopped, stopped.Status.Phase, "B4: a halted machine shows Stopped")
	assert.Empty(t, stopped.Status.NodeName)

	setPower(t, vm, v1alpha1.PowerRunning)
	again := waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	assert.Equal(t, running.Status.Networks[0].MACAddress, again.Status.Networks[0].MACAddress, "Contract11: the same MAC")
	assert.Equal(t, running.Status.Disks[0].ClaimName, again.Status.Disks[0].ClaimName)
}

func setPower(t *testing.T, vm *v1alpha1.WukongVM, state v1alpha1.PowerState) {
	t.Helper()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"powerState":"`+string(state)+`"}}`))
	require.NoError(t, environment.Client.Patch(t.Context(), vm.DeepCopy(), patch))
}

func TestContract6DeletionEndsAndLeavesNothing(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web", func(vm *v1alpha1.WukongVM) {
		kept := *vm.Spec.Disks[0].DeepCopy()
		kept.Name = "data"
		kept.Template.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
		vm.Spec.Disks = append(vm.Spec.Disks, kept)
	})
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)

	require.NoError(t, environment.Client.Delete(t.Context(), vm))
	require.Eventually(t, func() bool {
		return !exists(t, namespace, "web", &kubevirtv1.VirtualMachine{}) &&
			!exists(t, namespace, "web-cloudinit", &corev1.Secret{}) &&
			!exists(t, namespace, "web-root", &v1alpha1.WukongDisk{}) &&
			!exists(t, namespace, "web-data", &v1alpha1.WukongDisk{}) &&
			!exists(t, namespace, "web-root", &cdiv1.DataVolume{}) &&
			!exists(t, namespace, "web-data", &cdiv1.DataVolume{})
	}, patience, interval)
	claim := read(t, namespace, "web-data", &corev1.PersistentVolumeClaim{})
	assert.Empty(t, claim.OwnerReferences, "the retained claim belongs to nobody")
	assert.Nil(t, claim.DeletionTimestamp)
}
