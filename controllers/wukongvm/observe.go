package wukongvm

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/events"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

func (r *Reconciler) observe(ctx context.Context, vm *v1alpha1.WukongVM) (*observation, error) {
	observed := &observation{}
	observed.disks, observed.networks = map[string]*v1alpha1.WukongDisk{}, nics.Networks{}
	observed.secrets = map[string]*corev1.Secret{}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, vm); err != nil {
		return nil, err
	}
	for i := range vm.Spec.Disks {
		name := model.DiskName(vm, &vm.Spec.Disks[i])
		if name == "" {
			continue
		}
		if observed.disks[name], err = read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongDisk{}); err != nil {
			return nil, err
		}
	}
	for i := range vm.Spec.Networks {
		name := model.NetworkName(vm, &vm.Spec.Networks[i])
		if name == "" {
			continue
		}
		if observed.networks[name], err = read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongNetwork{}); err != nil {
			return nil, err
		}
	}
	if observed.passt, err = binding.Registered(ctx, r.client, r.dependencies, podPlugin(vm)); err != nil {
		return nil, err
	}
	for _, name := range cloudinit.SecretNames(vm) {
		secret, err := read.Get(ctx, r.uncached, vm.Namespace, name, &corev1.Secret{})
		if err != nil {
			return nil, err
		}
		if secret != nil {
			observed.secrets[name] = secret
		}
	}
	for _, step := range []func(context.Context, *v1alpha1.WukongVM, *observation) error{
		r.observeOwned, r.observeServices, r.observePolicy, r.observeMachine, r.observeEvents, r.observeStall, r.observeOwners, r.observeGates, r.observeNodes, r.observeAddresses, r.observeGuestAddresses,
	} {
		if err := step(ctx, vm, observed); err != nil {
			return nil, err
		}
	}
	observed.resolve(vm)
	return observed, nil
}

// podPlugin is the plugin by which the machine reaches the pod network without a WukongNetwork, or "".
func podPlugin(vm *v1alpha1.WukongVM) string {
	for i := range vm.Spec.Networks {
		if plugin := binding.PodPlugin(vm.Spec.Networks[i].Pod); plugin != "" {
			return plugin
		}
	}
	return ""
}

// observeEvents reads why the guest makes no progress, when other programs report it only in events.
func (r *Reconciler) observeEvents(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.events, err = events.Read(ctx, r.uncached, events.Inputs{
		VM: vm, View: observed.View, PlugPods: observed.diskInputs(vm).PlugPods(), Now: r.clock.Now(),
	})
	return err
}

func (r *Reconciler) observeMachine(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	served, err := r.dependencies.Served(ctx, dependency.VirtualMachines)
	if err != nil || !served {
		return err
	}
	if served, err = r.dependencies.Served(ctx, dependency.VirtualMachineInstances); err != nil || !served {
		return err
	}
	observed.kubevirtServed = true
	machine, err := read.Get(ctx, r.client, vm.Namespace, vm.Name, &kubevirtv1.VirtualMachine{})
	if err != nil {
		return err
	}
	if machine == nil || !metav1.IsControlledBy(machine, vm) {
		return nil
	}
	observed.Machine = machine
	instance, err := read.Get(ctx, r.client, vm.Namespace, vm.Name, &kubevirtv1.VirtualMachineInstance{})
	if err != nil {
		return err
	}
	if instance != nil && metav1.IsControlledBy(instance, machine) {
		observed.Instance, observed.Machine = instance, volumemove.Meant(machine, instance)
		r.observeFileSystems(ctx, vm, observed)
	}
	return nil
}
