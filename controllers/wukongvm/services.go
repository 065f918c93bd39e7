package wukongvm

import (
	"cmp"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
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
	endpoints := &discoveryv1.EndpointSliceList{}
	if err := r.client.List(ctx, endpoints, client.InNamespace(vm.Namespace), client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}); err != nil {
		return fmt.Errorf("list the EndpointSlices of WukongVM %s: %w", vm.Name, err)
	}
	observed.endpoints = services.CountEndpoints(endpoints.Items)
	return nil
}

// applyServices writes the Services of spec and deletes those that it lists no more. What is wrong with one is told, and keeps neither the
// others nor the machine back.
func (r *Reconciler) applyServices(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	wanted := map[string]bool{}
	if observed.servicesProblem = services.Unreachable(vm, observed.networks); observed.servicesProblem == nil {
		for i := range vm.Spec.Services {
			if found := services.Mislead(vm, &vm.Spec.Services[i]); found != nil {
				observed.servicesProblem = cmp.Or(observed.servicesProblem, found)
				continue
			}
			name := model.ServiceName(vm, &vm.Spec.Services[i])
			wanted[name] = true
			applied, err := apply.Child(ctx, r.applier, vm, services.Desired(vm, &vm.Spec.Services[i]))
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
	if guest := observed.Guest(); guest != nil && virt.Ready(guest) {
		observed.servicesProblem = cmp.Or(observed.servicesProblem, services.Unanswered(vm, observed.services, observed.endpoints))
	}
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
