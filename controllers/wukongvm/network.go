package wukongvm

import (
	"cmp"
	"context"
	"fmt"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// applyAttachments writes the NetworkAttachmentDefinitions that interfaces have of their own.
func (r *Reconciler) applyAttachments(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	attachments := observed.nics.OwnAttachments()
	if len(attachments) == 0 || !observed.complete() {
		return nil
	}
	if served, err := r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil || !served {
		return err
	}
	for _, desired := range attachments {
		if _, err := apply.Child(ctx, r.applier, vm, desired); err != nil {
			return err
		}
	}
	return nil
}

// applyPolicy writes the NetworkPolicy before its pod exists, and deletes it when nothing is limited any longer.
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
		if err := r.deleteChild(ctx, made); err != nil {
			return err
		}
	}
	return nil
}

// applyServices writes the Services of the spec, and deletes those that it does not list. What is wrong with one is
// reported, and prevents neither the others nor the VirtualMachine.
func (r *Reconciler) applyServices(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	made := observed.services.Services
	entries, found := services.Plan(vm, observed.networks.byName)
	for _, entry := range entries {
		if entry.Service == nil {
			found = cmp.Or(found, entry.Cause)
			continue
		}
		applied, err := apply.Child(ctx, r.applier, vm, entry.Service)
		switch {
		case err == nil:
			made[applied.Name] = applied
		case apply.Permanent(err):
			found, observed.serviceRefused = cmp.Or(found, cause.Refused(err)), true
		default:
			observed.servicesCause = found
			return err
		}
	}
	if guest := observed.Guest(); guest != nil && virt.Ready(guest) {
		found = cmp.Or(found, services.Unanswered(vm, made, observed.services.Endpoints))
	}
	observed.servicesCause = found
	for _, service := range services.Surplus(entries, made) {
		if err := r.deleteChild(ctx, service); err != nil {
			return err
		}
		delete(made, service.Name)
	}
	return nil
}

// deleteAttachments deletes the NetworkAttachmentDefinitions that no interface needs.
func (r *Reconciler) deleteAttachments(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if served, err := r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil || !served {
		return err
	}
	list := &networkv1.NetworkAttachmentDefinitionList{}
	ofVM := client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}
	if err := r.client.List(ctx, list, client.InNamespace(vm.Namespace), ofVM); err != nil {
		return fmt.Errorf("list the NetworkAttachmentDefinitions of WukongVM %s: %w", vm.Name, err)
	}
	plan := observed.nics.After(observed.View)
	for i := range list.Items {
		if !plan.IsSurplusAttachment(&list.Items[i]) {
			continue
		}
		if err := r.deleteChild(ctx, &list.Items[i]); err != nil {
			return err
		}
	}
	return nil
}
