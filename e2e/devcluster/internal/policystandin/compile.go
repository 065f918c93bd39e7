package policystandin

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"go4.org/netipx"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// World is what decides.
type World struct {
	Policies   []networkingv1.NetworkPolicy
	Pods       []corev1.Pod
	Namespaces []corev1.Namespace
}

// Isolation is what may pass to or from a pod that a policy isolates.
type Isolation struct {
	Address netip.Addr
	// Ingress and Egress list what may come in and go out.
	Ingress, Egress Direction
}

// Direction of an isolation.
type Direction struct {
	// Closed for everything but what is allowed.
	Closed  bool
	Allowed []Allowance
}

// Allowance lets one kind of traffic with one peer pass.
type Allowance struct {
	// Peer at the other end; the zero value is everybody.
	Peer netip.Prefix
	// Protocol number; 0 is every one.
	Protocol uint8
	// First and Last port; 0 is every one.
	First, Last uint16
}

// Compile says what may pass to and from the pods of a node that policies isolate, in order of their addresses.
func Compile(world *World, node string) ([]Isolation, error) {
	var result []Isolation
	for i := range world.Pods {
		pod := &world.Pods[i]
		if pod.Spec.NodeName != node || !hasAddress(pod) {
			continue
		}
		for _, status := range pod.Status.PodIPs {
			address, err := netip.ParseAddr(status.IP)
			if err != nil {
				return nil, fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			isolation, err := world.isolate(pod, address)
			if err != nil {
				return nil, fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			if isolation.Ingress.Closed || isolation.Egress.Closed {
				result = append(result, isolation)
			}
		}
	}
	slices.SortFunc(result, func(one, two Isolation) int { return one.Address.Compare(two.Address) })
	return result, nil
}

// hasAddress tells whether a pod has an address of its own.
func hasAddress(pod *corev1.Pod) bool {
	return !pod.Spec.HostNetwork && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}

func (w *World) isolate(pod *corev1.Pod, address netip.Addr) (Isolation, error) {
	result := Isolation{Address: address}
	for i := range w.Policies {
		policy := &w.Policies[i]
		if policy.Namespace != pod.Namespace {
			continue
		}
		selected, err := matches(&policy.Spec.PodSelector, pod.Labels)
		if err != nil || !selected {
			if err != nil {
				return Isolation{}, err
			}
			continue
		}
		if slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			result.Ingress.Closed = true
			for _, rule := range policy.Spec.Ingress {
				if err := w.allow(&result.Ingress, policy.Namespace, rule.From, rule.Ports, address); err != nil {
					return Isolation{}, err
				}
			}
		}
		if slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
			result.Egress.Closed = true
			for _, rule := range policy.Spec.Egress {
				if err := w.allow(&result.Egress, policy.Namespace, rule.To, rule.Ports, address); err != nil {
					return Isolation{}, err
				}
			}
		}
	}
	return result, nil
}

func (w *World) allow(
	direction *Direction, namespace string, peers []networkingv1.NetworkPolicyPeer,
	ports []networkingv1.NetworkPolicyPort, of netip.Addr,
) error {
	prefixes := []netip.Prefix{{}}
	if len(peers) > 0 {
		prefixes = nil
		for i := range peers {
			found, err := w.addresses(namespace, &peers[i])
			if err != nil {
				return err
			}
			prefixes = append(prefixes, found...)
		}
	}
	allowances := []Allowance{{}}
	if len(ports) > 0 {
		allowances = nil
		for _, port := range ports {
			allowance, err := ofPort(port)
			if err != nil {
				return err
			}
			allowances = append(allowances, allowance)
		}
	}
	for _, prefix := range prefixes {
		if prefix.IsValid() && prefix.Addr().Is4() != of.Is4() {
			continue
		}
		for _, allowance := range allowances {
			allowance.Peer = prefix
			direction.Allowed = append(direction.Allowed, allowance)
		}
	}
	return nil
}

// addresses are those of a peer, seen from a namespace.
func (w *World) addresses(namespace string, peer *networkingv1.NetworkPolicyPeer) ([]netip.Prefix, error) {
	if peer.IPBlock != nil {
		return block(peer.IPBlock)
	}
	namespaces := map[string]bool{namespace: true}
	if peer.NamespaceSelector != nil {
		clear(namespaces)
		for i := range w.Namespaces {
			selected, err := matches(peer.NamespaceSelector, w.Namespaces[i].Labels)
			if err != nil {
				return nil, err
			}
			namespaces[w.Namespaces[i].Name] = selected
		}
	}
	var result []netip.Prefix
	for i := range w.Pods {
		pod := &w.Pods[i]
		if !namespaces[pod.Namespace] || !hasAddress(pod) {
			continue
		}
		if peer.PodSelector != nil {
			selected, err := matches(peer.PodSelector, pod.Labels)
			if err != nil {
				return nil, err
			}
			if !selected {
				continue
			}
		}
		for _, status := range pod.Status.PodIPs {
			address, err := netip.ParseAddr(status.IP)
			if err != nil {
				return nil, fmt.Errorf("pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			result = append(result, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	return result, nil
}

func block(ipBlock *networkingv1.IPBlock) ([]netip.Prefix, error) {
	var builder netipx.IPSetBuilder
	whole, err := netip.ParsePrefix(ipBlock.CIDR)
	if err != nil {
		return nil, err
	}
	builder.AddPrefix(whole)
	for _, text := range ipBlock.Except {
		hole, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		builder.RemovePrefix(hole)
	}
	set, err := builder.IPSet()
	if err != nil {
		return nil, err
	}
	return set.Prefixes(), nil
}

var protocols = map[corev1.Protocol]uint8{
	corev1.ProtocolTCP: unix.IPPROTO_TCP, corev1.ProtocolUDP: unix.IPPROTO_UDP, corev1.ProtocolSCTP: unix.IPPROTO_SCTP,
}

func ofPort(port networkingv1.NetworkPolicyPort) (Allowance, error) {
	protocol := corev1.ProtocolTCP
	if port.Protocol != nil {
		protocol = *port.Protocol
	}
	result := Allowance{Protocol: protocols[protocol]}
	if port.Port == nil {
		return result, nil
	}
	if port.Port.Type != intstr.Int {
		return Allowance{}, errors.New("ports by name are not known to this stand-in")
	}
	result.First = uint16(port.Port.IntVal) //nolint:gosec // The API server has checked it.
	result.Last = result.First
	if port.EndPort != nil {
		result.Last = uint16(cmp.Or(*port.EndPort, port.Port.IntVal)) //nolint:gosec // The API server has checked it.
	}
	return result, nil
}

func matches(selector *metav1.LabelSelector, found map[string]string) (bool, error) {
	converted, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, fmt.Errorf("selector %v: %w", selector, err)
	}
	return converted.Matches(labels.Set(found)), nil
}
