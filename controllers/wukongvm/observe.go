package wukongvm

import (
	"context"
	"net/netip"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
)

// observation is everything that decides about a machine: what was read at the beginning of a pass, what follows from it, and what
// the pass wrote.
type observation struct {
	umbrella umbrella.Link
	// kubevirtServed: the cluster serves VirtualMachines.
	kubevirtServed bool
	// disks and networks by name; nil when they do not exist.
	disks    map[string]*v1alpha1.WukongDisk
	networks nics.Networks
	// ownedDisks and ownedNetworks are what the machine stamped, whether or not spec still has the template.
	ownedDisks    []*v1alpha1.WukongDisk
	ownedNetworks []*v1alpha1.WukongNetwork
	// owners are the names of the WukongDisks behind claims that the machine has.
	owners map[string]string
	// passt: KubeVirt has the plugin, or the machine does not reach the pod network by it.
	passt bool
	// secrets of people that cloud-init data comes from, by name; absent when they do not exist.
	secrets map[string]*corev1.Secret
	virt.View
	// services are the Services that the machine made, by name.
	services map[string]*corev1.Service
	// endpoints are how many machines answer behind each.
	endpoints map[string]int32
	// policies are the NetworkPolicies that the machine made, one at most unless somebody copied its labels.
	policies []*networkingv1.NetworkPolicy
	// enforcement of policies in this cluster.
	enforcement policy.Enforcement
	// locks are the addresses that the machine holds.
	locks locks
	// foreignAddress: the guest shows an address that another machine was given.
	foreignAddress *cause.Cause
	gatesOff       gatesOff
	// told is what events say of a machine that does not go on.
	told telling
	// fileSystems of the guest, as its agent reports them.
	fileSystems []v1alpha1.GuestFileSystem

	// stall of a migration of volumes.
	stall stall
	// nodes is how many nodes machines can run on, up to two; read only when a disk asks to move.
	nodes int

	// What follows: see resolve.
	moves                         map[string]volumeMove
	disksProblem, networksProblem *cause.Cause
	policy                        policy.Plan
	// servicesProblem is found while the Services are written. serviceRefused: trying again may help.
	servicesProblem *cause.Cause
	serviceRefused  bool
	cloudInit       cloudInitData
	// given are the addresses that the interfaces have by spec, by the name of the interface.
	given map[string][]netip.Prefix
	// withheld are the interfaces whose networks may not be used, or not before that is known, by the name of the interface.
	withheld map[string]bool
	// attachments are the NetworkAttachmentDefinitions that interfaces have of their own, by the name of the interface.
	attachments map[string]*networkv1.NetworkAttachmentDefinition
	// stamped: this pass made a WukongDisk, whose controller reports on it in a moment.
	stamped bool
	// outcome is how this pass's writes ended; nil before them.
	outcome *pass.Outcome
}

func (r *Reconciler) observe(ctx context.Context, vm *v1alpha1.WukongVM) (*observation, error) {
	observed := &observation{
		disks:    map[string]*v1alpha1.WukongDisk{},
		networks: map[string]*v1alpha1.WukongNetwork{},
		secrets:  map[string]*corev1.Secret{},
	}
	var err error
	if observed.umbrella, err = umbrella.Observe(ctx, r.client, vm); err != nil {
		return nil, err
	}
	for i := range vm.Spec.Disks {
		name := index.DiskName(vm, &vm.Spec.Disks[i])
		if name == "" {
			continue
		}
		if observed.disks[name], err = read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongDisk{}); err != nil {
			return nil, err
		}
	}
	for i := range vm.Spec.Networks {
		name := index.NetworkName(vm, &vm.Spec.Networks[i])
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
		r.observeOwned, r.observeServices, r.observePolicy, r.observeMachine, r.observeTelling, r.observeStall, r.observeOwners, r.observeGates, r.observeNodes, r.observeAddresses, r.observeGuestAddresses,
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
		observed.Instance, observed.Machine = instance, meant(machine, instance)
		r.observeFileSystems(ctx, vm, observed)
	}
	return nil
}
