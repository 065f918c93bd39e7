package wukongvm

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// planInterfaces decides which interfaces the machine's template has, given the guest that runs.
func (o *observation) planInterfaces(vm *v1alpha1.WukongVM) interfaces.Plan {
	plan := interfaces.Make(o.wantedInterfaces(vm), o.templateInterfaces(), o.Guest())
	list := nics.Of(vm)
	for i := range list {
		if name := list[i].Name; o.Guest() != nil && plan.States[name] == "" {
			plan.States[name] = v1alpha1.VMNetworkWaiting
		}
	}
	return plan
}

// interfacesLock is the version of the VirtualMachine that a plan is for, when a guest runs and the plan changes something: written over a newer
// one, it could take out of the template what KubeVirt has just given to the guest.
func (o *observation) interfacesLock(vm *v1alpha1.WukongVM) string {
	if o.Guest() == nil || o.Machine == nil || interfaces.Equal(o.planInterfaces(vm).Interfaces, o.templateInterfaces()) {
		return ""
	}
	return o.Machine.ResourceVersion
}

func interfacesOf(instance *kubevirtv1.VirtualMachineInstance) []interfaces.Interface {
	return interfaces.Of(&instance.Spec)
}

func (o *observation) templateInterfaces() []interfaces.Interface {
	if o.Machine == nil || o.Machine.Spec.Template == nil {
		return nil
	}
	return interfaces.Of(&o.Machine.Spec.Template.Spec)
}

// wantedInterfaces are those of spec whose networks are known. A guest that runs gets an interface when its network is ready, and keeps one
// whose network is not ready any more.
func (o *observation) wantedInterfaces(vm *v1alpha1.WukongVM) []interfaces.Interface {
	var result []interfaces.Interface
	var present []interfaces.Interface
	if guest := o.Guest(); guest != nil {
		present = append(interfacesOf(guest), o.templateInterfaces()...)
	}
	list := nics.Of(vm)
	for i := range list {
		network := &list[i]
		has := interfaces.Find(present, network.Name)
		if o.Guest() != nil && has == nil && o.unsettled(vm, network) != nil {
			continue
		}
		if name := index.NetworkName(vm, network); name != "" && (o.networks[name] == nil || o.addressProblem(network, o.networks[name]) != nil) {
			if has != nil {
				result = append(result, *has)
			}
			continue
		}
		result = append(result, wantedInterface(vm, network, o))
	}
	return result
}

// unsettled is why a guest that runs cannot get an interface yet, or nil: its network is not ready, or its addresses are not known.
func (o *observation) unsettled(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork) *cause.Cause {
	name := index.NetworkName(vm, network)
	if name == "" {
		return nil
	}
	if found := o.networkProblem(name, o.networks[name]); found != nil {
		return found
	}
	return o.addressProblem(network, o.networks[name])
}

func wantedInterface(vm *v1alpha1.WukongVM, network *v1alpha1.VMNetwork, observed *observation) interfaces.Interface {
	result := interfaces.Interface{
		Device:  kubevirtv1.Interface{Name: network.Name, MacAddress: macAddress(vm, network)},
		Network: kubevirtv1.Network{Name: network.Name},
	}
	bindInterface(&result.Device, specOf(vm, network, observed))
	if network.LinkState == v1alpha1.LinkDown && result.Device.SRIOV == nil {
		result.Device.State = kubevirtv1.InterfaceStateLinkDown
	}
	if attachment := attachmentOf(vm, network, observed); attachment == "" {
		result.Network.Pod = &kubevirtv1.PodNetwork{}
	} else {
		result.Network.Multus = &kubevirtv1.MultusNetwork{NetworkName: attachment}
	}
	return result
}

// plugProblem is an interface that KubeVirt can plug in by a live migration only.
func (o *observation) plugProblem(vm *v1alpha1.WukongVM) *cause.Cause {
	if !o.migrationRequired() {
		return nil
	}
	plan := o.planInterfaces(vm)
	names := append(plan.Named(v1alpha1.VMNetworkAttaching), plan.Named(v1alpha1.VMNetworkDetaching)...)
	if len(names) == 0 {
		return nil
	}
	message, waiting := o.migrationMessage(vm)
	return &cause.Cause{Reason: v1alpha1.ReasonMigrationRequired, Waiting: waiting, Message: fmt.Sprintf("interface %s: %s", names[0], message)}
}

func (o *observation) migrationRequired() bool {
	guest := o.Guest()
	if guest == nil {
		return false
	}
	required := virt.Condition(guest, kubevirtv1.VirtualMachineInstanceMigrationRequired)
	return required != nil && required.Status == corev1.ConditionTrue
}

// migrationMessage says whether the migration that an interface waits for can come.
func (o *observation) migrationMessage(vm *v1alpha1.WukongVM) (string, bool) {
	if migratable := virt.Condition(o.Guest(), kubevirtv1.VirtualMachineInstanceIsMigratable); migratable != nil && migratable.Status == corev1.ConditionFalse {
		return fmt.Sprintf("it comes and goes by a live migration, and this machine cannot migrate: %s; set powerState to Stopped and back to Running",
			migratable.Message), false
	}
	return fmt.Sprintf("it comes and goes by a live migration, which KubeVirt starts by itself when its workloadUpdateMethods have LiveMigrate; "+
		"'virtctl migrate %s' does it at once", vm.Name), true
}
