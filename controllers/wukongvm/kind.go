package wukongvm

import (
	"slices"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/addresslock"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/addresses"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/changes"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/guest"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/policy"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/virt"
	"github.com/novasphere/wukong/controllers/wukongvm/internal/waiting"
)

// Kind declares WukongVM and its controller.
var Kind = kind.Kind{
	Name:         "wukongvm",
	Object:       &v1alpha1.WukongVM{},
	List:         &v1alpha1.WukongVMList{},
	Umbrella:     kind.Part,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         predicate.Or(predicate.GenerationChangedPredicate{}, changes.OwnerReferences()),
	Reads:        slices.Concat(children, kubevirt, live),
	Indexes: slices.Concat(
		index.Of(&v1alpha1.WukongVM{}, index.VMByNetwork, index.VMByDisk, index.VMByObservedAddress,
			index.VMBySnapshot),
		index.Of(&v1alpha1.WukongDisk{}, index.DiskByOwner, index.DiskByClaim, index.DiskByHolder),
		index.Of(&v1alpha1.WukongNetwork{}, index.NetworkByOwner, index.NetworkBySegment),
		index.Of(&v1alpha1.WukongAddress{}, index.AddressByInterface)),
	Start: start,
}

// children are the objects that a WukongVM uses or makes.
var children = []kind.Read{
	{
		Of:      &v1alpha1.WukongDisk{},
		Why:     "the disks that the WukongVM uses or made: their claims, and whether it may use them",
		Watches: []kind.Watch{vmsUsing(index.VMByDisk)},
	},
	{
		Of: &v1alpha1.WukongNetwork{}, Why: "the networks that the WukongVM uses or made",
		Watches: []kind.Watch{vmsUsing(index.VMByNetwork)},
	},
	{
		Of:      &v1alpha1.WukongSnapshot{},
		Why:     "the snapshot that disks are restored from, and the one that is taken before that",
		Watches: []kind.Watch{kind.On((*Reconciler).restoredFrom, changes.Snapshot())},
	},
	{
		Of: &v1alpha1.WukongAddress{}, Why: "which addresses are assigned to the WukongVM, and which it waits for",
		Watches: []kind.Watch{
			kind.On((*Reconciler).addressReleased, changes.OnlyDeletions()),
			kind.On((*Reconciler).addressAssigned, changes.OnlyCreations()),
		},
	},
	{
		Of: &corev1.Service{}, Why: "the Services of the WukongVM, and their addresses", Labels: kind.Managed(),
		Watches: []kind.Watch{kind.By(byOwner(), changes.Service())},
	},
	{
		Of: &discoveryv1.EndpointSlice{}, Why: "whether a Service reaches the guest", Labels: kind.Managed(),
		Watches: []kind.Watch{kind.On((*Reconciler).ofService, changes.Endpoints())},
	},
	{
		Of: &networkingv1.NetworkPolicy{}, Why: "the NetworkPolicy of the WukongVM", Labels: kind.Managed(),
		Watches: []kind.Watch{kind.By(byOwner(), changes.ByOthers())},
	},
	{
		Of:  &networkv1.NetworkAttachmentDefinition{},
		Why: "the attachments that the WukongVM makes for what its networks lack",
		API: &dependency.NetworkAttachments, Watches: []kind.Watch{kind.By(byOwner(), changes.ByOthers())},
	},
}

// kubevirt is what KubeVirt reports.
var kubevirt = []kind.Read{
	{
		Of:  &kubevirtv1.KubeVirt{},
		Why: "the network binding plugins of KubeVirt, and what it does to disks of running guests",
		API: &dependency.KubeVirts, Keep: kind.Copy(binding.KeepPlugins, virt.KeepGates), Everywhere: true,
		Watches: []kind.Watch{
			kind.Map((*Reconciler).vmsOfBindings, binding.Changed()),
			kind.Map((*Reconciler).everyVM, changes.Gates()),
		},
	},
	{
		Of:  &kubevirtv1.VirtualMachine{},
		Why: "the VirtualMachine of the WukongVM",
		API: &dependency.VirtualMachines, Labels: kind.Managed(),
		Watches: []kind.Watch{kind.By(sameName())},
	},
	{
		Of: &kubevirtv1.VirtualMachineInstance{}, Why: "the guest: how it is, and which volumes and interfaces it has",
		API: &dependency.VirtualMachineInstances, Labels: kind.Managed(), Keep: kind.Copy(virt.KeepInstance),
		Watches: []kind.Watch{kind.By(sameName())},
	},
}

// live is what is read from the API server. A cache of Secrets would need the right to list all of the cluster.
var live = []kind.Read{
	{Of: &corev1.Secret{}, Why: "cloud-init data and its Secret", Live: true},
	{Of: &corev1.Event{}, Why: "why a guest does not start", Live: true},
	{Of: &corev1.Node{}, Why: "whether a guest can migrate to another node, while a disk is moved", Live: true},
	{
		Of: &kubevirtv1.VirtualMachineInstanceMigration{}, Why: "why a disk is not moved",
		API: &dependency.VirtualMachineInstances, Live: true,
	},
}

// Enforcements are the values of the setting for the cluster's network plugin: Unknown, which is the default, Enforced
// and None.
func Enforcements() []string { return policy.Enforcements() }

// start makes the reconciler. The enforcement of NetworkPolicies in the settings is one of Enforcements, or empty.
func start(env kind.Env) (reconcile.Reconciler, error) {
	enforcement, err := policy.Parse(env.Settings.NetworkPolicyEnforcement)
	if err != nil {
		return nil, err
	}
	uncached, err := env.Uncached()
	if err != nil {
		return nil, err
	}
	manager := env.Manager
	guests, err := guest.NewReader(manager.GetConfig(), manager.GetHTTPClient())
	if err != nil {
		return nil, err
	}
	applier := env.Applier()
	return &Reconciler{
		client:       env.Client(),
		uncached:     uncached,
		guests:       guests,
		applier:      applier,
		childApplier: &apply.Applier{Client: env.Client(), FieldManager: fieldManager},
		secrets:      &apply.Applier{Client: uncached, FieldManager: fieldManager},
		dependencies: env.Dependencies,
		clock:        env.Clock,
		addresses: addresses.Assigner{
			Reader: env.Client(),
			Store: &addresslock.ClientStore{
				Client: env.Client(), Reader: manager.GetAPIReader(), FieldManager: fieldManager,
			},
			Room:     waiting.NewRoom(),
			Recorder: applier.Recorder,
		},
		enforcement: enforcement,
	}, nil
}
