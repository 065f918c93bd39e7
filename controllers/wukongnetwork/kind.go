package wukongnetwork

import (
	"slices"
	"time"

	networkv1 "github.com/k8snetworkplumbingwg/network-attachment-definition-client/pkg/apis/k8s.cni.cncf.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/binding"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongnetwork/internal/hostbridge"
)

// Kind declares WukongNetwork and its controller, which also starts the bridge controller.
var Kind = kind.Kind{
	Name:         "wukongnetwork",
	Object:       &v1alpha1.WukongNetwork{},
	List:         &v1alpha1.WukongNetworkList{},
	Umbrella:     kind.Part,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads:        slices.Concat(reads, hostbridge.Reads((*Reconciler).networksOn, (*Reconciler).networksOnManaged)),
	Indexes: slices.Concat(
		index.Of(&v1alpha1.WukongNetwork{}, index.NetworkByAttachment, index.NetworkByBridge, index.NetworkBySegment),
		index.Of(&v1alpha1.WukongVM{}, index.VMByNetwork),
		index.Of(&v1alpha1.WukongAddress{}, index.AddressBySegment)),
	Start: start,
}

var reads = []kind.Read{
	{
		Of: &v1alpha1.WukongVM{}, Why: "how many machines are on the network",
		Watches: []kind.Watch{kind.By(networksOfVM(), vmNetworksChanged())},
	},
	{
		Of: &v1alpha1.WukongAddress{}, Why: "how many addresses of the pool are taken",
		Watches: []kind.Watch{kind.On((*Reconciler).networksOfAddress, createdOrDeleted())},
	},
	{
		Of: &v1alpha1.WukongHostNetworkPolicy{}, Why: "which networks of the nodes the namespace may use",
		Watches: []kind.Watch{kind.On((*Reconciler).networksOfHostPolicy, predicate.GenerationChangedPredicate{})},
	},
	{
		Of: &corev1.Namespace{}, Why: "a policy may permit something by the labels of a namespace", OnlyMetadata: true,
		Watches: []kind.Watch{kind.On((*Reconciler).networksOfNamespace, predicate.LabelChangedPredicate{})},
	},
	{
		Of:      &corev1.Node{},
		Why:     "whether a node offers the device that the network needs, and which nodes shall have its bridge",
		Keep:    kind.Copy(keepDevices, hostbridge.KeepNode),
		Watches: []kind.Watch{kind.On((*Reconciler).networksOfNodes, nodeChange())},
	},
	{
		Of: &v1alpha1.WukongNetwork{}, Why: "what the other networks on the bridge ask of it",
		Watches: []kind.Watch{kind.On((*Reconciler).networksOfBridge, hostbridge.WishChange())},
	},
	{
		Of: &kubevirtv1.KubeVirt{}, Why: "the network binding plugins that KubeVirt has", API: &dependency.KubeVirts,
		Keep: kind.Copy(binding.KeepPlugins), Everywhere: true,
		Affected: kind.Affects((*Reconciler).networksThatNeedBindings),
		Watches:  []kind.Watch{kind.Map((*Reconciler).networksOfBindings, binding.Changed())},
	},
	{
		Of: &networkv1.NetworkAttachmentDefinition{}, Why: "the attachment of the network, which may be one of others",
		API:      &dependency.NetworkAttachments,
		Affected: kind.Affects((*Reconciler).networksThatNeedMultus),
		Watches:  []kind.Watch{kind.On((*Reconciler).networksOf, attachmentChange())},
	},
}

func start(env kind.Env) (reconcile.Reconciler, error) {
	// A release that does not see all networks cannot know whether a bridge of the nodes is still in use.
	if !env.Settings.Namespaces.Limited() {
		if err := hostbridge.Controller.Setup(env); err != nil {
			return nil, err
		}
	}
	return &Reconciler{
		client:       env.Client(),
		applier:      env.Applier(),
		dependencies: env.Dependencies,
		clock:        env.Clock,
		namespaces:   env.Settings.Namespaces,
		counted:      &tally{written: map[types.NamespacedName]time.Time{}},
	}, nil
}

func newList() client.ObjectList { return &v1alpha1.WukongNetworkList{} }
