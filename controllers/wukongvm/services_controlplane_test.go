//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/testenv"
)

func waitServices(t *testing.T, vm *v1alpha1.WukongVM, status metav1.ConditionStatus, reason string) *v1alpha1.WukongVM {
	t.Helper()
	current := &v1alpha1.WukongVM{}
	require.EventuallyWithT(t, func(collect *assert.CollectT) {
		require.NoError(collect, environment.Client.Get(t.Context(), client.ObjectKeyFromObject(vm), current))
		found := meta.FindStatusCondition(current.Status.Conditions, v1alpha1.ConditionServicesReady)
		require.NotNil(collect, found)
		require.Equal(collect, current.Generation, found.ObservedGeneration)
		assert.Equal(collect, string(status)+" "+reason, string(found.Status)+" "+found.Reason, found.Message)
	}, patience, interval)
	return current
}

// answer plays the controller of EndpointSlices, for pods that are ready.
func answer(t *testing.T, namespace, service string, pods ...types.UID) {
	t.Helper()
	labels := read(t, namespace, service, &corev1.Service{}).Labels
	labels[discoveryv1.LabelServiceName] = service
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: namespace, GenerateName: service + "-", Labels: labels},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for i, pod := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)}, TargetRef: &corev1.ObjectReference{Kind: "Pod", UID: pod},
		})
	}
	require.NoError(t, environment.Client.Create(t.Context(), slice))
}

func editServices(t *testing.T, vm *v1alpha1.WukongVM, edit func(*v1alpha1.WukongVMSpec)) {
	t.Helper()
	current := read(t, vm.Namespace, vm.Name, &v1alpha1.WukongVM{})
	before := current.DeepCopy()
	edit(&current.Spec)
	require.NoError(t, environment.Client.Patch(t.Context(), current, client.MergeFrom(before)))
}

// A Service comes with its entry, follows it, is mended when someone spoils it, and goes with its entry.
func TestServicesOfAMachine(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	manager := environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web")
	vm.Spec.Networks = nil
	vm.Spec.Services = []v1alpha1.VMService{
		{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80, TargetPort: 8080}}},
		{Name: "ssh", Type: v1alpha1.ServiceNodePort, Ports: []v1alpha1.VMServicePort{{Port: 22}}},
	}
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitServices(t, vm, metav1.ConditionFalse, v1alpha1.ReasonServicePending)
	answer(t, namespace, "web-http", "one", "two")
	answer(t, namespace, "web-ssh", "one")
	current := waitServices(t, vm, metav1.ConditionTrue, v1alpha1.ReasonReady)
	assert.Equal(t, int32(2), current.Status.Services[0].Endpoints)
	http, ssh := read(t, namespace, "web-http", &corev1.Service{}), read(t, namespace, "web-ssh", &corev1.Service{})
	require.Len(t, current.Status.Services, 2)
	assert.Equal(t, http.Spec.ClusterIPs, current.Status.Services[0].ClusterIPs)
	assert.Equal(t, []int32{ssh.Spec.Ports[0].NodePort}, current.Status.Services[1].NodePorts)
	assert.True(t, metav1.IsControlledBy(http, vm))

	before := http.DeepCopy()
	http.Spec.Ports[0].TargetPort.IntVal = 9090
	require.NoError(t, environment.Client.Patch(t.Context(), http, client.MergeFrom(before)))
	require.Eventually(t, func() bool {
		return read(t, namespace, "web-http", &corev1.Service{}).Spec.Ports[0].TargetPort.IntValue() == 8080
	}, patience, interval, "it is mended")

	editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) { spec.Services = spec.Services[1:] })
	require.Eventually(t, func() bool { return !exists(t, namespace, "web-http", &corev1.Service{}) }, patience, interval)
	assert.Equal(t, ssh.UID, read(t, namespace, "web-ssh", &corev1.Service{}).UID)

	testenv.WaitIdle(t, 0)
	writes := manager.Writes.Total()
	testenv.WaitIdle(t, 0)
	assert.Equal(t, writes, manager.Writes.Total(), "Contract 3: nothing is written at rest")
	assert.Zero(t, manager.Writes.Conflicts())
}

// A Service of someone else is left alone, the machine runs all the same, and the cause is told until the name is free.
func TestAServiceOfSomeoneElseIsLeftAlone(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-http"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	require.NoError(t, environment.Client.Create(t.Context(), foreign))
	vm := newVM(namespace, "web")
	vm.Spec.Networks = nil
	vm.Spec.Services = []v1alpha1.VMService{
		{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80}}}, {Name: "ssh", Ports: []v1alpha1.VMServicePort{{Port: 22}}},
	}
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	waitReady(t, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning)
	waitServices(t, vm, metav1.ConditionFalse, v1alpha1.ReasonNameConflict)
	assert.Equal(t, int32(1), read(t, namespace, "web-http", &corev1.Service{}).Spec.Ports[0].Port)
	read(t, namespace, "web-ssh", &corev1.Service{})

	require.NoError(t, environment.Client.Delete(t.Context(), foreign))
	editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) { spec.Services[1].Ports[0].Port = 2222 }) // it would be tried again within a minute
	waitServices(t, vm, metav1.ConditionFalse, v1alpha1.ReasonServicePending)
	answer(t, namespace, "web-http", "one")
	answer(t, namespace, "web-ssh", "one")
	waitServices(t, vm, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

// A machine that no Service can reach has none, says why, and gets them with an interface on the pod network.
func TestServicesNeedThePodNetwork(t *testing.T) {
	namespace := environment.Namespace(t)
	environment.Simulate(t)
	environment.StartManager(t, testenv.ManagerOptions{Namespace: namespace})
	vm := newVM(namespace, "web")
	lan := v1alpha1.VMNetwork{Name: "lan", Template: &v1alpha1.NetworkTemplate{Spec: v1alpha1.WukongNetworkSpec{
		Type: v1alpha1.NetworkTypeBridge, Bridge: &v1alpha1.BridgeNetwork{Name: "br-lan"}}}}
	vm.Spec.Networks = []v1alpha1.VMNetwork{lan}
	vm.Spec.Services = []v1alpha1.VMService{{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80}}}}
	require.NoError(t, environment.Client.Create(t.Context(), vm))
	waitServices(t, vm, metav1.ConditionFalse, v1alpha1.ReasonServiceUnreachable)
	assert.False(t, exists(t, namespace, "web-http", &corev1.Service{}))
	editServices(t, vm, func(spec *v1alpha1.WukongVMSpec) {
		spec.Networks = append(spec.Networks, v1alpha1.VMNetwork{Name: "pods", Pod: &v1alpha1.PodNetwork{}})
	})
	waitServices(t, vm, metav1.ConditionFalse, v1alpha1.ReasonServicePending)
	answer(t, namespace, "web-http", "one")
	waitServices(t, vm, metav1.ConditionTrue, v1alpha1.ReasonReady)
	read(t, namespace, "web-http", &corev1.Service{})
}
