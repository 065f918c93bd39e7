package wukongvm

import (
	"context"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
)

// Enforcements are what a manager can be told of the cluster's network plugin: Unknown, which is the default, Enforced and None.
func Enforcements() []string { return policy.Enforcements() }

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
func (r *Reconciler) applyPolicy(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if observed.policy.Keeps() && len(observed.policies) > 0 {
		return nil
	}
	if desired := observed.policy.Desired(observed.Machine); desired != nil {
		_, err := apply.Child(ctx, r.applier, vm, desired)
		return err
	}
	for _, made := range observed.policies {
		if !made.DeletionTimestamp.IsZero() {
			continue
		}
		if err := r.deleteStamped(ctx, made); err != nil {
			return err
		}
	}
	return nil
}
