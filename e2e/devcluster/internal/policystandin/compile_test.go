package policystandin

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func pod(namespace, name, node, address string) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIPs: []corev1.PodIP{{IP: address}}},
	}
}

func app(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
}

func TestCompile(t *testing.T) {
	ended, onHost := pod("shop", "web", "one", "10.0.0.9"), pod("shop", "web", "one", "172.30.0.1")
	ended.Status.Phase, onHost.Spec.HostNetwork = corev1.PodSucceeded, true
	world := &World{
		Namespaces: []corev1.Namespace{
			{ObjectMeta: metav1.ObjectMeta{Name: "shop"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "ops", Labels: map[string]string{"team": "ops"}}},
		},
		Pods: []corev1.Pod{
			pod("shop", "web", "one", "10.0.0.2"), pod("shop", "db", "one", "10.0.0.3"),
			pod("shop", "web", "two", "10.0.1.2"),
			pod("ops", "probe", "two", "10.0.1.3"), pod("ops", "web", "two", "10.0.1.4"), ended, onHost,
		},
		Policies: []networkingv1.NetworkPolicy{
			{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: networkingv1.NetworkPolicySpec{
				PodSelector: *app("db"), PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
				Ingress: []networkingv1.NetworkPolicyIngressRule{{
					From: []networkingv1.NetworkPolicyPeer{
						{PodSelector: app("web")},
						{PodSelector: app("probe"),
							NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "ops"}}},
						{IPBlock: &networkingv1.IPBlock{CIDR: "192.0.2.0/30", Except: []string{"192.0.2.0/31"}}},
						{IPBlock: &networkingv1.IPBlock{CIDR: "fd00::/8"}},
					},
					Ports: []networkingv1.NetworkPolicyPort{{Port: ptr.To(intstr.FromInt32(5432))}},
				}},
			}},
			{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, Spec: networkingv1.NetworkPolicySpec{
				PodSelector: *app("db"), PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress,
					networkingv1.PolicyTypeEgress},
				Egress: []networkingv1.NetworkPolicyEgressRule{{Ports: []networkingv1.NetworkPolicyPort{
					{Protocol: ptr.To(corev1.ProtocolUDP), Port: ptr.To(intstr.FromInt32(5000)),
						EndPort: ptr.To[int32](5010)}, {Protocol: ptr.To(corev1.ProtocolSCTP)},
				}}},
			}},
		},
	}
	from := func(prefix string) Allowance {
		return Allowance{Peer: netip.MustParsePrefix(prefix), Protocol: 6, First: 5432, Last: 5432}
	}
	found, err := Compile(world, "one")
	require.NoError(t, err)
	assert.Equal(t, []Isolation{{
		Address: netip.MustParseAddr("10.0.0.3"),
		Ingress: Direction{Closed: true, Allowed: []Allowance{
			from("10.0.0.2/32"), from("10.0.1.2/32"), from("10.0.1.3/32"), from("192.0.2.2/31"),
		}},
		Egress: Direction{Closed: true, Allowed: []Allowance{{Protocol: 17, First: 5000, Last: 5010}, {Protocol: 132}}},
	}}, found, "what several policies allow is added, and a policy holds in its namespace")

	found, err = Compile(world, "two")
	require.NoError(t, err)
	assert.Empty(t, found)

	world.Policies[0].Spec.Ingress[0].Ports[0].Port = ptr.To(intstr.FromString("sql"))
	_, err = Compile(world, "one")
	assert.ErrorContains(t, err, "pod shop/db: ports by name are not known")
}
