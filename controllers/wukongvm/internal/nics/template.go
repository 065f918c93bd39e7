package nics

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/interfaces"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// Template is the interfaces of the VirtualMachine's template, given the guest that runs, and the state of each.
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

// Lock is the version of the VirtualMachine that the template is for, when a guest runs and the template changes:
// written over a newer one, it could take out of the template what KubeVirt has just given to the guest.
func (p Plan) Lock() string {
	if p.in.Guest() == nil || p.in.Machine == nil || interfaces.Equal(p.Template().Interfaces, p.in.template()) {
		return ""
	}
	return p.in.Machine.ResourceVersion
}

// wanted are the interfaces of the spec whose networks are known. A guest that runs gets an interface when its network
// is ready, and keeps an interface whose network is no longer ready.
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

// unsettled is why a guest that runs cannot get an interface yet, or nil: its network is not ready, or its addresses
// are not known.
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

// plugProblem is an interface that KubeVirt can plug in only by a live migration.
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
	return &cause.Cause{
		Reason: v1alpha1.ReasonMigrationRequired, Waiting: waiting,
		Message: fmt.Sprintf("interface %s: %s", names[0], message),
	}
}

func (in Inputs) migrationRequired() bool {
	guest := in.Guest()
	if guest == nil {
		return false
	}
	required := virt.Condition(guest, kubevirtv1.VirtualMachineInstanceMigrationRequired)
	return required != nil && required.Status == corev1.ConditionTrue
}

// migrationMessage reports whether the migration that an interface waits for is possible.
func (in Inputs) migrationMessage() (message string, comes bool) {
	migratable := virt.Condition(in.Guest(), kubevirtv1.VirtualMachineInstanceIsMigratable)
	if migratable != nil && migratable.Status == corev1.ConditionFalse {
		return fmt.Sprintf("it is plugged in and unplugged by a live migration, and this guest cannot migrate: %s; "+
			"set powerState to Stopped and back to Running", migratable.Message), false
	}
	return fmt.Sprintf("it is plugged in and unplugged by a live migration, which KubeVirt starts automatically when "+
		"its workloadUpdateMethods have LiveMigrate; 'virtctl migrate %s' does it at once", in.VM.Name), true
}
