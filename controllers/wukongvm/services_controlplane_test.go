//go:build controlplane

package wukongvm_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/builder"
	"github.com/novasphere/wukong/controllers/internal/testenv"
	"github.com/novasphere/wukong/controllers/internal/testkit"
)

func (f machines) waitServices(vm *v1alpha1.WukongVM, status metav1.ConditionStatus, reason string) *v1alpha1.WukongVM {
	f.Helper()
	return testkit.WaitCondition(f, vm, v1alpha1.ConditionServicesReady, status, reason, "")
}

// answer plays the controller of EndpointSlices, for pods that are ready.
func (f machines) answer(service string, pods ...types.UID) {
	f.Helper()
	labels := testkit.Read(f, service, &corev1.Service{}).Labels
	labels[discoveryv1.LabelServiceName] = service
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: f.Namespace, GenerateName: service + "-", Labels: labels},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for i, pod := range pods {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)},
			TargetRef: &corev1.ObjectReference{Kind: "Pod", UID: pod},
		})
	}
	f.Create(slice)
}

func (f machines) editSpec(vm *v1alpha1.WukongVM, edit func(*v1alpha1.WukongVMSpec)) {
	f.Helper()
	current := testkit.Read(f, vm.Name, &v1alpha1.WukongVM{})
	testkit.Edit(f, current, func(vm *v1alpha1.WukongVM) { edit(&vm.Spec) })
}

// A Service comes with its entry, follows it, is mended when someone spoils it, and goes with its entry.
func TestServicesOfAMachine(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()
	vm := f.newVM("web")
	vm.Spec.Networks = nil
	vm.Spec.Services = []v1alpha1.VMService{
		{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80, TargetPort: 8080}}},
		{Name: "ssh", Type: v1alpha1.ServiceNodePort, Ports: []v1alpha1.VMServicePort{{Port: 22}}},
	}
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonServicePending)
	f.answer("web-http", "one", "two")
	f.answer("web-ssh", "one")
	current := f.waitServices(vm, metav1.ConditionTrue, v1alpha1.ReasonReady)
	assert.Equal(t, int32(2), current.Status.Services[0].Endpoints)
	http, ssh := testkit.Read(f, "web-http", &corev1.Service{}), testkit.Read(f, "web-ssh", &corev1.Service{})
	require.Len(t, current.Status.Services, 2)
	assert.Equal(t, http.Spec.ClusterIPs, current.Status.Services[0].ClusterIPs)
	assert.Equal(t, []int32{ssh.Spec.Ports[0].NodePort}, current.Status.Services[1].NodePorts)
	assert.True(t, metav1.IsControlledBy(http, vm))

	before := http.DeepCopy()
	http.Spec.Ports[0].TargetPort.IntVal = 9090
	require.NoError(t, f.Client.Patch(t.Context(), http, client.MergeFrom(before)))
	f.Until(func() bool {
		return testkit.Read(f, "web-http", &corev1.Service{}).Spec.Ports[0].TargetPort.IntValue() == 8080
	}, "it is mended")

	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) { spec.Services = spec.Services[1:] })
	f.Until(func() bool { return !f.Exists("web-http", &corev1.Service{}) })
	assert.Equal(t, ssh.UID, testkit.Read(f, "web-ssh", &corev1.Service{}).UID)

	f.WaitIdle()
	writes := manager.Writes.Total()
	f.WaitIdle()
	assert.Equal(t, writes, manager.Writes.Total(), "Contract 3: nothing is written at rest")
	assert.Zero(t, manager.Writes.Conflicts())
}

