package policy

import (
	"context"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
)

// Read reads the NetworkPolicies that a WukongVM created: one at most, unless somebody copied its labels.
func Read(
	ctx context.Context, reader client.Reader, vm *v1alpha1.WukongVM,
) ([]*networkingv1.NetworkPolicy, error) {
	list := &networkingv1.NetworkPolicyList{}
	ofVM := client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}
	if err := reader.List(ctx, list, client.InNamespace(vm.Namespace), ofVM); err != nil {
		return nil, fmt.Errorf("list the NetworkPolicies of WukongVM %s: %w", vm.Name, err)
	}
	var made []*networkingv1.NetworkPolicy
	for i := range list.Items {
		if metav1.IsControlledBy(&list.Items[i], vm) {
			made = append(made, &list.Items[i])
		}
	}
	return made, nil
}
