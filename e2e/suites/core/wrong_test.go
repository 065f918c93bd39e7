//go:build e2e

package core

import (
	"context"
	"slices"
	"testing"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/e2e/devcluster/testbed"
	"github.com/novasphere/wukong/e2e/internal/harness"
)

// Each wrong thing is refused with the field, or ends in Ready=False with the object and the next step; what can be
// mended from outside heals without a touch of the machine.

func TestImageThatDoesNotExist(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := builder.VM(namespace, "web", builder.Imported("root", testbed.NotFoundURL()))
	builder.PartOf("shop", vm)
	application := builder.Wukong(namespace, "shop")
	cluster.Make(t, application, vm)
	cluster.Wait(t, vm, importAndBoot, "telling of the 404", func() bool {
		ready := readyOf(vm)
		return ready != nil && ready.Reason == v1alpha1.ReasonWaitingForDisk &&
			assert.ObjectsAreEqual(true, mentions(ready.Message, "WukongDisk web-root", "DataVolume web-root", "404"))
	})
	assert.Equal(t, v1alpha1.PhaseError, vm.Status.Phase)
	cluster.Wait(t, application, patience, "showing the same cause", func() bool {
		ready := readyOf(application)
		return ready != nil && ready.Status == metav1.ConditionFalse && mentions(ready.Message, "404")
	})
}

func TestStorageClassThatDoesNotExist(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	name := namespace + "-class"
	vm := builder.VM(namespace, "web", importedTiny("root", builder.OnClass(name)))
	cluster.Make(t, vm)
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, "StorageClass "+name+" does not exist", patience)

	cluster.Class(t, name, nil)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}

// Faults D.3 and D.4: what keeps the launcher pod from coming up is no progress, is told in the words of whoever
// refuses, and heals by itself. So is a Secret that is missing. Fault B.10: a namespace whose pods get no token keeps
// no machine with two disks from starting.
func TestAMachineThatIsRefusedDoesNotSayThatItStarts(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	account := applycorev1.ServiceAccount("default", namespace).WithAutomountServiceAccountToken(false)
	require.NoError(t, cluster.Apply(t.Context(), account, client.FieldOwner("test"), client.ForceOwnership))
	attachment := &networkv1.NetworkAttachmentDefinition{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "nowhere"},
		Spec: networkv1.NetworkAttachmentDefinitionSpec{
			Config: `{"cniVersion":"0.3.1","name":"nowhere","type":"does-not-exist"}`,
		},
	}
	nowhere := builder.Network(namespace, "nowhere", builder.ExistingAttachment("", "nowhere"))
	unplugged := builder.VM(namespace, "unplugged", harness.TinyDisk("root"),
		builder.Networks(builder.Interface("lan", "nowhere")))
	gold := builder.VM(namespace, "gold", harness.TinyDisk("root"), builder.Stamped("data", builder.Size("64Mi")),
		func(spec *v1alpha1.WukongVMSpec) {
			spec.RestartPolicy = v1alpha1.RestartOnFailure
			spec.CloudInit = &v1alpha1.CloudInit{Users: []v1alpha1.CloudInitUser{{
				Name: "alice", SSHKeySecretRefs: []v1alpha1.SSHKeySecretReference{{Name: "keys"}},
			}}}
			spec.Scheduling = &v1alpha1.Scheduling{
				PriorityClassName: namespace, Annotations: map[string]string{"backup.example.com/include": "yes"},
			}
			spec.Resources = &v1alpha1.PodResources{
				Requests: &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("30m"))},
				Limits:   &v1alpha1.ResourceAmounts{CPU: ptr.To(resource.MustParse("2"))},
			}
		})
	cluster.Make(t, attachment, nowhere, unplugged, gold)
	cluster.Wait(t, gold, patience, "asking for the Secret", func() bool {
		asks := meta.FindStatusCondition(gold.Status.Conditions, v1alpha1.ConditionCloudInitReady)
		return asks != nil && asks.Reason == v1alpha1.ReasonSecretMissing && mentions(asks.Message, "keys")
	})
	cluster.Make(t, builder.Secret(namespace, "keys", map[string]string{"ssh-publickey": guestKey}))
	cluster.WaitCause(t, gold, v1alpha1.ReasonStartFailing, "no PriorityClass with name "+namespace, importAndBoot)
	assert.Equal(t, v1alpha1.PhaseError, gold.Status.Phase)
	cluster.WaitCause(t, unplugged, v1alpha1.ReasonStartFailing, `failed to find plugin "does-not-exist"`,
		importAndBoot)
	assert.Equal(t, v1alpha1.PhaseError, unplugged.Status.Phase)

	class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: namespace}, Value: 1000}
	require.NoError(t, cluster.Create(t.Context(), class))
	t.Cleanup(func() { _ = cluster.Delete(context.WithoutCancel(t.Context()), class) })
	cluster.WaitReady(t, gold, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)

	// Fault D.6: annotations and resources of the pod.
	pods := &corev1.PodList{}
	require.NoError(t, cluster.List(t.Context(), pods, client.InNamespace(namespace),
		client.MatchingLabels{v1alpha1.LabelVM: string(gold.UID)}))
	require.Len(t, pods.Items, 1)
	pod := pods.Items[0]
	assert.Equal(t, "yes", pod.Annotations["backup.example.com/include"])
	compute := slices.IndexFunc(pod.Spec.Containers, func(container corev1.Container) bool {
		return container.Name == "compute"
	})
	require.GreaterOrEqual(t, compute, 0)
	assert.Equal(t, "30m", pod.Spec.Containers[compute].Resources.Requests.Cpu().String())
	assert.Equal(t, "2", pod.Spec.Containers[compute].Resources.Limits.Cpu().String())

	tellWhatStopsAGuest(t, gold)
}

