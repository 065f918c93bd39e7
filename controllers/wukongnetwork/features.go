package wukongnetwork

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/cni"
)

// missingFeature returns what a network needs of the nodes or of KubeVirt and nobody offers. Without this a guest
// would wait for ever, and the messages of scheduler and virt-handler would not mention the network.
func (r *Reconciler) missingFeature(ctx context.Context, spec *v1alpha1.WukongNetworkSpec) (*notReady, error) {
	if resource, provider := cni.NodeResource(spec); resource != "" {
		nodes := &corev1.NodeList{}
		if err := r.client.List(ctx, nodes); err != nil {
			return nil, fmt.Errorf("list nodes: %w", err)
		}
		if !offered(nodes.Items, resource) {
			return failed(v1alpha1.ReasonNodeFeatureMissing,
				"no node offers %s; install and configure %s, or correct the network", resource, provider), nil
		}
	}
	plugin := binding.Plugin(spec)
	registered, err := binding.Registered(ctx, r.client, r.dependencies, plugin)
	if err != nil || registered {
		return nil, err
	}
	return failed(v1alpha1.ReasonBindingMissing, "%s", binding.Missing(plugin)), nil
}

func offered(nodes []corev1.Node, resource string) bool {
	for i := range nodes {
		if devices(&nodes[i])[resource] {
			return true
		}
	}
	return false
}

// devices returns the extended resources (with a slash in their name) of which a node has any.
func devices(node *corev1.Node) map[string]bool {
	found := map[string]bool{}
	for name, quantity := range node.Status.Allocatable {
		if strings.Contains(string(name), "/") && !quantity.IsZero() {
			found[string(name)] = true
		}
	}
	return found
}

// keepDevices copies the resources that a node offers.
func keepDevices(full, kept *corev1.Node) { kept.Status.Allocatable = full.Status.Allocatable }
