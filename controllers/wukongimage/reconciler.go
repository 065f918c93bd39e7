package wukongimage

import (
	"context"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-image-controller"

// delete of images is never used: clusters with the admission plugin OwnerReferencesPermissionEnforcement ask it of
// whoever puts an owner reference on an object, as the umbrella's is put on this one.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongimages,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongimages/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongimages/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs,verbs=get;list;watch
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=datavolumes,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=datasources,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=cdi.kubevirt.io,resources=dataimportcrons,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=list;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler applies the desired state of WukongImages.
type Reconciler struct {
	client       client.Client
	applier      *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
}

// Reconcile runs a pass over one WukongImage.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	image := &v1alpha1.WukongImage{}
	if err := r.client.Get(ctx, request.NamespacedName, image); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	observed, err := r.observe(ctx, image)
	if err != nil {
		return reconcile.Result{}, err
	}
	if !image.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.finalize(ctx, image, observed)
	}
	observed.outcome = steps.Run(ctx, r, image, observed)
	after := earliest(untilNextTick(image, observed), observed.importer.Again)
	result, err := observed.outcome.Conclude(after, func() error { return r.writeStatus(ctx, image, observed) })
	if err != nil || observed.outcome.Refused() != nil {
		return result, err
	}
	return pass.CleanUp(r.applier.Recorder, image, result, r.clearAway(ctx, image, observed)), nil
}

// steps are the writes of a pass over an image that is not being deleted. Nothing is created before the finalizer
// exists that deletes or releases it. The DataSource comes first: see the package's documentation.
var steps = pass.New("wukongimage",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("data-source", (*Reconciler).applyDataSource, "metadata"),
	pass.Do("cron", (*Reconciler).applyCron, "data-source"),
	pass.Do("ownership", (*Reconciler).keepImports, "data-source"),
	pass.Do("import", (*Reconciler).applyImport, "ownership"),
)

// applyMetadata adds the finalizer and the owner reference to the Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, image *v1alpha1.WukongImage, observed *observation) error {
	return r.applier.Metadata(ctx, image.DeepCopy(),
		apply.Metadata{Finalizer: v1alpha1.FinalizerImage, Umbrella: observed.umbrella.OwnerReference()})
}

// untilNextTick returns the time until our next import is due, or until CDI's poll is overdue; zero without a
// schedule. It is a date, no polling.
func untilNextTick(image *v1alpha1.WukongImage, observed *observation) time.Duration {
	next := nextTick(image, observed)
	if polled(image) {
		_, next = pollDeadline(observed)
	}
	return max(next.Sub(observed.now), 0)
}

// earliest returns the shorter of two waits. Zero means for ever.
func earliest(one, two time.Duration) time.Duration {
	if one == 0 || two == 0 {
		return max(one, two)
	}
	return min(one, two)
}
