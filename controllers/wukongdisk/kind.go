package wukongdisk

import (
	"slices"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/fields"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/diskstate"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/protocol/custody"
	"github.com/novasphere/wukong/controllers/internal/watches"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/attachment"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/backing"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/protection"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/provisioner"
	"github.com/novasphere/wukong/controllers/wukongdisk/internal/relay"
)

// Kind declares WukongDisk and its controller.
var Kind = kind.Kind{
	Name:         "wukongdisk",
	Object:       &v1alpha1.WukongDisk{},
	List:         &v1alpha1.WukongDiskList{},
	Umbrella:     kind.Part,
	Finalizer:    v1alpha1.FinalizerDisk,
	FieldManager: fieldManager,
	ReportErrors: true,
	When:         predicate.Or(watches.OwnChange(), backing.UserChoice()),
	Reads:        slices.Concat(storage, users, relayed, live),
	Indexes: slices.Concat(
		index.Of(&v1alpha1.WukongDisk{}, index.DiskByClaim, index.DiskByOwner, index.DiskByHolder, index.DiskByOrigin,
			index.DiskByRestore),
		index.Of(&v1alpha1.WukongVM{}, index.VMByDisk),
		index.Of(&v1alpha1.WukongSnapshot{}, index.SnapshotByDisk, index.SnapshotByVM),
		index.Of(&corev1.PersistentVolumeClaim{}, index.ClaimByUID),
		index.Of(&corev1.Event{}, index.FailureByClaim)),
	Start: func(env kind.Env) (reconcile.Reconciler, error) {
		relays, err := relay.NewRunner(env, fieldManager)
		return &Reconciler{
			client: env.Client(), applier: env.Applier(), relays: relays, dependencies: env.Dependencies, clock: env.Clock,
			namespaces: env.Settings.Namespaces,
		}, err
	},
}

// storage is read because a disk is stored in it or filled from it.
var storage = []kind.Read{
	{
		Of: &corev1.PersistentVolumeClaim{}, Keep: kind.Copy(diskstate.KeepClaim),
		Why: "the claim of the disk, which it may adopt or find its name taken by, and the origin of clones",
		Watches: []kind.Watch{
			kind.On((*Reconciler).disksOfClaimName, backing.ClaimChange()),
			clonesOf(model.KindClaim),
		},
	},
	{
		Of: &corev1.Event{}, Why: "why a provisioner makes no volume", Fields: provisionerFailures(),
		Watches: []kind.Watch{kind.On((*Reconciler).disksOfFailure, provisioner.FailureChange())},
	},
	{
		Of:  &v1alpha1.WukongDisk{},
		Why: "the origin of clones, the clones that wait for a disk, and other disks on the same claim",
		Watches: []kind.Watch{
			clonesOf(model.KindDisk),
			kind.By(handler.EnqueueRequestsFromMapFunc(originOfClone), created()),
			kind.On((*Reconciler).othersOnClaims, backing.ClaimNameChange()),
		},
	},
	{
		Of: &v1alpha1.WukongImage{}, Why: "the origin of disks", Watches: []kind.Watch{clonesOf(model.KindImage)},
	},
	{
		Of:      &storagev1.StorageClass{},
		Why:     "whether claims of it can grow, when they are bound, and which class is the default",
		Watches: []kind.Watch{kind.On((*Reconciler).unsettledDisks, provisioner.ClassChange())},
	},
	{
		Of: &snapshotv1.VolumeSnapshot{}, Why: "the origin of disks, and of their restores", API: &dependency.VolumeSnapshots,
		Watches: []kind.Watch{filledFromVolumeSnapshot()},
	},
	{
		Of:  &cdiv1.DataVolume{},
		Why: "how far CDI is with filling the disk",
		API: &dependency.DataVolumes, Labels: kind.Managed(),
		Watches: []kind.Watch{kind.By(watches.Gather(apply.OwnerOf("WukongDisk"), changesOnly))},
	},
}

// relayed are the objects by which an object in a bucket is verified or decrypted.
var relayed = []kind.Read{
	{
		Of: &batchv1.Job{}, Why: "the relay of an object in a bucket", Labels: kind.Managed(),
		Watches: []kind.Watch{kind.Owned()},
	},
	{Of: &corev1.Pod{}, Why: "whether the relay is ready, or why it failed", Live: true},
	{Of: &corev1.Secret{}, Why: "the token of the relay", Live: true},
	{Of: &corev1.ConfigMap{}, Why: "the certificate of the relay", Live: true},
	{Of: &corev1.Service{}, Why: "the Service of the relay", Live: true},
}

// users are the objects that use a disk, or wait for it.
var users = []kind.Read{
	{
		Of: &v1alpha1.WukongExport{}, Why: "exports that wait for a disk that no guest uses",
		Watches: []kind.Watch{kind.By(handler.EnqueueRequestsFromMapFunc(diskOfExport), created())},
	},
	{
		Of: &v1alpha1.WukongSnapshot{}, Why: "the origin of disks, and snapshots that wait for a disk that no guest uses",
		Watches: []kind.Watch{
			clonesOf(model.KindWukongSnapshot),
			kind.Map((*Reconciler).disksOfSnapshot, created()),
		},
	},
	{
		Of: &v1alpha1.WukongClone{}, Why: "whether the WukongClone that owns a protected disk was deleted",
		Watches: []kind.Watch{kind.By(handler.EnqueueRequestsFromMapFunc(diskOfClone), protection.CloneDeletion())},
	},
	{
		Of:  &v1alpha1.WukongVM{},
		Why: "who may use the disk, who still has it, and whether a guest writes to the origin of a clone",
		Watches: []kind.Watch{
			kind.On((*Reconciler).disksOfVM, attachment.VMChange()),
			kind.On((*Reconciler).clonesOfDisksOf, attachment.GuestReleased()),
		},
	},
	{
		Of:  &kubevirtv1.VirtualMachineInstance{},
		Why: "an instance that a deleted WukongVM left behind may still write to the disk",
		API: &dependency.VirtualMachineInstances, Labels: kind.Managed(), Keep: kind.Copy(custody.KeepInstance),
		Watches: []kind.Watch{kind.Map(disksBy(index.DiskByHolder), attachment.InstanceReleased())},
	},
	{
		Of:  &kubevirtv1.VirtualMachine{},
		Why: "a VirtualMachine that a deleted WukongVM left behind may start with the disk",
		API: &dependency.VirtualMachines, Labels: kind.Managed(),
		Watches: []kind.Watch{kind.Map(disksBy(index.DiskByHolder), attachment.VirtualMachineReleased())},
	},
}

// live is read from the API server, in few passes.
var live = []kind.Read{
	{
		Of: &cdiv1.CDIConfig{}, Why: "the part of a file system that CDI leaves free",
		API: &dependency.DataVolumes, Live: true,
	},
}

// provisionerFailures selects the events that a provisioner creates when a claim gets no volume
// (sigs.k8s.io/sig-storage-lib-external-provisioner, controller/controller.go).
func provisionerFailures() fields.Selector {
	return fields.AndSelectors(
		fields.OneTermEqualSelector("involvedObject.kind", "PersistentVolumeClaim"),
		fields.OneTermEqualSelector("reason", "ProvisioningFailed"))
}
