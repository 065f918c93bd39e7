package services

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Made are the Services that a WukongVM created, whether or not the spec still lists them.
type Made struct {
	// Services by name.
	Services map[string]*corev1.Service
	// Endpoints is the number of ready pods behind each Service.
	Endpoints map[string]int32
}

// Read reads the Services that a WukongVM created, and counts the ready pods behind each.
func Read(ctx context.Context, reader client.Reader, vm *v1alpha1.WukongVM) (Made, error) {
	made := Made{Services: map[string]*corev1.Service{}}
	list := &corev1.ServiceList{}
	ofVM := client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}
	if err := reader.List(ctx, list, client.InNamespace(vm.Namespace), ofVM); err != nil {
		return Made{}, fmt.Errorf("list the Services of WukongVM %s: %w", vm.Name, err)
	}
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], vm) {
			made.Services[list.Items[i].Name] = &list.Items[i]
		}
	}
	if len(made.Services) == 0 {
		return made, nil
	}
	// An EndpointSlice has the labels of its Service (k8s.io/endpointslice, utils.go).
	endpoints := &discoveryv1.EndpointSliceList{}
	if err := reader.List(ctx, endpoints, client.InNamespace(vm.Namespace), ofVM); err != nil {
		return Made{}, fmt.Errorf("list the EndpointSlices of WukongVM %s: %w", vm.Name, err)
	}
	made.Endpoints = CountEndpoints(endpoints.Items)
	return made, nil
}
