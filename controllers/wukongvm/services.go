package wukongvm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/naming"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// observeServices reads the Services that the machine made, whether or not spec still lists them, and counts what answers behind each.
func (r *Reconciler) observeServices(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	list := &corev1.ServiceList{}
	if err := r.client.List(ctx, list, client.InNamespace(vm.Namespace), client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}); err != nil {
		return fmt.Errorf("list the Services of WukongVM %s: %w", vm.Name, err)
	}
	observed.services = map[string]*corev1.Service{}
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], vm) {
			observed.services[list.Items[i].Name] = &list.Items[i]
		}
	}
	if len(observed.services) == 0 {
		return nil
	}
	// An EndpointSlice has the labels of its Service (k8s.io/endpointslice, utils.go).
	slices := &discoveryv1.EndpointSliceList{}
	if err := r.client.List(ctx, slices, client.InNamespace(vm.Namespace), client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}); err != nil {
		return fmt.Errorf("list the EndpointSlices of WukongVM %s: %w", vm.Name, err)
	}
	observed.endpoints = countEndpoints(slices.Items)
	return nil
}

// countEndpoints counts the pods that answer behind each Service. A pod with addresses of two families is in two slices.
func countEndpoints(list []discoveryv1.EndpointSlice) map[string]int32 {
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

// applyServices writes the Services of spec and deletes those that it lists no more. What is wrong with one is told, and keeps neither the
// others nor the machine back.
func (r *Reconciler) applyServices(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	wanted := map[string]bool{}
	if observed.servicesProblem = unreachable(vm, observed); observed.servicesProblem == nil {
		for i := range vm.Spec.Services {
			if found := strangeSelector(vm, &vm.Spec.Services[i]); found != nil {
				observed.servicesProblem = cmp.Or(observed.servicesProblem, found)
				continue
			}
			name := serviceName(vm, &vm.Spec.Services[i])
			wanted[name] = true
			applied, err := apply.Child(ctx, r.applier, vm, desiredService(vm, &vm.Spec.Services[i]))
			switch {
			case err == nil:
				observed.services[name] = applied
			case apply.Permanent(err):
				observed.servicesProblem, observed.serviceRefused = cmp.Or(observed.servicesProblem, cause.Refused(err)), true
			default:
				return err
			}
		}
	}
	observed.servicesProblem = cmp.Or(observed.servicesProblem, observed.unanswered(vm))
	for name, service := range observed.services {
		if wanted[name] || !service.DeletionTimestamp.IsZero() {
			continue
		}
		if err := r.deleteStamped(ctx, service); err != nil {
			return err
		}
		delete(observed.services, name)
	}
	return nil
}

// unreachable says why no Service can lead to the machine. A Service leads to the addresses of pods.
func unreachable(vm *v1alpha1.WukongVM, observed *observation) *cause.Cause {
	if len(vm.Spec.Services) == 0 || observed.onAnyPodNetwork(vm) {
		return nil
	}
	return &cause.Cause{Reason: v1alpha1.ReasonServiceUnreachable, Message: "a Service reaches a machine on the pod network only, and this one has no interface there: " +
		"add an entry with pod: {} to spec.networks, or reach the machine by its address on its own network, and leave out spec.services"}
}

// unanswered says which Service leads nowhere though the machine runs.
func (o *observation) unanswered(vm *v1alpha1.WukongVM) *cause.Cause {
	if guest := o.Guest(); guest == nil || !virt.Ready(guest) {
		return nil
	}
	for i := range vm.Spec.Services {
		name := serviceName(vm, &vm.Spec.Services[i])
		if o.services[name] != nil && o.endpoints[name] == 0 {
			return &cause.Cause{Reason: v1alpha1.ReasonServicePending, Waiting: true, Message: fmt.Sprintf(
				"no machine answers behind Service %s yet; if it lasts: kubectl get endpointslices -l kubernetes.io/service-name=%s", name, name)}
		}
	}
	return nil
}

// strangeSelector says why a Service would not lead to the machine that lists it, which is a slip of the pen. (A CEL rule would be too dear.)
func strangeSelector(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) *cause.Cause {
	labels := placement.Labels(vm)
	for _, key := range slices.Sorted(maps.Keys(service.Selector)) {
		if labels[key] != service.Selector[key] {
			return &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Message: fmt.Sprintf(
				"the selector of service %s does not select this machine: give it %s: %s in spec.scheduling.labels, or correct the selector", service.Name, key, service.Selector[key])}
		}
	}
	return nil
}

// onPodNetwork tells whether an interface is on the pod network. A network that does not exist yet is not.
func (o *observation) onPodNetwork(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) bool {
	if network.Pod != nil || network.Template != nil {
		return network.Pod != nil || network.Template.Spec.Type == v1alpha1.NetworkTypePod
	}
	object := o.networks[index.NetworkName(vm, network)]
	return object != nil && object.Spec.Type == v1alpha1.NetworkTypePod
}

func serviceName(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) string {
	return naming.Child(vm.Name, service.Name)
}

// desiredService leads to the virt-launcher pod of the machine, which masquerades for the guest.
func desiredService(vm *v1alpha1.WukongVM, service *v1alpha1.VMService) *corev1.Service {
	metadata := childMetadata(vm, serviceName(vm, service), nil)
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

// serviceStatus tells where the Services that exist can be reached.
func serviceStatus(vm *v1alpha1.WukongVM, observed *observation) []v1alpha1.VMServiceStatus {
	var result []v1alpha1.VMServiceStatus
	for i := range vm.Spec.Services {
		service := observed.services[serviceName(vm, &vm.Spec.Services[i])]
		if service == nil {
			continue
		}
		status := v1alpha1.VMServiceStatus{Name: vm.Spec.Services[i].Name, ServiceName: service.Name, ClusterIPs: service.Spec.ClusterIPs, Endpoints: observed.endpoints[service.Name]}
		for _, port := range service.Spec.Ports {
			if port.NodePort != 0 {
				status.NodePorts = append(status.NodePorts, port.NodePort)
			}
		}
		for _, ingress := range service.Status.LoadBalancer.Ingress[:min(len(service.Status.LoadBalancer.Ingress), maxExternalAddresses)] {
			status.ExternalAddresses = append(status.ExternalAddresses, cmp.Or(ingress.IP, ingress.Hostname))
		}
		result = append(result, status)
	}
	return result
}

// maxExternalAddresses is the bound of status.services[].externalAddresses.
const maxExternalAddresses = 16
