package wukongvm

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/read"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/cloudinit"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/events"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// reads are the reads of a pass, in their order: each may use what those before it read.
var reads = []func(*Reconciler, context.Context, *v1alpha1.WukongVM, *observation) error{
	(*Reconciler).readUmbrella,
	(*Reconciler).readDisks,
	(*Reconciler).readNetworks,
	(*Reconciler).readSecrets,
	(*Reconciler).readServices,
	(*Reconciler).readPolicies,
	(*Reconciler).readVirtualMachine,
	(*Reconciler).readEvents,
	(*Reconciler).readOwners,
	(*Reconciler).readMoves,
	(*Reconciler).readSnapshots,
	(*Reconciler).readGates,
	(*Reconciler).readAddresses,
}

// observe reads what a pass needs, and plans.
func (r *Reconciler) observe(ctx context.Context, vm *v1alpha1.WukongVM) (*observation, error) {
	observed := &observation{world: world{now: r.clock.Now()}}
	for _, one := range reads {
		if err := one(r, ctx, vm, observed); err != nil {
			return nil, err
		}
	}
	observed.resolve(vm)
	return observed, nil
}

func (r *Reconciler) readUmbrella(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.umbrella, err = umbrella.Observe(ctx, r.client, vm)
	return err
}

func (r *Reconciler) readDisks(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.disks, err = disks.Read(ctx, r.client, vm)
	return err
}

func (r *Reconciler) readNetworks(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	found := &observed.networks
	if found.byName, err = nics.Read(ctx, r.client, vm); err != nil {
		return err
	}
	if found.passt, err = binding.Registered(ctx, r.client, r.dependencies, nics.PodPlugin(vm)); err != nil {
		return err
	}
	found.made, err = nics.ReadMade(ctx, r.client, vm)
	return err
}

// readSecrets reads the Secrets of users with cloud-init data.
func (r *Reconciler) readSecrets(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	observed.secrets = map[string]*corev1.Secret{}
	for _, name := range cloudinit.SecretNames(vm) {
		secret, err := read.Get(ctx, r.uncached, vm.Namespace, name, &corev1.Secret{})
		if err != nil {
			return err
		}
		if secret != nil {
			observed.secrets[name] = secret
		}
	}
	return nil
}

func (r *Reconciler) readServices(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.services, err = services.Read(ctx, r.client, vm)
	return err
}

func (r *Reconciler) readPolicies(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.enforcement = r.enforcement
	observed.policies, err = policy.Read(ctx, r.client, vm)
	return err
}

// readVirtualMachine reads the objects of KubeVirt that belong to the WukongVM, and the file systems of the guest.
func (r *Reconciler) readVirtualMachine(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	served, err := r.dependencies.Served(ctx, dependency.VirtualMachines)
	if err != nil || !served {
		return err
	}
	if served, err = r.dependencies.Served(ctx, dependency.VirtualMachineInstances); err != nil || !served {
		return err
	}
	observed.kubevirtServed = true
	virtualMachine, err := read.Get(ctx, r.client, vm.Namespace, vm.Name, &kubevirtv1.VirtualMachine{})
	if err != nil {
		return err
	}
	if virtualMachine == nil || !metav1.IsControlledBy(virtualMachine, vm) {
		return nil
	}
	observed.Machine = virtualMachine
	instance, err := read.Get(ctx, r.client, vm.Namespace, vm.Name, &kubevirtv1.VirtualMachineInstance{})
	if err != nil {
		return err
	}
	if instance != nil && metav1.IsControlledBy(instance, virtualMachine) {
		observed.Instance, observed.Machine = instance, volumemove.Meant(virtualMachine, instance)
		observed.fileSystems = r.guests.Refresh(ctx, vm, observed.View, observed.diskInputs(vm).Serials())
	}
	return nil
}

// readEvents reads why the guest makes no progress, when other programs report it only in events.
func (r *Reconciler) readEvents(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	observed.events, err = events.Read(ctx, r.uncached, events.Inputs{
		VM: vm, View: observed.View, PlugPods: observed.diskInputs(vm).PlugPods(), Now: r.clock.Now(),
	})
	return err
}

func (r *Reconciler) readOwners(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	return observed.disks.ReadOwners(ctx, r.client, vm, observed.Presences())
}

// readMoves finds out whether the migration of a volume is stalled, and whether a guest has a node to migrate to.
func (r *Reconciler) readMoves(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	migrations := func() ([]kubevirtv1.VirtualMachineInstanceMigration, error) {
		return volumemove.Migrations(ctx, r.uncached, vm)
	}
	found := &observed.moveFacts
	if found.stall, err = volumemove.LookForStall(observed.View, r.clock.Now(), migrations); err != nil {
		return err
	}
	if volumemove.AsksForNodes(observed.disks.ByName) && observed.Running() != nil {
		found.nodes, err = volumemove.CountNodes(ctx, r.uncached)
	}
	return err
}

// readSnapshots reads the WukongSnapshots of a restore.
func (r *Reconciler) readSnapshots(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	found := &observed.snapshots
	get := func(name string) (*v1alpha1.WukongSnapshot, error) {
		return read.Get(ctx, r.client, vm.Namespace, name, &v1alpha1.WukongSnapshot{})
	}
	if asked := vm.Spec.Restore; asked != nil {
		if found.restored, err = get(asked.SnapshotRef.Name); err != nil {
			return err
		}
	}
	if status := vm.Status.Restore; status != nil && status.SafetySnapshotName != "" {
		found.safety, err = get(status.SafetySnapshotName)
	}
	return err
}

// readGates reads which feature gates of KubeVirt are off, when a disk waits for one.
func (r *Reconciler) readGates(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) error {
	if !observed.diskInputs(vm).AwaitsGates() {
		return nil
	}
	served, err := r.dependencies.Served(ctx, dependency.KubeVirts)
	if err != nil || !served {
		return err
	}
	observed.disks.GatesOff, err = disks.ReadGates(ctx, r.client)
	return err
}

// readAddresses reads which addresses are assigned to the interfaces, and whether the guest uses one of another
// WukongVM.
func (r *Reconciler) readAddresses(ctx context.Context, vm *v1alpha1.WukongVM, observed *observation) (err error) {
	found := &observed.networks
	if found.locks, err = r.addresses.Held(ctx, observed.nicInputs(vm).Addresses()); err != nil {
		return err
	}
	found.conflict, err = r.addresses.Conflict(ctx, observed.nicInputs(vm).Addresses())
	return err
}