// tellWhatStopsAGuest takes a running machine with restartPolicy OnFailure and a second disk "data". An error of a disk
// names the disk, and is over when the disk is mended (fault D). A guest that shuts itself down stays so, and its disks
// are as those of a stopped one (fault B.8).
func tellWhatStopsAGuest(t *testing.T, vm *v1alpha1.WukongVM) {
	t.Helper()
	guest := cluster.Shell(t, vm)
	mend := cluster.BreakDisk(t, vm, "data")
	guest.Run(t, "( (sleep 5; dd if=/dev/zero of=/dev/vdb bs=4096 count=1 conv=fsync) </dev/null >/dev/null 2>&1 & )")
	cluster.WaitCause(t, vm, v1alpha1.ReasonDiskIOError, "IO error at the volume: data", patience)
	assert.Equal(t, v1alpha1.PhaseError, vm.Status.Phase)
	mend()
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, patience)

	guest.Run(t, "( (sleep 5; poweroff) </dev/null >/dev/null 2>&1 & )")
	cluster.WaitReady(t, vm, metav1.ConditionFalse, v1alpha1.ReasonGuestShutDown, patience)
	instance := &kubevirtv1.VirtualMachineInstance{
		ObjectMeta: metav1.ObjectMeta{Namespace: vm.Namespace, Name: vm.Name},
	}
	cluster.WaitGone(t, instance, patience)
	snapshot := builder.Snapshot(vm.Namespace, "afterwards", vm.Name+"-data", builder.ApplicationConsistent)
	cluster.Make(t, snapshot)
	cluster.WaitReady(t, snapshot, metav1.ConditionTrue, v1alpha1.ReasonTaken, patience)
	cluster.WaitReady(t, vm, metav1.ConditionFalse, v1alpha1.ReasonGuestShutDown, patience)
	assert.True(t, apierrors.IsNotFound(cluster.Get(t.Context(), client.ObjectKeyFromObject(instance), instance)),
		"KubeVirt does not start it again")
}

func TestClaimOfTheSameNameThatIsNotOurs(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	foreign := builder.Claim(namespace, "web-root", "64Mi")
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"))
	cluster.Make(t, foreign, vm)
	cluster.WaitCause(t, vm, v1alpha1.ReasonWaitingForDisk, "PersistentVolumeClaim web-root already exists", patience)
	uid := foreign.UID
	require.NoError(t, cluster.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign))
	assert.Equal(t, uid, foreign.UID)
	assert.Empty(t, foreign.OwnerReferences)

	require.NoError(t, cluster.Delete(t.Context(), foreign))
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}

func TestTwoBootDisksAreRefused(t *testing.T) {
	harness.Essential(t)
	t.Parallel()
	vm := builder.VM("default", "two", builder.Stamped("one"), builder.Stamped("two"))
	vm.Spec.Disks[0].Boot, vm.Spec.Disks[1].Boot = ptr.To(true), ptr.To(true)
	assert.ErrorContains(t, cluster.Create(t.Context(), vm), "at most one disk can have boot: true")
}

func TestStaticAddressOutsideItsSubnet(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	network := officeNetwork(namespace, "office")
	vm := builder.VM(namespace, "web", harness.TinyDisk("root"), onOffice("10.9.8.7"))
	cluster.Make(t, network, vm)
	ready := cluster.WaitReady(t, vm, metav1.ConditionFalse, v1alpha1.ReasonAddressInvalid, patience)
	for _, part := range []string{"10.9.8.7", "192.168.77.0/24", "office"} {
		assert.Contains(t, ready.Message, part)
	}
	patch(t, network, `{"spec":{"subnets":[{"cidr":"192.168.77.0/24"},{"cidr":"10.9.8.0/24"}]}}`)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}

func TestWaitForFirstConsumerIsNoDeadlock(t *testing.T) {
	harness.Thorough(t)
	t.Parallel()
	namespace := cluster.Namespace(t)
	vm := builder.VM(namespace, "web", importedTiny("root", builder.OnClass(testbed.LocalClass)))
	alone := builder.Disk(namespace, "alone", builder.From(*vm.Spec.Disks[0].Template.Spec.Source),
		builder.Size("64Mi"), builder.OnClass(testbed.LocalClass))
	cluster.Make(t, alone, vm)
	cluster.WaitReady(t, alone, metav1.ConditionFalse, v1alpha1.ReasonAwaitingConsumer, patience)
	assert.Equal(t, v1alpha1.DiskAwaitingConsumer, alone.Status.Phase)
	cluster.WaitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, importAndBoot)
}
