package nics

import (
	"fmt"
	"net/netip"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/hostaccess"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addresses"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addressing"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Inputs are what decides about the interfaces of a WukongVM.
type Inputs struct {
	VM *v1alpha1.WukongVM
	virt.View
	Networks Networks
	Locks    addresses.Locks
	// Passt: KubeVirt has the plugin, or the WukongVM does not reach the pod network by it.
	Passt bool
	// SeenElsewhere: the guest shows an address that is assigned to another WukongVM.
	SeenElsewhere *cause.Cause
}

// Addresses are what decides about the addresses of the interfaces.
func (in Inputs) Addresses() addresses.Inputs {
	return addresses.Inputs{VM: in.VM, View: in.View, Networks: in.Networks, Locks: in.Locks}
}

// Plan is the decisions about the interfaces. The zero value has none.
type Plan struct {
	in Inputs
	// interfaces are for cloud-init.
	interfaces []cloudinit.Interface
	problem    *cause.Cause
	// By the name of the interface: given are the addresses that it has by the spec, withheld are those whose networks
	// may not be used, or not before that is known, attachments are the NetworkAttachmentDefinitions of their own.
	given       map[string][]netip.Prefix
	withheld    map[string]bool
	attachments map[string]*networkv1.NetworkAttachmentDefinition
}

// Make decides about all interfaces.
func Make(in Inputs) Plan {
	plan := Plan{
		in: in, given: map[string][]netip.Prefix{}, withheld: map[string]bool{},
		attachments: map[string]*networkv1.NetworkAttachmentDefinition{},
	}
	list := Of(in.VM)
	for i := range list {
		plan.problem = cause.Graver(plan.problem, plan.add(&list[i]))
	}
	if err := addressing.Distinct(plan.interfaces); err != nil {
		plan.problem = cause.Graver(plan.problem, &cause.Cause{
			Reason: v1alpha1.ReasonAddressInvalid, Message: err.Error(), Blocking: true,
		})
	}
	plan.problem = cause.Graver(cause.Graver(plan.problem, plan.plugProblem()), in.SeenElsewhere)
	return plan
}

// After is the plan with the objects of KubeVirt as they are after the writes of a pass.
func (p Plan) After(view virt.View) Plan {
	p.in.View = view
	return p
}

// Problem is the gravest problem; nil without one.
func (p Plan) Problem() *cause.Cause { return p.problem }

// CloudInit are the interfaces for the cloud-init data. They are complete when no problem blocks.
func (p Plan) CloudInit() []cloudinit.Interface { return p.interfaces }

// Withholds reports whether the network of an interface may not be used, or not before that is known.
func (p Plan) Withholds() bool { return len(p.withheld) > 0 }

// Devices are the interfaces of the VirtualMachine, and the networks behind them, under equal names as KubeVirt
// requires.
func (p Plan) Devices() ([]kubevirtv1.Interface, []kubevirtv1.Network) {
	var devices []kubevirtv1.Interface
	var networks []kubevirtv1.Network
	for _, item := range p.Template().Interfaces {
		devices = append(devices, item.Device)
		networks = append(networks, item.Network)
	}
	return devices, networks
}

// desired is an interface as the spec asks for it.
func (p Plan) desired(nic *v1alpha1.VMNetwork) interfaces.Interface {
	result := interfaces.Interface{
		Device:  kubevirtv1.Interface{Name: nic.Name, MacAddress: model.MAC(p.in.VM, nic)},
		Network: kubevirtv1.Network{Name: nic.Name},
	}
	bind(&result.Device, p.in.specOf(nic))
	if nic.LinkState == v1alpha1.LinkDown && result.Device.SRIOV == nil {
		result.Device.State = kubevirtv1.InterfaceStateLinkDown
	}
	if attachment := p.attachment(nic); attachment == "" {
		result.Network.Pod = &kubevirtv1.PodNetwork{}
	} else {
		result.Network.Multus = &kubevirtv1.MultusNetwork{NetworkName: attachment}
	}
	return result
}

// bind sets how KubeVirt connects the interface of the pod with the guest. A bridge in the pod carries every layer-2
// network; a virtual function is a device of the guest.
func bind(nic *kubevirtv1.Interface, spec *v1alpha1.WukongNetworkSpec) {
	switch plugin := binding.Plugin(spec); {
	case plugin != "":
		nic.Binding = &kubevirtv1.PluginBinding{Name: plugin}
	case spec.Type == v1alpha1.NetworkTypePod:
		nic.Masquerade = &kubevirtv1.InterfaceMasquerade{}
	case isVirtualFunction(spec):
		nic.SRIOV = &kubevirtv1.InterfaceSRIOV{}
	default:
		nic.Bridge = &kubevirtv1.InterfaceBridge{}
	}
}

func isVirtualFunction(spec *v1alpha1.WukongNetworkSpec) bool {
	return spec.Type == v1alpha1.NetworkTypeSRIOV || spec.Type == v1alpha1.NetworkTypeAttachment &&
		spec.NetworkAttachmentDefinition.Binding == v1alpha1.AttachmentBindingSRIOV
}

// specOf is the spec of the WukongNetwork of an interface, or of the pod network.
func (in Inputs) specOf(nic *v1alpha1.VMNetwork) *v1alpha1.WukongNetworkSpec {
	if object := in.Networks[model.NetworkName(in.VM, nic)]; object != nil {
		return &object.Spec
	}
	return &v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod, Pod: nic.Pod}
}

