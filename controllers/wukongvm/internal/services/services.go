// Package services decides about the Services by which clients reach a WukongVM on the pod network.
package services

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
)

// Desired returns a Service for the launcher pod of the WukongVM, which masquerades for the guest.
func Desired(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) *corev1.Service {
	metadata := child.Metadata(vm, model.ServiceName(vm, service), nil)
	metadata.Annotations = service.Annotations
	selector := map[string]string{v1alpha1.LabelManagedBy: v1alpha1.LabelManagedByValue}
	for key, value := range service.Selector {
		selector[key] = value
	}
	if len(service.Selector) == 0 {
		selector[v1alpha1.LabelVM] = string(vm.UID)
	}
	result := &corev1.Service{
		ObjectMeta: metadata,
		Spec: corev1.ServiceSpec{
			Type:                  corev1.ServiceType(cmp.Or(service.Type, v1alpha1.ServiceClusterIP)),
			Selector:              selector,
			SessionAffinity:       corev1.ServiceAffinity(cmp.Or(service.SessionAffinity, v1alpha1.SessionAffinityNone)),
			ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicy(service.ExternalTrafficPolicy),
		},
	}
	if service.LoadBalancerClass != "" {
		result.Spec.LoadBalancerClass = ptr.To(service.LoadBalancerClass)
	}
	for _, port := range service.Ports {
		result.Spec.Ports = append(result.Spec.Ports, corev1.ServicePort{
			Name:       port.Name,
			Port:       port.Port,
			TargetPort: intstr.FromInt32(cmp.Or(port.TargetPort, port.Port)),
			Protocol:   corev1.Protocol(cmp.Or(port.Protocol, v1alpha1.ProtocolTCP)),
			NodePort:   port.NodePort,
		})
	}
	return result
}

// Unreachable returns why no Service can reach a WukongVM, or nil. A Service leads to the addresses of pods.
func Unreachable(vm *v1alpha1.WukongVM, networks nics.Networks) *cause.Cause {
	if len(vm.Spec.Services) == 0 || networks.AnyOnPodNetwork(vm) {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonServiceUnreachable,
		Message: "a Service reaches a WukongVM on the pod network only, and this one has no interface there: " +
			"add an entry with pod: {} to spec.networks, or reach the WukongVM by its address on its own network, and " +
			"leave out spec.services"}
}

// Mislead returns why a Service would not reach the WukongVM that lists it, which is a mistake, or nil. (A CEL rule
// would cost too much.)
func Mislead(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) *cause.Cause {
	labels := placement.Labels(vm)
	for _, key := range slices.Sorted(maps.Keys(service.Selector)) {
		if labels[key] != service.Selector[key] {
			return &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Message: fmt.Sprintf(
				"the selector of service %s does not select this WukongVM: give it %s: %s in spec.scheduling.labels, or "+
					"correct the selector", service.Name, key, service.Selector[key])}
		}
	}
	return nil
}

// Unanswered returns which Service has no ready pods, or nil. It is for a WukongVM that runs.
func Unanswered(vm *v1alpha1.WukongVM, made map[string]*corev1.Service, endpoints map[string]int32) *cause.Cause {
	for i := range vm.Spec.Services {
		name := model.ServiceName(vm, &vm.Spec.Services[i])
		if made[name] != nil && endpoints[name] == 0 {
			return &cause.Cause{Reason: v1alpha1.ReasonServicePending, Waiting: true, Message: fmt.Sprintf(
				"Service %s has no ready endpoint yet; if this lasts: kubectl get endpointslices -l "+
					"kubernetes.io/service-name=%s", name, name)}
		}
	}
	return nil
}

// CountEndpoints counts the ready pods behind each Service. A pod with addresses of two families is in two slices.
func CountEndpoints(list []discoveryv1.EndpointSlice) map[string]int32 {
	pods := map[string]map[types.UID]bool{}
	for i := range list {
		service := list[i].Labels[discoveryv1.LabelServiceName]
		for _, endpoint := range list[i].Endpoints {
			if endpoint.TargetRef == nil || !ptr.Deref(endpoint.Conditions.Ready, true) {
				continue
			}
			if pods[service] == nil {
				pods[service] = map[types.UID]bool{}
			}
			pods[service][endpoint.TargetRef.UID] = true
		}
	}
	result := map[string]int32{}
	for service, found := range pods {
		result[service] = int32(len(found)) //nolint:gosec // A Service has fewer pods than that.
	}
	return result
}

// Status returns the addresses of the existing Services.
func Status(
	vm *v1alpha1.WukongVM, made map[string]*corev1.Service, endpoints map[string]int32,
) []v1alpha1.VMServiceStatus {
	var result []v1alpha1.VMServiceStatus
	for i := range vm.Spec.Services {
		service := made[model.ServiceName(vm, &vm.Spec.Services[i])]
		if service == nil {
			continue
		}
		status := v1alpha1.VMServiceStatus{Name: vm.Spec.Services[i].Name, ServiceName: service.Name,
			ClusterIPs: service.Spec.ClusterIPs, Endpoints: endpoints[service.Name]}
		for _, port := range service.Spec.Ports {
			if port.NodePort != 0 {
				status.NodePorts = append(status.NodePorts, port.NodePort)
			}
		}
		for _, ingress := range service.Status.LoadBalancer.Ingress[:min(len(service.Status.LoadBalancer.Ingress),
			maxExternalAddresses)] {
			status.ExternalAddresses = append(status.ExternalAddresses, cmp.Or(ingress.IP, ingress.Hostname))
		}
		result = append(result, status)
	}
	return result
}

// maxExternalAddresses is the maximum length of status.services[].externalAddresses.
const maxExternalAddresses = 16
