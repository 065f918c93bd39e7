package wukongsnapshot

import (
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// Kind declares WukongSnapshot and its controller.
var Kind = kind.Kind{
	Name:         "wukongsnapshot",
	Object:       &v1alpha1.WukongSnapshot{},
	List:         &v1alpha1.WukongSnapshotList{},
	Umbrella:     kind.Operation,
	Finalizer:    v1alpha1.FinalizerSnapshot,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         watches.OwnChange(),
	Reads: []kind.Read{
		{
			Of: &v1alpha1.WukongDisk{}, Why: "the claim to take the snapshot of, and whether the disk is complete",
			Watches: []kind.Watch{kind.On((*Reconciler).ofDisk, diskChange())},
		},
		{
			Of: &v1alpha1.WukongVM{}, Why: "whether a machine may write to the disk decides how consistent the snapshot is",
			Watches: []kind.Watch{kind.On((*Reconciler).ofMachine, machineChange())},
		},
		{
			Of: &snapshotv1.VolumeSnapshot{}, Why: "the snapshot that is taken", API: &dependency.VolumeSnapshots,
			Watches: []kind.Watch{
				kind.By(handler.EnqueueRequestsFromMapFunc(apply.OwnerOf("WukongSnapshot")), snapshotChange()),
			},
		},
	},
	Indexes: append(
		index.Of(&v1alpha1.WukongSnapshot{}, index.SnapshotByDisk),
		index.Of(&v1alpha1.WukongVM{}, index.VMByDisk)...),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		return &Reconciler{
			client: env.Client(), applier: env.Applier(), dependencies: env.Dependencies, clock: env.Clock,
		}, nil
	},
}

func newList() client.ObjectList { return &v1alpha1.WukongSnapshotList{} }
