package wukongvm

import (
	"context"
	"fmt"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
)

// applyAttachments writes the NetworkAttachmentDefinitions that the machine's interfaces have of their own.
func (r *Reconciler) applyAttachments(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if len(observed.nics.Attachments()) == 0 || !observed.complete() {
		return nil
	}
	if served, err := r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil || !served {
		return err
	}
	for _, attachment := range observed.nics.Attachments() {
		desired := attachment.DeepCopy()
		metadata := child.Metadata(vm, desired.Name, nil)
		metadata.Annotations = desired.Annotations
		desired.ObjectMeta = metadata
		if _, err := apply.Child(ctx, r.applier, vm, desired); err != nil {
			return err
		}
	}
	return nil
}

// letGoAttachments deletes what no interface needs any more: neither the spec, nor the template, nor the guest.
func (r *Reconciler) letGoAttachments(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if served, err := r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil || !served {
		return err
	}
	list := &networkv1.NetworkAttachmentDefinitionList{}
	stamped := client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}
	if err := r.client.List(ctx, list, client.InNamespace(vm.Namespace), stamped); err != nil {
		return fmt.Errorf("list the NetworkAttachmentDefinitions of WukongVM %s: %w", vm.Name, err)
	}
	wanted := map[string]bool{}
	for _, attachment := range observed.nics.Attachments() {
		wanted[attachment.Name] = true
	}
	plan := observed.nics.After(observed.View)
	for i := range list.Items {
		attachment := &list.Items[i]
		if wanted[attachment.Name] || !metav1.IsControlledBy(attachment, vm) || !attachment.DeletionTimestamp.IsZero() ||
			plan.HasAttachment(attachment.Namespace+"/"+attachment.Name) {
			continue
		}
		if err := r.deleteStamped(ctx, attachment); err != nil {
			return err
		}
	}
	return nil
}
