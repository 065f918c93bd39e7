package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

func TestDesiredPolicy(t *testing.T) {
	vm := &v1alpha1.WukongVM{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "vm-uid"}}
	closed := func(policies ...*v1alpha1.TrafficPolicy) []networkingv1.PolicyType {
		return desired(vm, policies).Spec.PolicyTypes
	}
	anything := []v1alpha1.TrafficRule{{Ports: []v1alpha1.TrafficPort{{Port: 1}}}}
	in, out := networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress
	assert.Equal(t, []networkingv1.PolicyType{in},
		closed(&v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficIngress}))
	assert.Equal(t, []networkingv1.PolicyType{out},
		closed(&v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficEgress}))
	assert.Equal(t, []networkingv1.PolicyType{in, out},
		closed(&v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficBoth}))
	assert.Equal(t, []networkingv1.PolicyType{in}, closed(&v1alpha1.TrafficPolicy{Ingress: anything}),
		"a list of what may come in is one of what may not")
	assert.Equal(t, []networkingv1.PolicyType{out}, closed(&v1alpha1.TrafficPolicy{Egress: anything}))
	assert.Equal(t, []networkingv1.PolicyType{in, out},
		closed(&v1alpha1.TrafficPolicy{Ingress: anything},
			&v1alpha1.TrafficPolicy{DefaultDeny: v1alpha1.TrafficEgress}),
		"the network's and the machine's are added")

	policy := desired(vm, []*v1alpha1.TrafficPolicy{
		{Ingress: []v1alpha1.TrafficRule{{
			Peers: []v1alpha1.TrafficPeer{
				{PodSelector: &v1alpha1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
				{NamespaceSelector: &v1alpha1.LabelSelector{
					MatchExpressions: []v1alpha1.SelectorRequirement{
						{Key: "team", Operator: "In", Values: []string{"a"}},
					}}},
				{IPBlock: &v1alpha1.IPBlock{CIDR: "10.0.0.0/8", Except: []v1alpha1.PolicyCIDR{"10.1.0.0/16"}}},
			},
			Ports: []v1alpha1.TrafficPort{{Port: 80}, {Protocol: v1alpha1.ProtocolUDP, Port: 5000, EndPort: 5010},
				{Protocol: v1alpha1.ProtocolSCTP}},
		}}},
		{Egress: []v1alpha1.TrafficRule{{Peers: []v1alpha1.TrafficPeer{{PodSelector: &v1alpha1.LabelSelector{}}}}}},
	})
	assert.Equal(t, "web-policy", policy.Name)
	assert.Equal(t, map[string]string{v1alpha1.LabelVM: "vm-uid"},
		policy.Spec.PodSelector.MatchLabels, "this machine alone")
	require.Len(t, policy.Spec.Ingress, 1)
	assert.Equal(t, []networkingv1.NetworkPolicyPeer{
		{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "shop"}}},
		{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{"a"}}}}},
		{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}}},
	}, policy.Spec.Ingress[0].From)
	assert.Equal(t, []networkingv1.NetworkPolicyPort{
		{Protocol: ptr.To(corev1.ProtocolTCP), Port: ptr.To(intstr.FromInt32(80))},
		{Protocol: ptr.To(corev1.ProtocolUDP), Port: ptr.To(intstr.FromInt32(5000)), EndPort: ptr.To[int32](5010)},
		{Protocol: ptr.To(corev1.ProtocolSCTP)},
	}, policy.Spec.Ingress[0].Ports)
	require.Len(t, policy.Spec.Egress, 1)
	assert.Equal(t, []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}, policy.Spec.Egress[0].To)
	assert.Empty(t, policy.Spec.Egress[0].Ports, "all of them")
}

func TestParseEnforcement(t *testing.T) {
	for _, text := range Enforcements() {
		told, err := Parse(text)
		require.NoError(t, err)
		assert.Equal(t, text, string(told))
	}
	told, err := Parse("")
	require.NoError(t, err)
	assert.Equal(t, Unknown, told)
	_, err = Parse("enforced")
	assert.EqualError(t, err, `network policy enforcement "enforced" is none of Unknown, Enforced, None`)
}
