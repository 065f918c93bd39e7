package wukongvm

import (
	"cmp"
	"context"
	"net/netip"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/conditions"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/placement"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/readiness"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
)

// writeStatus computes the status from scratch, and writes it when it differs.
func (r *Reconciler) writeStatus(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	after := vm.DeepCopy()
	after.Status = describe(vm, observed)
	set := conditions.For(vm, r.clock)
	readyInputs(vm, observed).Report(set)
	reportParts(set, vm, observed)
	if message := restartMessage(vm, observed); message != "" {
		set.True(v1alpha1.ConditionRestartRequired, "ChangePending", message)
	}
	observed.restore.Report(set)
	readiness.ReportGuest(set, observed.View)
	observed.umbrella.Report(set)
	after.Status.Conditions = set.List()
	after.Status.ObservedGeneration = vm.Generation
	return r.applier.Status(ctx, vm, after)
}

// readyInputs are what decides about Ready and the phase.
func readyInputs(vm *v1alpha1.WukongVM, observed *observation) readiness.Inputs {
	return readiness.Inputs{
		VM: vm, View: observed.View, KubeVirtServed: observed.kubevirtServed, Refused: observed.outcome.Refused(),
		Parts: observed.partsCause(), Restoring: observed.restore.Cause(), Events: observed.events,
	}
}

// reportParts sets a condition for each part of the WukongVM.
func reportParts(set *conditions.Set, vm *v1alpha1.WukongVM, observed *observation) {
	part := func(conditionType string, found *cause.Cause) {
		if found == nil {
			set.True(conditionType, v1alpha1.ReasonReady, "")
			return
		}
		set.False(conditionType, found.Reason, found.Message)
	}
	part(v1alpha1.ConditionDisksReady, observed.disksCause)
	part(v1alpha1.ConditionNetworksReady, observed.nics.Problem())
	part(v1alpha1.ConditionCloudInitReady, observed.cloudInit.Cause)
	observed.policy.Report(set, observed.outcome.Of(stepPolicy))
	if len(vm.Spec.Services) > 0 {
		part(v1alpha1.ConditionServicesReady, observed.servicesCause)
	}
	switch {
	case observed.outcome.Refused() != nil:
		part(v1alpha1.ConditionSynchronized, cause.Refused(observed.outcome.Refused()))
	case observed.Machine == nil || !observed.complete():
		set.False(v1alpha1.ConditionSynchronized, v1alpha1.ReasonPending,
			"the VirtualMachine is not written: see the other conditions")
	default:
		part(v1alpha1.ConditionSynchronized, readiness.GuestNotChanged(observed.View))
	}
}

// restartMessage reports the changes that wait for a restart: of interfaces, disks, labels and annotations, and what
// KubeVirt reports about the rest; empty without any.
func restartMessage(vm *v1alpha1.WukongVM, observed *observation) string {
	return cmp.Or(
		observed.nics.After(observed.View).RestartMessage(),
		observed.diskInputs(vm).RestartMessage(),
		placement.RestartMessage(vm, observed.Guest()),
		observed.RestartRequired(),
	)
}

// describe is the status without its conditions.
func describe(vm *v1alpha1.WukongVM, observed *observation) v1alpha1.WukongVMStatus {
	made := observed.services
	status := v1alpha1.WukongVMStatus{
		Phase:       readyInputs(vm, observed).Phase(),
		MachineUUID: string(model.FirmwareUUID(vm)),
		Networks:    observed.nics.After(observed.View).Status(),
		Disks:       diskReport(vm, observed).Status(),
		Restore:     restoreStatus(vm, observed),
		Services:    services.Status(vm, made.Services, made.Endpoints),
	}
	for _, network := range status.Networks {
		if status.PrimaryAddress == "" {
			status.PrimaryAddress = primaryAddress(network.Addresses)
		}
	}
	if instance := observed.Instance; instance != nil {
		if !instance.IsFinal() {
			status.NodeName, status.OnDrain = instance.Status.NodeName, readiness.OnDrain(observed.View)
		}
		guest := instance.Status.GuestOSInfo
		if guest.PrettyName != "" || guest.KernelRelease != "" || len(observed.fileSystems) > 0 {
			status.Guest = &v1alpha1.GuestStatus{
				OperatingSystem: guest.PrettyName, KernelRelease: guest.KernelRelease, FileSystems: observed.fileSystems,
			}
		}
	}
	return status
}

// diskReport is what status.disks reports, after the writes of the pass.
func diskReport(vm *v1alpha1.WukongVM, observed *observation) disks.Report {
	return disks.Report{
		Inputs: observed.diskInputs(vm), Off: observed.disks.GatesOff, PlugFailures: observed.events.PlugFailures,
		Written: observed.outcome.Of(stepVirtualMachine) == nil && observed.complete(),
	}
}

// primaryAddress is the first address that is not link-local, which other computers can use.
func primaryAddress(addresses []string) string {
	for _, text := range addresses {
		if address, err := netip.ParseAddr(text); err == nil && !address.IsLinkLocalUnicast() {
			return text
		}
	}
	return ""
}
