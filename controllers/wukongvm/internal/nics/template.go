package nics

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Template is the interfaces of the VirtualMachine's template, given the guest that runs, and where each stands.
func (p Plan) Template() interfaces.Plan {
	plan := interfaces.Make(p.wanted(), p.in.template(), p.in.Guest())
	list := Of(p.in.VM)
	for i := range list {
		if name := list[i].Name; p.in.Guest() != nil && plan.States[name] == "" {
			plan.States[name] = v1alpha1.VMNetworkWaiting
		}
	}
	return plan
}

// Devices are the interfaces of the template and the networks behind them, of equal names as KubeVirt demands.
func (p Plan) Devices() ([]kubevirtv1.Interface, []kubevirtv1.Network) {
	var devices []kubevirtv1.Interface
	var networks []kubevirtv1.Network
	for _, item := range p.Template().Interfaces {
		devices = append(devices, item.Device)
		networks = append(networks, item.Network)
	}
	return devices, networks
}

// Lock is the version of the VirtualMachine that the template is for, when a guest runs and the template changes: written over a newer
// one, it could take out of the template what KubeVirt has just given to the guest.
func (p Plan) Lock() string {
	if p.in.Guest() == nil || p.in.Machine == nil || interfaces.Equal(p.Template().Interfaces, p.in.template()) {
		return ""
	}
	return p.in.Machine.ResourceVersion
}

// wanted are those of spec whose networks are known. A guest that runs gets an interface when its network is ready, and keeps one whose
// network is not ready any more.
func (p Plan) wanted() []interfaces.Interface {
	var result, present []interfaces.Interface
	if guest := p.in.Guest(); guest != nil {
		present = append(ofInstance(guest), p.in.template()...)
	}
	list := Of(p.in.VM)
	for i := range list {
		nic := &list[i]
		has := interfaces.Find(present, nic.Name)
		if p.in.Guest() != nil && has == nil && p.in.unsettled(nic) != nil {
			continue
		}
		name := model.NetworkName(p.in.VM, nic)
		if name != "" && (p.in.Networks[name] == nil || p.in.Addresses().Problem(nic, p.in.Networks[name]) != nil) {
			if has != nil {
				result = append(result, *has)
			}
			continue
		}
		result = append(result, p.desired(nic))
	}
	return result
}

// unsettled is why a guest that runs cannot get an interface yet, or nil: its network is not ready, or its addresses are not known.
func (in Inputs) unsettled(nic *v1alpha1.VMNetwork) *cause.Cause {
	name := model.NetworkName(in.VM, nic)
	if name == "" {
		return nil
	}
	if found := in.networkProblem(name); found != nil {
		return found
	}
	return in.Addresses().Problem(nic, in.Networks[name])
}

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

// bind says by what KubeVirt hands the pod's interface to the guest. A bridge in the pod carries every layer-2 network; a virtual function
// is a device of the guest's own.
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
	return spec.Type == v1alpha1.NetworkTypeSRIOV ||
		spec.Type == v1alpha1.NetworkTypeAttachment && spec.NetworkAttachmentDefinition.Binding == v1alpha1.AttachmentBindingSRIOV
}

// specOf is what the network of an interface is: that of its WukongNetwork, else the pod network.
func (in Inputs) specOf(nic *v1alpha1.VMNetwork) *v1alpha1.WukongNetworkSpec {
	if object := in.Networks[model.NetworkName(in.VM, nic)]; object != nil {
		return &object.Spec
	}
	return &v1alpha1.WukongNetworkSpec{Type: v1alpha1.NetworkTypePod, Pod: nic.Pod}
}

// plugProblem is an interface that KubeVirt can plug in by a live migration only.
func (p Plan) plugProblem() *cause.Cause {
	if !p.in.migrationRequired() {
		return nil
	}
	plan := p.Template()
	names := append(plan.Named(v1alpha1.VMNetworkAttaching), plan.Named(v1alpha1.VMNetworkDetaching)...)
	if len(names) == 0 {
		return nil
	}
	message, waiting := p.in.migrationMessage()
	return &cause.Cause{Reason: v1alpha1.ReasonMigrationRequired, Waiting: waiting, Message: fmt.Sprintf("interface %s: %s", names[0], message)}
}

func (in Inputs) migrationRequired() bool {
	guest := in.Guest()
	if guest == nil {
		return false
	}
	required := virt.Condition(guest, kubevirtv1.VirtualMachineInstanceMigrationRequired)
	return required != nil && required.Status == corev1.ConditionTrue
}

// migrationMessage says whether the migration that an interface waits for can come.
func (in Inputs) migrationMessage() (message string, comes bool) {
	migratable := virt.Condition(in.Guest(), kubevirtv1.VirtualMachineInstanceIsMigratable)
	if migratable != nil && migratable.Status == corev1.ConditionFalse {
		return fmt.Sprintf("it comes and goes by a live migration, and this machine cannot migrate: %s; "+
			"set powerState to Stopped and back to Running", migratable.Message), false
	}
	return fmt.Sprintf("it comes and goes by a live migration, which KubeVirt starts by itself when its workloadUpdateMethods have "+
		"LiveMigrate; 'virtctl migrate %s' does it at once", in.VM.Name), true
}
