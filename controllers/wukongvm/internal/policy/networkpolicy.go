package policy

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
)

// desired returns a NetworkPolicy that allows what any of the policies allows, and closes each direction that any
// closes.
func desired(vm *v1alpha1.WukongVM, policies []*v1alpha1.TrafficPolicy) *networkingv1.NetworkPolicy {
	result := &networkingv1.NetworkPolicy{
		ObjectMeta: child.Metadata(vm, model.NetworkPolicyName(vm), nil),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.LabelVM: string(vm.UID)}},
		},
	}
	var closed [2]bool
	for _, policy := range policies {
		both := policy.DefaultDeny == v1alpha1.TrafficBoth
		closed[0] = closed[0] || both || policy.DefaultDeny == v1alpha1.TrafficIngress || len(policy.Ingress) > 0
		closed[1] = closed[1] || both || policy.DefaultDeny == v1alpha1.TrafficEgress || len(policy.Egress) > 0
		for i := range policy.Ingress {
			rule := &policy.Ingress[i]
			result.Spec.Ingress = append(result.Spec.Ingress,
				networkingv1.NetworkPolicyIngressRule{From: peersOf(rule.Peers), Ports: portsOf(rule.Ports)})
		}
		for i := range policy.Egress {
			rule := &policy.Egress[i]
			result.Spec.Egress = append(result.Spec.Egress,
				networkingv1.NetworkPolicyEgressRule{To: peersOf(rule.Peers), Ports: portsOf(rule.Ports)})
		}
	}
	for i, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
		if closed[i] {
			result.Spec.PolicyTypes = append(result.Spec.PolicyTypes, direction)
		}
	}
	return result
}

func peersOf(peers []v1alpha1.TrafficPeer) []networkingv1.NetworkPolicyPeer {
	var result []networkingv1.NetworkPolicyPeer
	for i := range peers {
		peer := networkingv1.NetworkPolicyPeer{}
		if block := peers[i].IPBlock; block != nil {
			peer.IPBlock = &networkingv1.IPBlock{CIDR: string(block.CIDR)}
			for _, hole := range block.Except {
				peer.IPBlock.Except = append(peer.IPBlock.Except, string(hole))
			}
		}
		if selector := peers[i].PodSelector; selector != nil {
			peer.PodSelector = ptr.To(labelSelector(selector))
		}
		if selector := peers[i].NamespaceSelector; selector != nil {
			peer.NamespaceSelector = ptr.To(labelSelector(selector))
		}
		result = append(result, peer)
	}
	return result
}

func labelSelector(from *v1alpha1.LabelSelector) metav1.LabelSelector {
	result := metav1.LabelSelector{MatchLabels: from.MatchLabels}
	for _, one := range from.MatchExpressions {
		result.MatchExpressions = append(result.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: one.Key, Operator: metav1.LabelSelectorOperator(one.Operator), Values: one.Values,
		})
	}
	return result
}

func portsOf(ports []v1alpha1.TrafficPort) []networkingv1.NetworkPolicyPort {
	var result []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		converted := networkingv1.NetworkPolicyPort{
			Protocol: ptr.To(corev1.Protocol(cmp.Or(port.Protocol, v1alpha1.ProtocolTCP)))}
		if port.Port != 0 {
			converted.Port = ptr.To(intstr.FromInt32(port.Port))
		}
		if port.EndPort != 0 {
			converted.EndPort = ptr.To(port.EndPort)
		}
		result = append(result, converted)
	}
	return result
}
