package wukongvm

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/guest"
)

// +kubebuilder:rbac:groups=subresources.kubevirt.io,resources=virtualmachineinstances/filesystemlist,verbs=get

// observeFileSystems reads the file systems that the guest agent reports. They are worth knowing and decide nothing: when they cannot be
// read, those of the last time stay.
func (r *Reconciler) observeFileSystems(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) {
	if !observed.AgentConnected() {
		return
	}
	disks := map[string]string{}
	for i := range vm.Spec.Disks {
		disks[observed.diskInputs(vm).Serial(&vm.Spec.Disks[i])] = vm.Spec.Disks[i].Name
	}
	var err error
	if observed.fileSystems, err = r.guests.FileSystems(ctx, vm.Namespace, vm.Name, disks); err != nil {
		log.FromContext(ctx).V(1).Info("Cannot read the guest's file systems", "reason", err.Error())
		if vm.Status.Guest != nil {
			observed.fileSystems = vm.Status.Guest.FileSystems
		}
	}
}

// fileSystemsAfter is when to read the file systems again; zero for a guest whose agent is not there.
func (o *observation) fileSystemsAfter(vm *v1alpha1.WukongVM, now time.Time) time.Duration {
	if !o.AgentConnected() {
		return 0
	}
	return guest.Again(vm, o.fileSystems, now)
}
