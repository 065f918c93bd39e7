package wukongdisk

import (
	"context"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	kubevirtv1 "kubevirt.io/api/core/v1"
	cdiv1 "kubevirt.io/containerized-data-importer-api/pkg/apis/core/v1beta1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/novasphere/wukong/apis/model"
	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/index"
	"github.com/novasphere/wukong/controllers/internal/lasting"
	"github.com/novasphere/wukong/controllers/internal/pass"
	"github.com/novasphere/wukong/controllers/internal/scope"
	"github.com/novasphere/wukong/controllers/internal/umbrella"
	"github.com/novasphere/wukong/controllers/internal/watches"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-disk-controller"

// delete is never used: clusters with the admission plugin OwnerReferencesPermissionEnforcement ask it of whoever puts an owner
// reference on an object, as the umbrella's is put on this one.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongdisks/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongimages;wukongexports;wukongsnapshots,verbs=get;list;watch
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=datavolumes,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=datavolumes/source,verbs=create
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=cdiconfigs,verbs=get
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=kubevirt.io,resources=virtualmachines;virtualmachineinstances,verbs=get;list;watch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch
// +kubebuilder:rbac:groups=storage.k8s.io,resources=storageclasses,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongDisks to what their spec says.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	namespaces   scope.Namespaces
}

// Reconcile looks at one WukongDisk.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	disk := &v1alpha1.WukongDisk{}
	if err := r.client.Get(ctx, request.NamespacedName, disk); err != nil {
		if apierrors.IsNotFound(err) {
			err = r.clearLeftover(ctx, request.NamespacedName)
		}
		return reconcile.Result{}, err
	}
	observed, err := r.observe(ctx, disk)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !disk.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.finalize(ctx, disk, observed)
	}
	if observed.dataVolume != nil && !model.Belongs(observed.dataVolume, disk) {
		if err := r.clearLeftover(ctx, request.NamespacedName); err != nil { // of an earlier disk of this name
			return reconcile.Result{}, err
		}
	}
	if len(observed.lostOwners) > 0 {
		return reconcile.Result{}, r.outlive(ctx, disk, observed.lostOwners) // and its watch brings the disk back
	}
	return r.carryOut(ctx, disk, observed)
}

// carryOut writes what a disk that lives needs, and its status.
func (r *Reconciler) carryOut(ctx context.Context, disk *v1alpha1.WukongDisk, observed *observation) (reconcile.Result, error) {
	observed.outcome = steps.Run(ctx, r, disk, observed)
	result, err := observed.outcome.Conclude(observed.retryAfter(disk), func() error { return r.writeStatus(ctx, disk, observed) })
	if err != nil {
		return result, err
	}
	return pass.CleanUp(r.applier.Recorder, disk, result, r.clearAway(ctx, observed)), nil
}

// retryAfter is when to look again at what no watch reports; zero for never.
func (o *observation) retryAfter(disk *v1alpha1.WukongDisk) time.Duration {
	switch {
	case o.outsideUser != "", waitsForOrigin(disk, o):
		return pass.RefusedRetry
	case o.move.Again:
		return time.Millisecond
	default:
		return o.importer.Again
	}
}

// SetupWithManager registers the controller with its watches.
func SetupWithManager(namespaces scope.Namespaces) func(ctrl.Manager, *dependency.Registry, clock.PassiveClock) error {
	return func(manager ctrl.Manager, dependencies *dependency.Registry, clock clock.PassiveClock) error {
		reconciler := &Reconciler{
			client:       manager.GetClient(),
			applier:      &apply.Applier{Client: manager.GetClient(), Live: manager.GetAPIReader(), FieldManager: fieldManager, Recorder: manager.GetEventRecorder(fieldManager)},
			dependencies: dependencies,
			clock:        clock,
			namespaces:   namespaces,
		}
		return reconciler.setup(manager)
	}
}

