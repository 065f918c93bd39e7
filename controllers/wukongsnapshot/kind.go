package wukongsnapshot

import (
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	appsv1 "k8s.io/api/apps/v1"
	storagev1 "k8s.io/api/storage/v1"
	kubevirtv1 "kubevirt.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/subresource"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/guest"
	"github.com/novasphere/wukong/controllers/wukongsnapshot/internal/parts"
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
			Of: &v1alpha1.WukongVM{}, Why: "its disks and its manifest, and whether its guest may write to them",
			Watches: []kind.Watch{kind.On((*Reconciler).ofVM, vmChange())},
		},
		{
			Of: &kubevirtv1.VirtualMachineInstance{}, Why: "whether the file systems of the guest can be frozen, and are",
			API: &dependency.VirtualMachineInstances, Labels: kind.Managed(), Keep: kind.Copy(guest.Keep),
			Watches: []kind.Watch{kind.On((*Reconciler).ofInstance, guest.Change())},
		},
		{Of: &storagev1.StorageClass{}, Why: "the driver of a disk, for which there must be a VolumeSnapshotClass"},
		{Of: &snapshotv1.VolumeSnapshotClass{}, Why: "whether the storage of a disk can take snapshots", Live: true},
		{Of: &appsv1.ControllerRevision{}, Why: "the manifest of the WukongVM", Live: true},
		{
			Of: &snapshotv1.VolumeSnapshot{}, Why: "the snapshots that are taken", API: &dependency.VolumeSnapshots,
			Watches: []kind.Watch{
				kind.By(handler.EnqueueRequestsFromMapFunc(apply.OwnerOf("WukongSnapshot")), parts.Change()),
			},
		},
	},
	Indexes: append(
		index.Of(&v1alpha1.WukongSnapshot{}, index.SnapshotByDisk, index.SnapshotByVM),
		index.Of(&v1alpha1.WukongVM{}, index.VMByDisk)...),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		agents, err := subresource.New(env.Manager.GetConfig(), env.Manager.GetHTTPClient())
		if err != nil {
			return nil, err
		}
		uncached, err := env.Uncached()
		if err != nil {
			return nil, err
		}
		return &Reconciler{
			client: env.Client(), uncached: uncached, applier: env.Applier(),
			dependencies: env.Dependencies, clock: env.Clock, agents: agents,
		}, nil
	},
}