// Server-side apply leaves what other field managers added to a list: a port that a user added stays, and costs no
// write. The ports of the entry still follow it.
func TestContract3APortOfAUserStays(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	manager := f.StartManager()
	vm := f.newVM("web")
	vm.Spec.Networks = nil
	vm.Spec.Disks[0].Template.Spec.CloneableFrom = []string{"shop"}
	vm.Spec.Services = []v1alpha1.VMService{{Name: "http", Ports: []v1alpha1.VMServicePort{{Name: "http", Port: 80}}}}
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.WaitIdle()
	manager.Writes.Reset()

	service := testkit.Read(f, "web-http", &corev1.Service{})
	testkit.Edit(f, service, func(service *corev1.Service) {
		theirs := corev1.ServicePort{Name: "metrics", Port: 9100, Protocol: corev1.ProtocolTCP}
		service.Spec.Ports = append([]corev1.ServicePort{theirs}, service.Spec.Ports...)
	})
	testkit.Edit(f, testkit.Read(f, "web-root", &v1alpha1.WukongDisk{}), func(disk *v1alpha1.WukongDisk) {
		disk.Spec.CloneableFrom = append(disk.Spec.CloneableFrom, "lab")
	})
	f.WaitIdle()
	for _, resource := range []string{"services", "wukongdisks"} {
		assert.Zero(t, manager.Writes.Counts()[testenv.Write{Verb: "patch", Resource: resource}], manager.Writes)
	}
	manager.Stop()
	second := f.StartManager()
	f.WaitPasses(3)
	assert.Zero(t, second.Writes.Total(), second.Writes)

	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) { spec.Services[0].Ports[0].Port = 8080 })
	f.Eventually(func(now *testkit.Attempt) {
		var ports []int32
		for _, port := range testkit.Read(f, "web-http", &corev1.Service{}).Spec.Ports {
			ports = append(ports, port.Port)
		}
		assert.ElementsMatch(now, []int32{9100, 8080}, ports)
	})
}

// A Service of someone else is left alone, the machine runs all the same, and the cause is told until the name is free.
func TestAServiceOfSomeoneElseIsLeftAlone(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.Namespace, Name: "web-http"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	f.Create(foreign)
	vm := f.newVM("web")
	vm.Spec.Networks = nil
	vm.Spec.Services = []v1alpha1.VMService{
		{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80}}},
		{Name: "ssh", Ports: []v1alpha1.VMServicePort{{Port: 22}}},
	}
	f.Create(vm)
	testkit.Wait(f, vm, metav1.ConditionTrue, v1alpha1.ReasonRunning, "")
	f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonNameConflict)
	assert.Equal(t, int32(1), testkit.Read(f, "web-http", &corev1.Service{}).Spec.Ports[0].Port)
	testkit.Read(f, "web-ssh", &corev1.Service{})

	f.Remove(foreign)
	// It would be tried again within a minute.
	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) { spec.Services[1].Ports[0].Port = 2222 })
	f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonServicePending)
	f.answer("web-http", "one")
	f.answer("web-ssh", "one")
	f.waitServices(vm, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

// A machine that no Service can reach has none, says why, and gets them with an interface on the pod network.
func TestServicesNeedThePodNetwork(t *testing.T) {
	f := newMachines(t)
	f.Simulate()
	f.StartManager()
	vm := f.newVM("web")
	lan := builder.StampedInterface("lan", builder.OnBridge("br-lan"))
	vm.Spec.Networks = []v1alpha1.VMNetwork{lan}
	vm.Spec.Services = []v1alpha1.VMService{{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80}}}}
	f.Create(vm)
	f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonServiceUnreachable)
	assert.False(t, f.Exists("web-http", &corev1.Service{}))
	f.editSpec(vm, func(spec *v1alpha1.WukongVMSpec) {
		spec.Networks = append(spec.Networks, builder.PodInterface("pods"))
	})
	f.waitServices(vm, metav1.ConditionFalse, v1alpha1.ReasonServicePending)
	f.answer("web-http", "one")
	f.waitServices(vm, metav1.ConditionTrue, v1alpha1.ReasonReady)
	testkit.Read(f, "web-http", &corev1.Service{})
}
