//go:build controlplane

package wukongvm_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func TestOneManifestGivesARunningMachine(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()

	vm := f.newVM("web")
	f.Create(vm)
	current := testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	assert.Equal(t, v1alpha1.PhaseRunning, current.Status.Phase)
	assert.Equal(t, "simulated-node", current.Status.NodeName)
	assert.Equal(t, "10.0.0.10", current.Status.PrimaryAddress)
	assert.Equal(t, string(vm.UID), current.Status.MachineUUID)
	require.Len(t, current.Status.Disks, 1)
	assert.Equal(t, "web-root", current.Status.Disks[0].ClaimName)

	machine := testkit.Read(f, "web", &kubevirtv1.VirtualMachine{})
	assert.Equal(t, current.Status.Networks[0].MACAddress,
		machine.Spec.Template.Spec.Domain.Devices.Interfaces[0].MacAddress)
	secret := testkit.Read(f, "web-cloudinit", &corev1.Secret{})
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
	f.Until(func() bool {
		capacity := testkit.Read(f, "web", &v1alpha1.WukongVM{}).Status.Disks[0].Capacity
		return capacity != nil && capacity.String() == "1Gi"
	})
	t.Run("Contract3: a restarted manager writes nothing", func(t *testing.T) {
		f := f.in(t)
		f.WaitIdle() // KubeVirt reports on after Ready
		manager.Stop()
		second := f.StartManager()
		f.WaitPasses(2) // at the least the machine and its disk
		assert.Zero(t, second.Writes.Total(), second.Writes.String())
	})
}

func TestPowerStateStopsAndStarts(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	vm := f.newVM("web")
	f.Create(vm)
	running := testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	f.setPower(vm, v1alpha1.PowerStopped)
	stopped := testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonStopped, "")
	assert.Equal(t, v1alpha1.PhaseStopped, stopped.Status.Phase, "B4: a halted machine shows Stopped")
	assert.Empty(t, stopped.Status.NodeName)

	f.setPower(vm, v1alpha1.PowerRunning)
	again := testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	assert.Equal(t, running.Status.Networks[0].MACAddress, again.Status.Networks[0].MACAddress,
		"Contract11: the same MAC")
	assert.Equal(t, running.Status.Disks[0].ClaimName, again.Status.Disks[0].ClaimName)

	// Fault C.10: what 'virtctl stop' does is undone, and an event says why.
	f.WaitIdle()
	f.Patch(testkit.Read(f, "web", &kubevirtv1.VirtualMachine{}), `{"spec":{"runStrategy":"Halted"}}`)
	f.Until(func() bool {
		events := &eventsv1.EventList{}
		require.NoError(t, f.Client.List(t.Context(), events, client.InNamespace(f.Namespace)))
		return slices.ContainsFunc(events.Items, func(event eventsv1.Event) bool {
			return event.Reason == v1alpha1.ReasonStoppedOutside && event.Regarding.Name == "web" &&
				strings.Contains(event.Note, "set powerState to Stopped to stop it")
		})
	})
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
}

func TestContract6DeletionEndsAndLeavesNothing(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	vm := f.newVM("web", func(spec *v1alpha1.WukongVMSpec) {
		kept := *spec.Disks[0].DeepCopy()
		kept.Name = "data"
		kept.Template.Spec.ReclaimPolicy = v1alpha1.ReclaimRetain
		spec.Disks = append(spec.Disks, kept)
	})
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")

	f.Remove(vm)
	f.Until(func() bool {
		return !f.Exists("web", &kubevirtv1.VirtualMachine{}) &&
			!f.Exists("web-cloudinit", &corev1.Secret{}) &&
			!f.Exists("web-root", &v1alpha1.WukongDisk{}) &&
			!f.Exists("web-data", &v1alpha1.WukongDisk{}) &&
			!f.Exists("web-root", &cdiv1.DataVolume{}) &&
			!f.Exists("web-data", &cdiv1.DataVolume{})
	})
	claim := testkit.Read(f, "web-data", &corev1.PersistentVolumeClaim{})
	assert.Empty(t, claim.OwnerReferences, "the retained claim belongs to nobody")
	assert.Nil(t, claim.DeletionTimestamp)
}

// Fault C.7: while KubeVirt's webhook does not answer, the machine says so, and not what was so before.
func TestAnErrorThatLastsIsTold(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	webhook := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: f.Namespace},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:         "virtualmachine-validator.kubevirt.io",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://127.0.0.1:1/")},
			NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{corev1.LabelMetadataName: f.Namespace},
			},
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          ptr.To[int32](1),
			AdmissionReviewVersions: []string{"v1"},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create,
					admissionregistrationv1.Update},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{"kubevirt.io"}, APIVersions: []string{"v1"},
					Resources: []string{"virtualmachines"},
				},
			}},
		}},
	}
	require.NoError(t, f.Client.Create(t.Context(), webhook))
	t.Cleanup(func() { _ = f.Client.Delete(context.Background(), webhook) })
	vm := f.newVM("web")
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionFalse, v1alpha1.ReasonReconcileError, "failed calling webhook")
	require.NoError(t, f.Client.Delete(t.Context(), webhook))
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
}
