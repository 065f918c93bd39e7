package wukongvm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/naming"
)

// enforcement tells whether the cluster's network plugin enforces NetworkPolicies. No object of Kubernetes does, so that whoever installs
// Wukong has to.
type enforcement string

const (
	// enforcementUnknown: nobody told.
	enforcementUnknown enforcement = "Unknown"
	// enforced by the network plugin.
	enforced enforcement = "Enforced"
	// enforcementNone: policies are but words.
	enforcementNone enforcement = "None"
)

// Enforcements are what a manager can be told of the cluster's network plugin: Unknown, which is the default, Enforced and None.
func Enforcements() []string {
	return []string{string(enforcementUnknown), string(enforced), string(enforcementNone)}
}

func parseEnforcement(text string) (enforcement, error) {
	text = cmp.Or(text, string(enforcementUnknown))
	if !slices.Contains(Enforcements(), text) {
		return "", fmt.Errorf("network policy enforcement %q is none of %s", text, strings.Join(Enforcements(), ", "))
	}
	return enforcement(text), nil
}

// policySuffix ends the name of a machine's NetworkPolicy.
const policySuffix = "policy"

// observePolicy reads the NetworkPolicies that the machine made.
func (r *Reconciler) observePolicy(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	list := &networkingv1.NetworkPolicyList{}
	if err := r.client.List(ctx, list, client.InNamespace(vm.Namespace), client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}); err != nil {
		return fmt.Errorf("list the NetworkPolicies of WukongVM %s: %w", vm.Name, err)
	}
	observed.policies, observed.enforcement = nil, r.enforcement
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], vm) {
			observed.policies = append(observed.policies, &list.Items[i])
		}
	}
	return nil
}

// applyPolicy writes the machine's NetworkPolicy, before there is a pod that it would hold for, and deletes it when nothing is limited any more.
// While a network is not known, what was limited stays so. It outlives the WukongVM by as long as the guest does.
func (r *Reconciler) applyPolicy(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if observed.anyNetworkMissing(vm) && len(observed.policies) > 0 {
		return nil
	}
	if limits := observed.policiesOf(vm); len(limits) > 0 && observed.onAnyPodNetwork(vm) {
		policy := desiredPolicy(vm, limits)
		if machine := observed.Machine; machine != nil {
			// The garbage collector deletes an object when all its owners are gone, and KubeVirt keeps a VirtualMachine until its guest has ended.
			policy.OwnerReferences = append(policy.OwnerReferences, metav1.OwnerReference{
				APIVersion: kubevirtv1.GroupVersion.String(), Kind: kubevirtv1.VirtualMachineGroupVersionKind.Kind, Name: machine.Name, UID: machine.UID,
			})
		}
		_, err := apply.Child(ctx, r.applier, vm, policy)
		return err
	}
	for _, policy := range observed.policies {
		if !policy.DeletionTimestamp.IsZero() {
			continue
		}
		if err := r.deleteStamped(ctx, policy); err != nil {
			return err
		}
	}
	return nil
}

// resolvePolicy says why the machine's policy would not hold. A machine that does not exist yet is not made: it would be open.
func (o *observation) resolvePolicy(vm *v1alpha1.WukongVM) *cause.Cause {
	switch {
	case len(o.policiesOf(vm)) == 0:
		return nil
	case !o.onAnyPodNetwork(vm):
		if o.anyNetworkMissing(vm) {
			return nil // networksProblem tells
		}
		return &cause.Cause{Reason: v1alpha1.ReasonPolicyUnsupported, Blocking: o.Guest() == nil, Message: "spec.policy holds on the pod network only, and the machine has " +
			"no interface there: leave out spec.policy, or add an entry with pod: {} to spec.networks; on other networks part machines by VLANs, or let the guest's own firewall do it"}
	case o.enforcement == enforcementNone:
		return &cause.Cause{Reason: v1alpha1.ReasonEnforcementMissing, Blocking: o.Guest() == nil, Message: "the cluster's network plugin enforces no NetworkPolicy, as whoever installed " +
			"Wukong said (networkPolicyEnforcement), so that the machine would be open: take out the policy, or use a plugin that does, such as Cilium, Calico or OVN-Kubernetes"}
	default:
		return nil
	}
}

