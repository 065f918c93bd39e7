package wukongexport

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/novasphere/wukong/apis/v1alpha1"
	"github.com/novasphere/wukong/controllers/internal/apply"
	"github.com/novasphere/wukong/controllers/internal/dependency"
	"github.com/novasphere/wukong/controllers/internal/kind"
	"github.com/novasphere/wukong/controllers/internal/operation"
	"github.com/novasphere/wukong/controllers/internal/pass"
)

// fieldManager owns the fields that this controller applies.
const fieldManager = "wukong-export-controller"

// delete of an export is for those whose time after the end is over. Owner references are put on exports and Jobs, which the admission plugin
// OwnerReferencesPermissionEnforcement wants the finalizers for.
//
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports/status,verbs=patch
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongexports/finalizers,verbs=update
// +kubebuilder:rbac:groups=vm.novasphere.dev,resources=wukongs;wukongvms;wukongdisks,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch,resources=jobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=events,verbs=list
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=secrets;services,verbs=get;create;patch
// +kubebuilder:rbac:groups=snapshot.storage.k8s.io,resources=volumesnapshots,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconciler brings WukongExports to what their spec says.
type Reconciler struct {
	client client.Client
	// applier writes what the caches hold, uncached the Secret and the Service of a download, once each: a cache of them would need the
	// right to list those of the whole cluster.
	applier      *apply.Applier
	uncached     *apply.Applier
	dependencies *dependency.Registry
	clock        clock.PassiveClock
	followers    *followers
	mover        kind.Mover
}

// Reconcile looks at one WukongExport.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	export := &v1alpha1.WukongExport{}
	if err := r.client.Get(ctx, request.NamespacedName, export); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !export.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil // the garbage collector does the rest
	}
	observed, err := r.observe(ctx, export)
	if err != nil {
		return reconcile.Result{}, err
	}
	observed.outcome = steps.Run(ctx, r, export, observed)
	result, err := observed.outcome.Conclude(observed.podAgain, func() (err error) {
		export, err = r.writeStatus(ctx, export, observed)
		return err
	})
	if err != nil {
		return result, err
	}
	return operation.End(ctx, r.client, r.applier.Recorder, export, result, r.clock.Now(), func(ctx context.Context) error {
		return r.cleanUp(ctx, observed)
	}), nil
}

// steps are the writes of a pass. All but the first do nothing for an export that is finished. What the Job's pod waits for comes after the Job, so that nothing is made for one that is
// refused.
var steps = pass.New("wukongexport",
	pass.Do("metadata", (*Reconciler).applyMetadata),
	pass.Do("job", (*Reconciler).applyJob),
	pass.Do("download", (*Reconciler).supplyDownload, "job"),
	pass.Do("snapshot", (*Reconciler).supplySnapshot, "download"),
)

// applyMetadata makes the export a dependent of its Wukong.
func (r *Reconciler) applyMetadata(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	return r.applier.Metadata(ctx, export.DeepCopy(), apply.Metadata{Umbrella: observed.umbrella.OwnerReference()})
}

// applyJob brings the Job into being, or, when a machine began to use the disk, out of it.
func (r *Reconciler) applyJob(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if export.Finished() {
		return nil
	}
	if job := observed.job; job != nil {
		if observed.void && job.DeletionTimestamp.IsZero() {
			return r.deleteJob(ctx, job)
		}
		return nil
	}
	if obstacle(export, observed) != nil {
		return nil
	}
	expiresAt := metav1.Time{}
	if download := export.Spec.Target.Download; download != nil {
		expiresAt = metav1.NewTime(r.clock.Now().Add(time.Duration(download.ExpiresAfterSeconds) * time.Second).Truncate(time.Second))
		if _, err := r.ownSecret(ctx, export); err != nil {
			return err
		}
	}
	applied, err := apply.Child(ctx, r.applier, export, desiredJob(export, observed, r.mover, expiresAt))
	if err != nil {
		return err
	}
	observed.job = applied
	return nil
}

// supplied reports whether a pod of the Job is to run.
func (o *observation) supplied(export *v1alpha1.WukongExport) bool {
	return !export.Finished() && o.job != nil && o.job.DeletionTimestamp.IsZero() && !o.void
}

// supplyDownload makes the Secret and the Service of a download.
func (r *Reconciler) supplyDownload(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if !observed.supplied(export) {
		return nil
	}
	return r.applyDownload(ctx, export, observed)
}

// supplySnapshot restores the claim that the Job reads from its snapshot.
func (r *Reconciler) supplySnapshot(ctx context.Context, export *v1alpha1.WukongExport, observed *observation) error {
	if !observed.supplied(export) {
		return nil
	}
	return r.restoreSnapshot(ctx, export, observed)
}

func (r *Reconciler) deleteJob(ctx context.Context, job *batchv1.Job) error {
	uid := job.UID
	err := r.client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &uid})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Job %s: %w", job.Name, err)
	}
	return nil
}

// cleanUp deletes the Job of a finished export. What its pods reported is in the status; the pods would keep the claim
// from being deleted (k8s.io/kubernetes, pkg/controller/volume/pvcprotection) for as long as the export exists.
func (r *Reconciler) cleanUp(ctx context.Context, observed *observation) error {
	if job := observed.job; job != nil && job.DeletionTimestamp.IsZero() {
		return r.deleteJob(ctx, job)
	}
	return nil
}