// add decides about one interface, and returns its gravest problem.
func (p *Plan) add(nic *v1alpha1.VMNetwork) (worst *cause.Cause) {
	name := model.NetworkName(p.in.VM, nic)
	object := p.in.Networks[name]
	if plugin := binding.PodPlugin(nic.Pod); plugin != "" && !p.in.Passt {
		worst = &cause.Cause{
			Reason: v1alpha1.ReasonBindingMissing, Message: binding.Missing(plugin), Blocking: p.in.Machine == nil,
		}
	}
	if name != "" {
		worst = cause.Graver(worst, p.in.networkProblem(name))
		if object == nil {
			return worst
		}
		if hostaccess.Withheld(object) {
			p.withheld[nic.Name] = true
		}
	}
	known := p.in.Addresses()
	if found := known.Problem(nic, object); found != nil {
		// A guest that runs gets its other changes meanwhile.
		waits := *found
		waits.Blocking = found.Blocking && p.in.Guest() == nil
		return cause.Graver(worst, &waits)
	}
	given := *nic
	given.AddressMode = known.Mode(nic, object)
	resolved, err := addressing.Resolve(&given, object, model.MAC(p.in.VM, nic), known.Pooled(nic, object))
	if err != nil {
		return cause.Graver(worst, &cause.Cause{
			Reason: v1alpha1.ReasonAddressInvalid, Message: err.Error(), Blocking: true,
		})
	}
	p.given[nic.Name] = resolved.Addresses
	worst = cause.Graver(worst, p.attach(nic, object, &resolved))
	p.interfaces = append(p.interfaces, resolved)
	if nic.LinkState == v1alpha1.LinkDown && isVirtualFunction(p.in.specOf(nic)) {
		message := fmt.Sprintf("linkState Down of interface %s has no effect: a virtual function has no virtual cable; "+
			"leave linkState out, or set sriov.linkState of the network", nic.Name)
		worst = cause.Graver(worst, &cause.Cause{
			Reason: v1alpha1.ReasonInvalidSpec, Message: message, Blocking: p.in.Machine == nil,
		})
	}
	return worst
}

// networkProblem is why a network is not ready. A guest that runs gets its other changes meanwhile.
func (in Inputs) networkProblem(name string) *cause.Cause {
	network := in.Networks[name]
	if network == nil {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForNetwork, Blocking: in.Guest() == nil,
			Message: fmt.Sprintf("WukongNetwork %s does not exist; create it, or correct networkRef", name)}
	}
	if !network.DeletionTimestamp.IsZero() {
		return &cause.Cause{Reason: v1alpha1.ReasonWaitingForNetwork, Blocking: in.Machine == nil,
			Message: fmt.Sprintf("WukongNetwork %s is being deleted; take it out of spec.networks", name)}
	}
	ready := model.Ready(network)
	if ready.Status == metav1.ConditionTrue {
		return nil
	}
	return &cause.Cause{
		Reason:   v1alpha1.ReasonWaitingForNetwork,
		Message:  fmt.Sprintf("WukongNetwork %s: %s", name, ready.Message),
		Blocking: in.Machine == nil || hostaccess.Withheld(network) && in.Guest() == nil,
		Waiting:  network.Status.Phase != v1alpha1.NetworkError,
	}
}
