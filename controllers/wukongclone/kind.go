package wukongclone

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// Kind declares WukongClone and its controller.
var Kind = kind.Kind{
	Name:         "wukongclone",
	Object:       &v1alpha1.WukongClone{},
	List:         &v1alpha1.WukongCloneList{},
	Umbrella:     kind.Operation,
	Finalizer:    v1alpha1.FinalizerClone,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &v1alpha1.WukongVM{}, Why: "the source, and the result",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofVM, machineChange())},
		},
		{
			Of: &v1alpha1.WukongDisk{}, Why: "the source, the result, and how far the disks of the result are",
			Watches: []kind.Watch{kind.On((*Reconciler).ofDisk, diskChange())},
		},
		{
			Of: &v1alpha1.WukongSnapshot{}, Why: "what the disks are copied from",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofSnapshot, snapshotChange())},
		},
		{
			Of: &v1alpha1.WukongNetwork{}, Why: "whether the networks of the result exist",
			Watches: []kind.Watch{kind.Map((*Reconciler).ofNetwork, creation())},
		},
		{Of: &v1alpha1.WukongAddress{}, Why: "whether the source still has the addresses that a clone keeps"},
		{Of: &appsv1.ControllerRevision{}, Why: "the manifest of the source", Live: true},
		{Of: &corev1.Secret{}, Why: "whether the Secrets of the result exist", Live: true},
	},
	Indexes: slices.Concat(
		index.Of(&v1alpha1.WukongClone{}, index.CloneBySource, index.CloneByTarget),
		index.Of(&v1alpha1.WukongSnapshot{}, index.SnapshotByVM),
		index.Of(&v1alpha1.WukongAddress{}, index.AddressByMachine)),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		uncached, err := env.Uncached()
		if err != nil {
			return nil, err
		}
		return &Reconciler{
			client: env.Client(), uncached: uncached, live: env.Manager.GetAPIReader(), applier: env.Applier(),
			clock: env.Clock, namespaces: env.Settings.Namespaces,
		}, nil
	},
}
