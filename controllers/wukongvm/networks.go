package wukongvm

import (
	"fmt"
	"net/netip"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addressing"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
)

// resolveNetworks gives the interfaces for cloud-init, and the gravest problem.
func (o *observation) resolveNetworks(vm *v1alpha1.WukongVM) ([]cloudinit.Interface, *cause.Cause) {
	var worst *cause.Cause
	var interfaces []cloudinit.Interface
	o.given, o.attachments, o.withheld = map[string][]netip.Prefix{}, map[string]*networkv1.NetworkAttachmentDefinition{}, map[string]bool{}
	list := nics.Of(vm)
	for i := range list {
		network := &list[i]
		name := index.NetworkName(vm, network)
		object := o.networks[name]
		if plugin := binding.PodPlugin(network.Pod); plugin != "" && !o.passt {
			worst = cause.Graver(worst, &cause.Cause{Reason: v1alpha1.ReasonBindingMissing, Message: binding.Missing(plugin), Blocking: o.Machine == nil})
		}
		if name != "" {
			worst = cause.Graver(worst, o.networkProblem(name, object))
			if object == nil {
				continue
			}
			if hostaccess.Withheld(object) {
				o.withheld[network.Name] = true
			}
		}
		if found := o.addressProblem(network, object); found != nil {
			// A guest that runs gets the rest of its changes meanwhile.
			found.Blocking = found.Blocking && o.Guest() == nil
			worst = cause.Graver(worst, found)
			continue
		}
		given := *network
		given.AddressMode = o.addressMode(network, object)
		resolved, err := addressing.Resolve(&given, object, macAddress(vm, network), o.pooled(network, object))
		if err != nil {
			worst = cause.Graver(worst, &cause.Cause{Reason: v1alpha1.ReasonAddressInvalid, Message: err.Error(), Blocking: true})
			continue
		}
		o.given[network.Name] = resolved.Addresses
		worst = cause.Graver(worst, o.resolveAttachment(vm, network, object, &resolved))
		interfaces = append(interfaces, resolved)
		if network.LinkState == v1alpha1.LinkDown && virtualFunction(specOf(vm, network, o)) {
			worst = cause.Graver(worst, &cause.Cause{Reason: v1alpha1.ReasonInvalidSpec, Blocking: o.Machine == nil, Message: fmt.Sprintf(
				"linkState Down of interface %s has no effect: a virtual function has no virtual cable; leave linkState out, or set sriov.linkState of the network",
				network.Name)})
		}
	}
	if err := addressing.Distinct(interfaces); err != nil {
		worst = cause.Graver(worst, &cause.Cause{Reason: v1alpha1.ReasonAddressInvalid, Message: err.Error(), Blocking: true})
	}
	return interfaces, cause.Graver(cause.Graver(worst, o.plugProblem(vm)), o.foreignAddress)
}
