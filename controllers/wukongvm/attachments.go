package wukongvm

import (
	"context"
	"fmt"
	"slices"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/cni"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/child"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
)

// resolveAttachment makes the NetworkAttachmentDefinition of an interface that has more than its network gives, or says why it cannot be had.
// What KubeVirt serves by DHCP is not for cloud-init.
func (o *observation) resolveAttachment(vm *v1alpha1.WukongVM, entry *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork, resolved *cloudinit.Interface) *cause.Cause {
	if network == nil || entry.Pod != nil {
		return nil
	}
	extras := cni.Extras{Bandwidth: entry.Bandwidth}
	if extras.Bandwidth == nil {
		extras.Bandwidth = network.Spec.Bandwidth
	}
	if refused := o.refuseBandwidth(entry, network, extras.Bandwidth); refused != nil {
		return refused
	}
	if entry.AddressDelivery == v1alpha1.DeliverByDHCP {
		if len(resolved.Addresses) != 1 || !resolved.Addresses[0].Addr().Is4() || network.Spec.Type != v1alpha1.NetworkTypeBridge {
			return &cause.Cause{Reason: v1alpha1.ReasonAddressInvalid, Blocking: true, Message: fmt.Sprintf(
				"addressDelivery DHCP of interface %s takes exactly one IPv4 address, on a network of type Bridge; leave it out, or give the one address", entry.Name)}
		}
		extras.Address, extras.Routes = resolved.Addresses[0], resolved.Routes
		resolved.Mode, resolved.Addresses, resolved.Gateways, resolved.Routes = v1alpha1.AddressDHCP, nil, nil, nil
	}
	if extras.Empty() {
		return nil
	}
	attachment, err := cni.ForInterface(network, vm.Name, entry.Name, extras)
	if err != nil {
		return &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Blocking: true, Message: err.Error()}
	}
	// A pod could use one that no guest has: what the namespace may not use is not offered to it.
	if o.withheld[entry.Name] && !o.attached(network.Namespace+"/"+attachment.Name) {
		return nil
	}
	o.attachments[entry.Name] = attachment
	return nil
}

// refuseBandwidth says why an interface cannot have the limits that it, or its network, asks for.
func (o *observation) refuseBandwidth(entry *v1alpha1.VMNetwork, network *v1alpha1.WukongNetwork, bandwidth *v1alpha1.Bandwidth) *cause.Cause {
	switch {
	case bandwidth == nil:
		return nil
	case network.Spec.Type != v1alpha1.NetworkTypeBridge:
		return &cause.Cause{Reason: v1alpha1.ReasonBandwidthUnsupported, Blocking: o.Machine == nil, Message: fmt.Sprintf(
			"bandwidth of interface %s: only networks of type Bridge can limit it, and WukongNetwork %s is of type %s; leave it out",
			entry.Name, network.Name, network.Spec.Type)}
	case outside(bandwidth.Ingress) || outside(bandwidth.Egress):
		return &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Blocking: o.Machine == nil, Message: fmt.Sprintf(
			"bandwidth of interface %s is in bits per second, from %s to %s: correct it here or in WukongNetwork %s", entry.Name, &slowest, &fastest, network.Name)}
	}
	return nil
}

// The limits of limits, in bits per second.
var slowest, fastest = resource.MustParse("1k"), resource.MustParse("1T")

func outside(rate *resource.Quantity) bool {
	return rate != nil && (rate.Cmp(slowest) < 0 || rate.Cmp(fastest) > 0)
}

// applyAttachments writes the NetworkAttachmentDefinitions that the machine's interfaces have of their own.
func (r *Reconciler) applyAttachments(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if len(observed.attachments) == 0 || !observed.complete() {
		return nil
	}
	if served, err := r.dependencies.Served(ctx, dependency.NetworkAttachments); err != nil || !served {
		return err
	}
	for _, attachment := range observed.attachments {
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
	if err := r.client.List(ctx, list, client.InNamespace(vm.Namespace), client.MatchingLabels{v1alpha1.LabelVM: string(vm.UID)}); err != nil {
		return fmt.Errorf("list the NetworkAttachmentDefinitions of WukongVM %s: %w", vm.Name, err)
	}
	wanted := map[string]bool{}
	for _, attachment := range observed.attachments {
		wanted[attachment.Name] = true
	}
	for i := range list.Items {
		attachment := &list.Items[i]
		if wanted[attachment.Name] || !metav1.IsControlledBy(attachment, vm) || !attachment.DeletionTimestamp.IsZero() ||
			observed.attached(attachment.Namespace+"/"+attachment.Name) {
			continue
		}
		if err := r.deleteStamped(ctx, attachment); err != nil {
			return err
		}
	}
	return nil
}

// attached tells whether the machine has an interface on a NetworkAttachmentDefinition, in its template or in its guest. One whose network is withheld
// has it only in a guest that runs.
func (o *observation) attached(attachment string) bool {
	present := slices.DeleteFunc(o.templateInterfaces(), func(one interfaces.Interface) bool { return o.withheld[one.Device.Name] })
	if instance := o.Running(); instance != nil {
		present = append(present, interfacesOf(instance)...)
	}
	for _, item := range present {
		if item.Network.Multus != nil && item.Network.Multus.NetworkName == attachment {
			return true
		}
	}
	return false
}
