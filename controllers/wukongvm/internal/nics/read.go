package nics

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/read"
)

// Read reads the WukongNetworks that the spec lists.
func Read(ctx context.Context, reader client.Reader, vm *v1alpha1.WukongVM) (Networks, error) {
	networks := Networks{}
	var err error
	for i := range vm.Spec.Networks {
		name := model.NetworkName(vm, &vm.Spec.Networks[i])
		if name == "" {
			continue
		}
		if networks[name], err = read.Get(ctx, reader, vm.Namespace, name, &v1alpha1.WukongNetwork{}); err != nil {
			return nil, err
		}
	}
	return networks, nil
}

// ReadMade reads the WukongNetworks that were made from templates, whether or not the spec still has the template.
func ReadMade(
	ctx context.Context, reader client.Reader, vm *v1alpha1.WukongVM,
) ([]*v1alpha1.WukongNetwork, error) {
	list := &v1alpha1.WukongNetworkList{}
	byOwner := client.MatchingFields{index.NetworkByOwner: vm.Name}
	if err := reader.List(ctx, list, client.InNamespace(vm.Namespace), byOwner); err != nil {
		return nil, fmt.Errorf("list the WukongNetworks of WukongVM %s: %w", vm.Name, err)
	}
	var made []*v1alpha1.WukongNetwork
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], vm) {
			made = append(made, &list.Items[i])
		}
	}
	return made, nil
}

// PodPlugin is the plugin by which a WukongVM reaches the pod network without a WukongNetwork; empty without one.
func PodPlugin(vm *v1alpha1.WukongVM) string {
	for i := range vm.Spec.Networks {
		if plugin := binding.PodPlugin(vm.Spec.Networks[i].Pod); plugin != "" {
			return plugin
		}
	}
	return ""
}
