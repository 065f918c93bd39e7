package services

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

func TestDesiredService(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "vm-uid"}}
	ours := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue, v1alpha1.LabelVM: "vm-uid"}

	plain := Desired(vm, &v1alpha1.VMService{Name: "http", Ports: []v1alpha1.VMServicePort{{Port: 80}}})
	assert.Equal(t, "web-http", plain.Name)
	assert.Equal(t, corev1.ServiceTypeClusterIP, plain.Spec.Type)
	assert.Equal(t, ours, plain.Spec.Selector, "this machine alone")
	assert.Equal(t, []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80), Protocol: corev1.ProtocolTCP}},
		plain.Spec.Ports)

	full := Desired(vm, &v1alpha1.VMService{
		Name: "dns", Type: v1alpha1.ServiceLoadBalancer, Selector: map[string]string{"app": "dns"},
		SessionAffinity:       v1alpha1.SessionAffinityClientIP,
		ExternalTrafficPolicy: v1alpha1.ExternalTrafficLocal, LoadBalancerClass: "example.com/lb",
		Annotations: map[string]string{"example.com/pool": "public"},
		Ports: []v1alpha1.VMServicePort{
			{Name: "dns", Port: 53, TargetPort: 5353, Protocol: v1alpha1.ProtocolUDP, NodePort: 30053}},
	})
	assert.Equal(t, map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue, "app": "dns"},
		full.Spec.Selector, "every machine with the label")
	assert.Equal(t, map[string]string{"example.com/pool": "public"}, full.Annotations)
	assert.Equal(t, corev1.ServiceAffinityClientIP, full.Spec.SessionAffinity)
	assert.Equal(t, corev1.ServiceExternalTrafficPolicyLocal, full.Spec.ExternalTrafficPolicy)
	assert.Equal(t, "example.com/lb", *full.Spec.LoadBalancerClass)
	assert.Equal(t, []corev1.ServicePort{{Name: "dns", Port: 53, TargetPort: intstr.FromInt32(5353),
		Protocol: corev1.ProtocolUDP, NodePort: 30053}}, full.Spec.Ports)
}

func TestUnreachable(t *testing.T) {
	template := func(networkType v1alpha1.NetworkType) *v1alpha1.NetworkTemplate {
		return &v1alpha1.NetworkTemplate{Spec: v1alpha1.WukongNetworkSpec{Type: networkType}}
	}
	networks := nics.Networks{
		"pods": {Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod}},
		"lan":  {Spec: v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypeBridge}},
	}
	for name, test := range map[string]struct {
		networks  []v1alpha1.VMNetwork
		reachable bool
	}{
		"no network listed": {nil, true},
		"the pod network":   {[]v1alpha1.VMNetwork{{Name: "a", Pod: &v1alpha1.PodNetwork{}}}, true},
		"the pod network by name": {
			[]v1alpha1.VMNetwork{{Name: "a", NetworkRef: &v1alpha1.LocalObjectReference{Name: "pods"}}}, true},
		"the pod network by template": {
			[]v1alpha1.VMNetwork{{Name: "a", Template: template(v1alpha1.NetworkTypePod)}}, true,
		},
		"a bridge": {
			[]v1alpha1.VMNetwork{{Name: "a", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}}}, false},
		"a bridge by template": {[]v1alpha1.VMNetwork{{Name: "a", Template: template(v1alpha1.NetworkTypeBridge)}},
			false},
		"a network that is missing": {
			[]v1alpha1.VMNetwork{{Name: "a", NetworkRef: &v1alpha1.LocalObjectReference{Name: "gone"}}}, false},
		"a bridge and the pod network": {[]v1alpha1.VMNetwork{
			{Name: "a", NetworkRef: &v1alpha1.LocalObjectReference{Name: "lan"}},
			{Name: "b", Pod: &v1alpha1.PodNetwork{}}},
			true},
	} {
		t.Run(name, func(t *testing.T) {
			vm := &v1alpha1.WukongVM{Spec: v1alpha1.WukongVMSpec{Networks: test.networks}}
			assert.Nil(t, Unreachable(vm, networks), "without services nobody cares")
			vm.Spec.Services = []v1alpha1.VMService{{Name: "http"}}
			found := Unreachable(vm, networks)
			if test.reachable {
				assert.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			assert.Equal(t, v1alpha1.ReasonServiceUnreachable, found.Reason)
			assert.Contains(t, found.Message, "pod: {}")
		})
	}
}

func TestAServiceLeadsToItsOwnMachine(t *testing.T) {
	vm := &v1alpha1.WukongVM{
		Spec: v1alpha1.WukongVMSpec{Scheduling: &v1alpha1.Scheduling{Labels: map[string]string{"app": "web"}}}}
	assert.Nil(t, Mislead(vm, &v1alpha1.VMService{Name: "a"}))
	assert.Nil(t, Mislead(vm, &v1alpha1.VMService{Name: "a", Selector: map[string]string{"app": "web"}}))
	found := Mislead(vm, &v1alpha1.VMService{Name: "a", Selector: map[string]string{"app": "web", "tier": "1"}})
	require.NotNil(t, found)
	assert.Contains(t, found.Message, "give it tier: 1 in spec.scheduling.labels")
}

func TestServiceStatus(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: v1alpha1.WukongVMSpec{Services: []v1alpha1.VMService{{Name: "http"}, {Name: "new"}}}}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web-http"},
		Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.7"},
			Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080}, {Port: 443}}},
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}, {Hostname: "lb.example.com"}}
	assert.Equal(t, []v1alpha1.VMServiceStatus{{
		Name: "http", ServiceName: "web-http", ClusterIPs: []string{"10.96.0.7"}, NodePorts: []int32{30080},
		ExternalAddresses: []string{"192.0.2.1", "lb.example.com"},
	}}, Status(vm, map[string]*corev1.Service{"web-http": service}, nil), "one that does not exist yet is not told")
}

func TestUnanswered(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: v1alpha1.WukongVMSpec{Services: []v1alpha1.VMService{{Name: "http"}, {Name: "new"}}}}
	made := map[string]*corev1.Service{"web-http": {}}
	assert.Nil(t, Unanswered(vm, made, map[string]int32{"web-http": 1}), "one that does not exist yet is not told")
	found := Unanswered(vm, made, nil)
	require.NotNil(t, found)
	assert.Equal(t, v1alpha1.ReasonServicePending, found.Reason)
	assert.True(t, found.Waiting)
	assert.Contains(t, found.Message, "kubernetes.io/service-name=web-http")
}

func TestCountEndpoints(t *testing.T) {
	endpoint := func(pod types.UID, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{UID: pod},
			Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	}
	slice := func(service string, endpoints ...discoveryv1.Endpoint) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
			Labels: map[string]string{discoveryv1.LabelServiceName: service}}, Endpoints: endpoints}
	}
	assert.Equal(t, map[string]int32{"web": 2}, CountEndpoints([]discoveryv1.EndpointSlice{
		slice("web", endpoint("one", ptr.To(true)), endpoint("two", nil), endpoint("three", ptr.To(false))),
		slice("web", endpoint("one", ptr.To(true))),
		slice("idle", endpoint("three", ptr.To(false)), discoveryv1.Endpoint{}),
	}), "a pod of two families counts once, one that is not ready does not")
}
