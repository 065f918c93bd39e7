package wukongvm

import (
	"time"

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
	"github.com/novasphere/wukong/controllers/wukongvm/internal/services"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/volumemove"
)

// observation is what a pass knows: what it read, what follows from that, and what it wrote.
type observation struct {
	world
	plan
	written
	// outcome is how the writes of this pass ended; nil before them.
	outcome *pass.Outcome
}

// world is what was read at the beginning of a pass. The steps that write WukongDisks, WukongNetworks and addresses
// put the result into it, and the step "resolve" plans again. The step "machine" puts the VirtualMachine into it, for
// the status.
type world struct {
	// now is when the pass began.
	now      time.Time
	umbrella umbrella.Link
	// kubevirtServed: the cluster serves VirtualMachines.
	kubevirtServed bool
	virt.View
	disks     disks.Found
	networks  networkFacts
	moveFacts moveFacts
	snapshots snapshotFacts
	services  services.Made
	// policies are the NetworkPolicies that the WukongVM made.
	policies []*networkingv1.NetworkPolicy
	// enforcement of NetworkPolicies by the cluster's network plugin.
	enforcement policy.Enforcement
	// secrets of users with cloud-init data, by name; those that do not exist are absent.
	secrets map[string]*corev1.Secret
	// events are what other programs report only in events.
	events events.Report
	// fileSystems of the guest, as its agent reports them.
	fileSystems []v1alpha1.GuestFileSystem
}

// moveFacts are what was read about the moves of disks.
type moveFacts struct {
	stall volumemove.Stall
	// nodes is how many nodes a guest can run on, up to volumemove.EnoughNodes. It is read only when a disk asks to
	// move.
	nodes int
}

// snapshotFacts are the WukongSnapshots of a restore; nil for those that do not exist.
type snapshotFacts struct {
	// restored is the one that spec.restore names, safety the one that is taken before the disks are replaced.
	restored, safety *v1alpha1.WukongSnapshot
}

// networkFacts are what was read about the interfaces.
type networkFacts struct {
	// byName are the WukongNetworks that the spec lists.
	byName nics.Networks
	// made are the WukongNetworks that were made from templates, whether or not the spec still has the template.
	made []*v1alpha1.WukongNetwork
	// passt: KubeVirt has the plugin, or the WukongVM does not reach the pod network by it.
	passt bool
	// locks are the addresses that are assigned to the interfaces.
	locks addresses.Locks
	// conflict: the guest shows an address that is assigned to another WukongVM.
	conflict *cause.Cause
}

// written is what the steps of a pass report besides their errors.
type written struct {
	// madeDisk: this pass made a WukongDisk, whose controller reports on it in a moment.
	madeDisk bool
	// servicesCause is found while the Services are written. serviceRefused: a retry may help.
	servicesCause  *cause.Cause
	serviceRefused bool
}
