package wukongvm

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/cause"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addresses"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/disks"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/events"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/nics"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/power"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// observation is what a pass knows: what it read, what follows from that, and what it wrote.
type observation struct {
	world
	plan
	written
	// outcome is how this pass's writes ended; nil before them.
	outcome *pass.Outcome
}

// world is what was read at the beginning of a pass. The steps that stamp disks and networks and that take addresses put what they wrote
// into it, and the step "resolve" plans again; the step "machine" puts the VirtualMachine into it, for the status.
type world struct {
	umbrella umbrella.Link
	// kubevirtServed: the cluster serves VirtualMachines.
	kubevirtServed bool
	virt.View
	diskFacts
	networkFacts
	// secrets of people that cloud-init data comes from, by name; absent when they do not exist.
	secrets map[string]*corev1.Secret
	// events are what other programs report only in events.
	events events.Report
	// fileSystems of the guest, as its agent reports them.
	fileSystems []v1alpha1.GuestFileSystem
}

// diskFacts are what was read about disks.
type diskFacts struct {
	// disks by name; nil when they do not exist.
	disks map[string]*v1alpha1.WukongDisk
	// ownedDisks are what the machine stamped, whether or not spec still has the template.
	ownedDisks []*v1alpha1.WukongDisk
	// owners are the names of the WukongDisks behind claims that the machine has.
	owners   map[string]string
	gatesOff disks.GatesOff
	// stall of a migration of volumes.
	stall volumemove.Stall
	// nodes is how many nodes machines can run on, up to volumemove.EnoughNodes; read only when a disk asks to move.
	nodes int
}

// networkFacts are what was read about networks and who may reach the machine.
type networkFacts struct {
	// networks by name; nil when they do not exist.
	networks nics.Networks
	// ownedNetworks are what the machine stamped, whether or not spec still has the template.
	ownedNetworks []*v1alpha1.WukongNetwork
	// passt: KubeVirt has the plugin, or the machine does not reach the pod network by it.
	passt bool
	// locks are the addresses that the machine holds.
	locks addresses.Locks
	// seenElsewhere: the guest shows an address that another machine was given.
	seenElsewhere *cause.Cause
	// services are the Services that the machine made, by name, endpoints how many machines answer behind each.
	services  map[string]*corev1.Service
	endpoints map[string]int32
	// policies are the NetworkPolicies that the machine made, one at most unless somebody copied its labels.
	policies []*networkingv1.NetworkPolicy
	// enforcement of policies in this cluster.
	enforcement policy.Enforcement
}

// written is what the steps of a pass report beside their errors.
type written struct {
	// stamped: this pass made a WukongDisk, whose controller reports on it in a moment.
	stamped bool
	// servicesProblem is found while the Services are written. serviceRefused: trying again may help.
	servicesProblem *cause.Cause
	serviceRefused  bool
}

// diskInputs are what decides about the disks.
func (o *observation) diskInputs(vm *v1alpha1.WukongVM) disks.Inputs {
	return disks.Inputs{VM: vm, View: o.View, Disks: o.disks, Owners: o.owners, Moves: o.moves}
}

// nicInputs are what decides about the interfaces.
func (o *observation) nicInputs(vm *v1alpha1.WukongVM) nics.Inputs {
	return nics.Inputs{
		VM: vm, View: o.View, Networks: o.networks, Locks: o.locks, Passt: o.passt, SeenElsewhere: o.seenElsewhere,
	}
}

// powerInputs are what decides whether the machine runs.
func (o *observation) powerInputs(vm *v1alpha1.WukongVM) power.Inputs {
	return power.Inputs{
		VM: vm, View: o.View, Waits: o.moves.Copies() || o.diskInputs(vm).Lacks(), Undecided: o.moves.Undecided(), Migrates: o.moves.Migrates(),
	}
}