// reportPolicy puts the condition PolicyReady on a machine with a policy.
func reportPolicy(set *conditions.Set, vm *v1alpha1.WukongVM, observed *observation) {
	if len(observed.policiesOf(vm)) == 0 {
		return
	}
	open := ""
	if names := observed.unlimited(vm); len(names) > 0 {
		open = "the policy does not hold on " + strings.Join(names, ", ") + ", which are not on the pod network"
	}
	switch found := observed.policyProblem; {
	case found != nil:
		set.False(v1alpha1.ConditionPolicyReady, found.Reason, found.Message)
	case observed.outcome.Of("policy") != nil:
		set.False(v1alpha1.ConditionPolicyReady, v1alpha1.ReasonPending, "see condition Synchronized")
	case observed.anyNetworkMissing(vm):
		set.False(v1alpha1.ConditionPolicyReady, v1alpha1.ReasonWaitingForNetwork, "a network is missing, whose policy is not known: see condition NetworksReady")
	case observed.enforcement == enforced:
		set.True(v1alpha1.ConditionPolicyReady, v1alpha1.ReasonReady, open)
	default:
		message := "NetworkPolicy " + policyName(vm) + " is written; whether the cluster's network plugin enforces it cannot be seen from here: " +
			"whoever installs Wukong can tell, with networkPolicyEnforcement"
		if open != "" {
			message += "; " + open
		}
		set.Put(v1alpha1.ConditionPolicyReady, metav1.ConditionUnknown, v1alpha1.ReasonEnforcementUnverified, message)
	}
}

// policiesOf are the policies that hold for the machine: its own, and those of its networks, which are on the pod network.
func (o *observation) policiesOf(vm *v1alpha1.WukongVM) []*v1alpha1.TrafficPolicy {
	var result []*v1alpha1.TrafficPolicy
	if vm.Spec.Policy != nil {
		result = append(result, vm.Spec.Policy)
	}
	list := networksOf(vm)
	for i := range list {
		if object := o.networks[index.NetworkName(vm, &list[i])]; object != nil && object.Spec.Policy != nil {
			result = append(result, object.Spec.Policy)
		}
	}
	return result
}

func (o *observation) onAnyPodNetwork(vm *v1alpha1.WukongVM) bool {
	return slices.ContainsFunc(networksOf(vm), func(network v1alpha1.VMNetwork) bool { return o.onPodNetwork(vm, &network) })
}

func (o *observation) anyNetworkMissing(vm *v1alpha1.WukongVM) bool {
	return slices.ContainsFunc(networksOf(vm), func(network v1alpha1.VMNetwork) bool {
		name := index.NetworkName(vm, &network)
		return name != "" && o.networks[name] == nil
	})
}

// unlimited are the interfaces on which no policy holds.
func (o *observation) unlimited(vm *v1alpha1.WukongVM) []string {
	var names []string
	list := networksOf(vm)
	for i := range list {
		if !o.onPodNetwork(vm, &list[i]) {
			names = append(names, list[i].Name)
		}
	}
	return names
}

func policyName(vm *v1alpha1.WukongVM) string {
	return naming.Child(vm.Name, policySuffix)
}

// desiredPolicy allows what any of the policies does, and closes each direction that any closes.
func desiredPolicy(vm *v1alpha1.WukongVM, policies []*v1alpha1.TrafficPolicy) *networkingv1.NetworkPolicy {
	result := &networkingv1.NetworkPolicy{
		ObjectMeta: childMetadata(vm, policyName(vm), nil),
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
			result.Spec.Ingress = append(result.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: policyPeers(rule.Peers), Ports: policyPorts(rule.Ports)})
		}
		for i := range policy.Egress {
			rule := &policy.Egress[i]
			result.Spec.Egress = append(result.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: policyPeers(rule.Peers), Ports: policyPorts(rule.Ports)})
		}
	}
	for i, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
		if closed[i] {
			result.Spec.PolicyTypes = append(result.Spec.PolicyTypes, direction)
		}
	}
	return result
}

func policyPeers(peers []v1alpha1.TrafficPeer) []networkingv1.NetworkPolicyPeer {
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

func policyPorts(ports []v1alpha1.TrafficPort) []networkingv1.NetworkPolicyPort {
	var result []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		converted := networkingv1.NetworkPolicyPort{Protocol: ptr.To(corev1.Protocol(cmp.Or(port.Protocol, v1alpha1.ProtocolTCP)))}
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