func (r *Reconciler) setup(manager ctrl.Manager) error {
	controller, err := ctrl.NewControllerManagedBy(manager).
		Named("wukongdisk").
		For(&v1alpha1.WukongDisk{}, builder.WithPredicates(predicate.Or(watches.OwnChange(), wordGiven()))).
		Watches(&corev1.PersistentVolumeClaim{}, watches.Gather(r.disksBy(index.DiskByClaim), whileItLives), builder.WithPredicates(claimChange())).
		Watches(&corev1.PersistentVolumeClaim{}, r.clonesOf(model.KindClaim), builder.WithPredicates(originChange())).
		Watches(&corev1.Event{}, r.disksOfFailure(), builder.WithPredicates(failureChange())).
		Watches(&v1alpha1.WukongDisk{}, r.clonesOf(model.KindDisk), builder.WithPredicates(originChange())).
		Watches(&v1alpha1.WukongDisk{}, handler.EnqueueRequestsFromMapFunc(originOfClone), builder.WithPredicates(appears())).
		Watches(&v1alpha1.WukongDisk{}, r.othersOnClaims(), builder.WithPredicates(claimTaken())).
		Watches(&v1alpha1.WukongExport{}, handler.EnqueueRequestsFromMapFunc(diskOfExport), builder.WithPredicates(appears())).
		Watches(&v1alpha1.WukongSnapshot{}, r.clonesOf(model.KindWukongSnapshot), builder.WithPredicates(originChange())).
		Watches(&v1alpha1.WukongSnapshot{}, handler.EnqueueRequestsFromMapFunc(diskOfSnapshot), builder.WithPredicates(appears())).
		Watches(&v1alpha1.WukongImage{}, r.clonesOf(model.KindImage), builder.WithPredicates(originChange())).
		Watches(&storagev1.StorageClass{}, r.unsettledDisks(), builder.WithPredicates(classChange())).
		Watches(&v1alpha1.Wukong{}, umbrella.Handler(r.client, newList), builder.WithPredicates(umbrella.Predicate())).
		Watches(&v1alpha1.WukongVM{}, r.disksOfVM(), builder.WithPredicates(vmChange())).
		Watches(&v1alpha1.WukongVM{}, r.clonesOfDisksOf(), builder.WithPredicates(guestChange())).
		Build(lasting.Telling(r, r.applier, r.clock, func() *v1alpha1.WukongDisk { return &v1alpha1.WukongDisk{} }))
	if err != nil {
		return err
	}
	everything := func(ctx context.Context) []reconcile.Request {
		return watches.Requests(ctx, r.client, newList())
	}
	err = r.dependencies.Watch(controller, dependency.VirtualMachineInstances,
		source.Kind(manager.GetCache(), client.Object(&kubevirtv1.VirtualMachineInstance{}),
			handler.EnqueueRequestsFromMapFunc(r.disksBy(index.DiskByHolder)), instanceLetsGo()), everything)
	if err != nil {
		return err
	}
	err = r.dependencies.Watch(controller, dependency.VirtualMachines,
		source.Kind(manager.GetCache(), client.Object(&kubevirtv1.VirtualMachine{}),
			handler.EnqueueRequestsFromMapFunc(r.disksBy(index.DiskByHolder)), machineLetsGo()), everything)
	if err != nil {
		return err
	}
	err = r.dependencies.Watch(controller, dependency.VolumeSnapshots,
		source.Kind(manager.GetCache(), client.Object(&snapshotv1.VolumeSnapshot{}), r.clonesOf(model.KindSnapshot, model.KindWukongSnapshot), originChange()), everything)
	if err != nil {
		return err
	}
	return r.dependencies.Watch(controller, dependency.DataVolumes,
		source.Kind(manager.GetCache(), client.Object(&cdiv1.DataVolume{}), watches.Gather(apply.OwnerOf("WukongDisk"), whileItLives)), everything)
}

func newList() client.ObjectList { return &v1alpha1.WukongDiskList{} }
