package volumemove

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// CountNodes counts the nodes that a guest can migrate between, up to EnoughNodes. It reads from the API server: it is
// needed so seldom that a watch on all nodes would cost more.
func CountNodes(ctx context.Context, live client.Reader) (int, error) {
	nodes := &corev1.NodeList{}
	schedulable := client.MatchingLabels{kubevirtv1.NodeSchedulable: "true"}
	if err := live.List(ctx, nodes, schedulable, client.Limit(EnoughNodes)); err != nil {
		return 0, fmt.Errorf("list the nodes that guests run on: %w", err)
	}
	return len(nodes.Items), nil
}

// Migrations returns the migrations of a WukongVM's instance, from the API server.
func Migrations(
	ctx context.Context, live client.Reader, vm *v1alpha1.WukongVM,
) ([]kubevirtv1.VirtualMachineInstanceMigration, error) {
	list := &kubevirtv1.VirtualMachineInstanceMigrationList{}
	ofInstance := client.MatchingLabels{kubevirtv1.MigrationSelectorLabel: vm.Name}
	if err := live.List(ctx, list, client.InNamespace(vm.Namespace), ofInstance); err != nil {
		return nil, fmt.Errorf("list the migrations of VirtualMachineInstance %s: %w", vm.Name, err)
	}
	return list.Items, nil
}
